// Writes times in the reader's own zone, sends a message with Enter, and keeps the end of a list in sight.
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const hours = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const seconds = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

const written = time => {
  const at = new Date(time.dateTime)
  if (time.hasAttribute('data-clock')) return seconds.format(at)
  return (at.toDateString() === new Date().toDateString() ? hours : full).format(at)
}

const tidy = () => {
  for (const time of document.querySelectorAll('time[datetime]')) {
    const text = written(time)
    if (time.textContent !== text) {
      time.textContent = text
      time.title = time.dateTime
    }
  }
}

const room = 200
let atEnd = true
const list = document.querySelector('[data-follow]')
addEventListener('scroll', () => {
  atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - room
})
const follow = () => {
  if (list && atEnd) scrollTo(0, document.documentElement.scrollHeight)
}

tidy()
follow()
new MutationObserver(() => {
  tidy()
  follow()
}).observe(document.querySelector('main'), { childList: true, subtree: true })

document.addEventListener('keydown', event => {
  const { target } = event
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  if (!(target instanceof HTMLTextAreaElement) || !target.closest('.say')) return
  event.preventDefault()
  target.form.requestSubmit()
})
