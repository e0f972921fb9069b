// Follows what happens to the jobs that a page shows, and exchanges its changed parts for those of the page as it is then.
const QUIET_MS = 2000;
const SLOW_MS = 10_000;
const MAX_RETRY_MS = 60_000;

export async function refresh(onFresh) {
  try {
    const response = await fetch(location.href, {headers: {Accept: 'text/html'}});
    if (response.ok) {
      exchange(new DOMParser().parseFromString(await response.text(), 'text/html'), onFresh);
    }
  } catch {
    // The stream says that the server is away, and when it is back.
  }
}

export function follow(onFresh) {
  const {root, live} = document.body.dataset;
  if (!live) {
    return;
  }
  const status = document.getElementById('live');
  const address = `${root}v1/stream${live === 'all' ? '' : '?' + live}`;
  let source = null;
  let retry = QUIET_MS;
  let timer = 0;
  let last = 0;

  function soon() {
    timer ||= setTimeout(() => {
      timer = 0;
      last = Date.now();
      refresh(onFresh);
    }, Math.max(QUIET_MS, last + SLOW_MS - Date.now()));
  }

  // A stream that was refused, as by a proxy's 503, would never be opened again by itself.
  function open() {
    source = new EventSource(address);
    source.onopen = () => {
      status.textContent = 'Live: this page follows what happens.';
      retry = QUIET_MS;
    };
    for (const name of ['job', 'figures', 'deleted', 'overflow']) {
      source.addEventListener(name, soon);
    }
    source.onerror = () => {
      status.textContent = 'Not live: the server does not answer. Trying again …';
      if (source.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(() => document.hidden || source || open(), retry);
        retry = Math.min(2 * retry, MAX_RETRY_MS);
      }
    };
  }

  function close() {
    source?.close();
    source = null;
  }

  // A browser has six connections to a server: hidden pages must not keep them.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      close();
    } else if (!source) {
      open();
      soon();
    }
  });
  if (!document.hidden) {
    open();
  }
}

// Folded and opened parts stay as they are, and so does the focus.
function exchange(fresh, onFresh) {
  for (const old of document.querySelectorAll('.live[id]')) {
    const part = fresh.getElementById(old.id);
    if (part && !old.contains(document.activeElement) && String(getSelection()) === '') {
      const folds = [...old.querySelectorAll('details')];
      [...part.querySelectorAll('details')].forEach((one, i) => {
        one.open = folds[i]?.open ?? false;
      });
      old.replaceWith(part);
    }
  }
  for (const old of document.querySelectorAll('figure[data-series]')) {
    const figure = fresh.getElementById(old.id);
    if (figure) {
      old.dataset.to = figure.dataset.to;
      old.dataset.marks = figure.dataset.marks;
    }
  }
  onFresh(document);
}
