// Writes each instant in the reader's own time zone: the server knows UTC only, and the page is complete without this.
const format = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
for (const time of document.querySelectorAll('time')) {
  const text = format.format(new Date(time.dateTime))
  time.title = text
  if ('instant' in time.dataset) time.textContent = text
}
