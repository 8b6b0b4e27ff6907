import { randomBytes } from 'node:crypto'

/** Secrets that are made up for one test: they begin alike, so that one search finds them all. */
export interface Canaries {
  /** Its text, by a name of small letters. */
  of(name: string): string
  /** The names of those that stand in a text, each once, in the order of the alphabet. */
  namesIn(text: string): readonly string[]
  /** A shell command that looks through all that it can read and prints the names of those it found. */
  readonly search: string
  /** A shell command that hides one of this name and has no canary in its own text: `$canary` holds it in `command`. */
  plant(name: string, command: string): string
}

export const openCanaries = (): Canaries => {
  const first = `canary-${randomBytes(8).toString('hex')}-`
  const found = new RegExp(`${first}([a-z]+)`, 'g')
  return {
    of: name => first + name,
    namesIn: text => [...new Set([...text.matchAll(found)].map(match => match[1] ?? ''))].sort(),
    search: search(`[${first[0]}]${first.slice(1)}[a-z]+`),
    plant: (name, command) =>
      `canary=$(printf '%s%s' ${first.slice(0, 9)} ${first.slice(9)}${name}); ${command}`,
  }
}

/**
 * Files by name and content, and of each process its environment, command line, maps and open descriptors. The pattern does
 * not fit its own text, so the search does not find itself. Left out are the system's programs and what never ends.
 */
const search = (pattern: string) => `
export LC_ALL=C
look() { grep -aohE '${pattern}' "$@"; }
{
  find / \\( -path /proc -o -path /usr \\) -prune -o -print | look
  find / \\( -path /proc -o -path /usr -o -path /dev \\) -prune -o -type f -readable -print0 | xargs -0 grep -aohE '${pattern}'
  cat /proc/mounts /proc/*/mountinfo /proc/*/environ /proc/*/cmdline /proc/*/maps /proc/*/task/*/comm | look
  ls -l /proc/*/fd /proc/*/cwd /proc/*/root /proc/*/exe | look
  for fd in /proc/*/fd/*; do [ -f "$fd" ] && look "$fd"; done
} 2>/dev/null | sort -u`
