// What scripts add to a page that is complete without them.
import {localize} from './times.js';
import {drawCharts} from './charts.js';
import {follow, refresh} from './live.js';

function searchByKey() {
  const box = document.getElementById('q');
  document.addEventListener('keydown', event => {
    const typing = event.target.closest('input, select, textarea, [contenteditable]');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });
}

// A map of thousands of nodes is one stop of the Tab key; arrows move within it, and what a node does is read out below.
function walkMap() {
  const map = document.querySelector('.map.many');
  if (!map || map.dataset.walked) {
    return;
  }
  map.dataset.walked = 'yes';
  const cells = [...map.children];
  cells.forEach((cell, i) => cell.tabIndex = i === 0 ? 0 : -1);
  const reading = document.getElementById('node-reading');
  const read = event => {
    reading.textContent = event.target.closest('.cell')?.title ?? '';
  };
  map.addEventListener('focusin', read);
  map.addEventListener('mouseover', read);
  map.addEventListener('keydown', event => {
    const at = cells.indexOf(document.activeElement);
    const columns = Math.max(cells.findIndex(cell => cell.offsetTop > cells[0].offsetTop), 1);
    const to = {ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns,
      Home: 0, End: cells.length - 1}[event.key];
    if (cells[to]) {
      event.preventDefault();
      cells[at].tabIndex = -1;
      cells[to].tabIndex = 0;
      cells[to].focus();
    }
  });
}

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Over plain HTTP there is no clipboard but by a selection.
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

function offerCopies(root) {
  for (const button of root.querySelectorAll('button[data-copy]')) {
    button.hidden = false;
    button.onclick = async () => {
      await copy(document.getElementById(button.dataset.copy).textContent + '\n');
      button.textContent = 'Copied';
    };
  }
}

function enhance(root) {
  localize(root);
  for (const hint of root.querySelectorAll('.zoom-hint')) {
    hint.hidden = !document.querySelector('figure[data-series]') || !window.uPlot;
  }
  offerCopies(root);
  walkMap();
}

searchByKey();
enhance(document);
document.getElementById('zone').textContent =
    `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone}; point at one for UTC.`;
const charts = drawCharts(() => refresh(enhance));
follow(fresh => {
  enhance(fresh);
  charts.update();
});
