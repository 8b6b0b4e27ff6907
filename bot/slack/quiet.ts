import { LogLevel } from '@slack/bolt'

/** A logger for Slack's libraries that prints nothing: what they would print they also throw, and who catches it logs it. */
export const quiet = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
  getLevel: () => LogLevel.ERROR,
  setName: () => {},
}
