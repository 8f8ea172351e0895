// What the console's pages do in a browser beside htmx. They work without it, too.

document.documentElement.classList.add('script')

const SECONDS_SHOWN = 2

/** Where the page is not served over TLS there is no clipboard to write to; then the browser's old way is left. */
const write = async (text) => {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  if (!copied) throw new Error('the browser did not copy')
}

const copyFor = async (button) => {
  const { copy, copyFrom } = button.dataset
  const text = copy ?? document.getElementById(copyFrom)?.textContent ?? ''
  const said = await write(text).then(
    () => 'Copied',
    () => 'Not copied',
  )
  button.focus()
  button.textContent = said
  document.getElementById('said').textContent = said
  setTimeout(() => {
    button.textContent = 'Copy'
    document.getElementById('said').textContent = ''
  }, SECONDS_SHOWN * 1_000)
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button.copy')
  if (button) void copyFor(button)
})

const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const isUtc = () => new Date().getTimezoneOffset() === 0

/** Times come in UTC. Beside them stands what the clock on the reader's wall says. */
const showLocalTimes = () => {
  if (isUtc()) return
  for (const time of document.querySelectorAll('time[datetime]')) {
    const text = `${local.format(new Date(time.dateTime))} your time`
    const beside = time.querySelector('.local')
    if (beside !== null) beside.textContent = text
    else time.title = `${time.title.split(' · ')[0]} · ${text}`
  }
}
showLocalTimes()
document.addEventListener('htmx:after:swap', showLocalTimes)

/** A page that shows itself again must not take away what the reader is at. */
const isBusyIn = (element) => {
  const selection = getSelection()
  const selected =
    selection !== null && !selection.isCollapsed && selection.getRangeAt(0).intersectsNode(element)
  const typing =
    element.contains(document.activeElement) && document.activeElement.matches('input, select, textarea')
  return selected || typing
}
const isLive = (element) => element?.matches?.('[data-live]') ?? false

document.addEventListener('htmx:before:request', (event) => {
  if (isLive(event.target) && document.hidden) event.preventDefault()
})
document.addEventListener('htmx:before:swap', (event) => {
  if (isLive(event.target) && isBusyIn(event.target)) event.preventDefault()
})
