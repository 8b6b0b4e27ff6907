import type { webApi } from '@slack/bolt'

const mostNames = 1000

/**
 * Gives the name of a person (`slack:T1:U2`) as their team shows it, asking Slack once for each; messages carry only the
 * id. Where Slack does not tell, there is no name: a message is never held up for it.
 */
export const openNames = (client: webApi.WebClient): ((person: string) => Promise<string | undefined>) => {
  const names = new Map<string, string>()
  return async person => {
    const known = names.get(person)
    if (known) return known
    const asked = await client.users.info({ user: person.split(':').at(-1) ?? '' }).catch(() => undefined)
    const { profile, real_name: real, name } = asked?.user ?? {}
    const shown = profile?.display_name || real || name
    if (!shown) return undefined
    if (names.size >= mostNames) names.clear()
    names.set(person, shown)
    return shown
  }
}
