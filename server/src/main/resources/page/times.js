// Times in the reader's zone, with UTC where they are pointed at.
const time = {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'};
const sameYear = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short', ...time});
const withYear = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short', year: 'numeric', ...time});

export function words(date) {
  const format = date.getFullYear() === new Date().getFullYear() ? sameYear : withYear;
  return format.format(date).replace(',', '');
}

export function localize(root) {
  for (const element of root.querySelectorAll('time[datetime]:not([title])')) {
    element.title = element.textContent;
    element.textContent = words(new Date(element.dateTime));
  }
}
