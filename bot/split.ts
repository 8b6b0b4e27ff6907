/**
 * Cuts markdown into pieces of at most `limit` characters (80 at least), at line ends where it can, else at spaces. A code
 * fence that is cut is closed at the end of a piece and opened again, as it was, at the start of the next.
 */
export const split = (text: string, limit: number): readonly string[] => {
  if (text.length <= limit) return [text]
  const pieces: string[] = []
  let lines: string[] = []
  let size = 0
  let fence: Fence | undefined
  const add = (line: string) => {
    lines.push(line)
    size += line.length + 1
  }
  const clear = () => {
    lines = []
    size = 0
  }
  /** Nothing has come yet behind a fence opened again. */
  const reopened = () => fence !== undefined && lines.length === 1
  const flush = () => {
    if (lines.some(line => line.trim() !== '') && !reopened())
      pieces.push([...trimmed(lines), ...(fence ? [fence.closes] : [])].join('\n'))
    clear()
    if (fence) add(fence.opens)
  }

  for (const line of text.split('\n')) {
    const opened = fence ? undefined : fenceOf(line, limit)
    if (opened) {
      if (size + line.length + opened.closes.length + 2 > limit) flush()
      fence = opened
      add(line)
      continue
    }
    if (fence && closesFence(line, fence)) {
      if (reopened()) clear()
      else add(fence.closes)
      fence = undefined
      continue
    }
    let rest = line
    while (true) {
      const room: number = limit - size - (fence ? fence.closes.length + 1 : 0)
      if (rest.length <= room) break
      const fresh = limit - (fence ? fence.opens.length + fence.closes.length + 2 : 0)
      if (rest.length > fresh && room > fresh / 2) {
        const cut = cutAt(rest, room, fence !== undefined)
        add(rest.slice(0, cut))
        rest = fence ? rest.slice(cut) : rest.slice(cut).trimStart()
      }
      flush()
    }
    add(rest)
  }
  flush()
  return pieces
}

interface Fence {
  readonly opens: string
  readonly closes: string
}

/** An opening fence, as CommonMark has it. A line too long to be repeated in every piece opens without its info. */
const fenceOf = (line: string, limit: number): Fence | undefined => {
  const [, indent = '', marks, info = ''] = /^( {0,3})(`{3,}|~{3,})(.*)$/.exec(line) ?? []
  if (!marks || marks.length > limit / 8 || (marks.startsWith('`') && info.includes('`'))) return undefined
  return { opens: line.length > limit / 4 ? indent + marks : line, closes: indent + marks }
}

const closesFence = (line: string, { closes }: Fence): boolean => {
  const marks = closes.trim()
  const found = /^ {0,3}(`{3,}|~{3,})\s*$/.exec(line)?.[1]
  return found !== undefined && found[0] === marks[0] && found.length >= marks.length
}

/** Where to cut a line that is longer than a whole piece: at its last space in the second half, never inside a pair. */
const cutAt = (line: string, room: number, inCode: boolean): number => {
  const space = inCode ? -1 : line.lastIndexOf(' ', room)
  if (space > room / 2) return space
  return /[\uD800-\uDBFF]/.test(line[room - 1] ?? '') ? room - 1 : room
}

const trimmed = (lines: readonly string[]): readonly string[] => {
  const first = lines.findIndex(line => line.trim() !== '')
  const last = lines.findLastIndex(line => line.trim() !== '')
  return lines.slice(first, last + 1)
}
