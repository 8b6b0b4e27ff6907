import type { MongoClientOptions } from 'mongodb'
import { MongoClient, MongoError, MongoNetworkError, MongoServerError } from 'mongodb'
import { Unreachable } from './store.ts'

/** What a database answers within; measured from each question to its answer. */
export const answersWithinMs = 5000

/**
 * The driver's options: what is written is on the journals of the majority when its promise resolves, and only what is
 * there for good is read. Every wait of the driver itself is bounded too; its own `timeoutMS` has no effect in version 7.8.
 */
const clientOptions = (timeoutMs: number): MongoClientOptions => ({
  appName: 'bellhop',
  readConcernLevel: 'majority',
  writeConcern: { w: 'majority', journal: true },
  readPreference: 'primary',
  serverSelectionTimeoutMS: timeoutMs,
  connectTimeoutMS: timeoutMs,
  socketTimeoutMS: timeoutMs,
  waitQueueTimeoutMS: timeoutMs,
})

/** A client of this database, and a way to ask it. Nothing is connected yet. */
export const openClient = (url: string, timeoutMs: number) => {
  const client = new MongoClient(url, clientOptions(timeoutMs))
  return {
    client,
    db: client.db(),
    /** What `ask` gives; throws `Unreachable` when that takes too long or the way to the database breaks. */
    asked: async <T>(ask: () => Promise<T>): Promise<T> => {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(
        () => late.reject(new Unreachable(`The database has not answered for ${timeoutMs} ms.`)),
        timeoutMs,
      )
      try {
        return await Promise.race([ask(), late.promise])
      } catch (error) {
        throw told(error)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
export type Asked = ReturnType<typeof openClient>['asked']

/** Whether an insert was refused because its id, or another unique value, is there already. */
export const isTaken = (error: unknown): boolean => error instanceof MongoServerError && error.code === 11000

/** The error as the store tells it: `Unreachable` for each that a repeat may be spared. */
export const told = (error: unknown): unknown =>
  error instanceof Error && (isBroken(error) || (error instanceof MongoError && isPassing(error)))
    ? new Unreachable(`The database does not answer: ${error.message}`, { cause: error })
    : error

/** The driver lets through what the system says of a connection that broke just before it was written to. */
const isBroken = ({ code }: Error & { readonly code?: unknown }): boolean => brokenCodes.has(code)

const brokenCodes: ReadonlySet<unknown> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'ETIMEDOUT',
])

const isPassing = (error: MongoError): boolean =>
  error instanceof MongoNetworkError ||
  passingNames.has(error.name) ||
  error.hasErrorLabel('RetryableWriteError') ||
  (error instanceof MongoServerError && passingCodes.has(Number(error.code)))

/** Errors of the driver itself. Not among them: a client that was closed, which stays closed. */
const passingNames: ReadonlySet<string> = new Set([
  'MongoOperationTimeoutError',
  'MongoPoolClosedError',
  'MongoServerClosedError',
  'MongoServerSelectionError',
  'MongoStalePrimaryError',
  'MongoWaitQueueTimeoutError',
  'MongoWriteConcernError',
])

/** Codes of a server that is not the primary, steps down, shuts down or did not get done in time (error_codes.yml of MongoDB). */
const passingCodes: ReadonlySet<number> = new Set([
  6, 7, 50, 64, 89, 91, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436,
])
