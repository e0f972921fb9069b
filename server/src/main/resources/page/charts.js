// Charts that can be zoomed, moved through by keys, and that grow while a job runs. Each takes the place of the server's
// curves when it comes into view; one zoom, which stands in the address, is for all.
import {words} from './times.js';

const POINTS = 1000;
const FEW = 250;
const STEPS_OF_KEYS = 1;
const bounds = () => new URLSearchParams(location.search);

// Numbers as the rest of the page has them.
const number = value => {
  const text = value.toFixed(1);
  return text.endsWith('.0') ? text.slice(0, -2) : text;
};

function bytes(value) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  while (Math.abs(value) >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${number(value)} ${units[unit]}`;
}

const UNITS = {
  bytes,
  bytes_per_second: value => `${bytes(value)}/s`,
  cpus: number,
  percent: value => `${value > 0 && value < 0.05 ? 'less than 0.1' : number(value)} %`,
};

function steps(unit, top) {
  if (unit.startsWith('bytes')) {
    const power = 1024 ** Math.floor(Math.log(Math.max(top, 1)) / Math.log(1024));
    return [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].map(step => step * power);
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(top, 0.1)));
  return [0.1, 0.2, 0.5, 1, 2, 5].map(step => step * power);
}

// Labels of the axis of time: the date where it is another one than before.
function clock(plot, splits) {
  const span = splits.at(-1) - splits[0];
  let before = '';
  return splits.map(at => {
    const date = new Date(at * 1000);
    const day = date.toLocaleDateString('en-GB', {day: 'numeric', month: 'short'});
    const time = date.toLocaleTimeString('en-GB', span < 300 ? {} : {hour: '2-digit', minute: '2-digit'});
    const label = span > 4 * 86400 ? day : before === day ? time : `${time}\n${day}`;
    before = day;
    return label;
  });
}

function ticks(unit, top) {
  const step = steps(unit, top).find(one => top / one <= 4) ?? top;
  const all = [];
  for (let at = 0; at <= top * 1.0001; at += step) {
    all.push(at);
  }
  return all;
}

const color = name => getComputedStyle(document.body).getPropertyValue(name).trim();

// All series on one axis of time. Where one has no point there is null if it has a gap there, undefined if it goes on.
function join(all) {
  const tables = all.map(series => [
    series.times.map(time => Date.parse(time) / 1000),
    series.mean,
  ]);
  return uPlot.join(tables, tables.map(() => [2, 2]));
}

class Chart {
  constructor(figure, charts) {
    this.figure = figure;
    this.charts = charts;
    this.box = figure.querySelector('.canvas');
    this.unit = figure.dataset.unit;
    this.lines = figure.dataset.lines.split('|').map(line => {
      const [metric, shape, label] = line.split(':');
      return {metric, shape, label};
    });
    this.plot = null;
    this.loading = false;
    this.at = null;
  }

  async load() {
    if (this.loading) {
      return;
    }
    this.loading = true;
    const zoom = bounds();
    const range = ['from', 'to'].filter(name => zoom.has(name))
        .map(name => `&${name}=${encodeURIComponent(zoom.get(name))}`).join('');
    const width = this.box.clientWidth;
    const points = Math.min(POINTS, Math.max(FEW, width));
    try {
      const pages = await Promise.all(this.figure.dataset.series.split(' ').filter(Boolean)
          .map(address => fetch(`${address}${range}&points=${points}`).then(page => page.ok ? page.json() : null)));
      if (pages.every(page => page)) {
        this.show(pages);
      }
    } catch {
      // What the server drew stays.
    } finally {
      this.loading = false;
    }
  }

  show(pages) {
    const several = pages.length > 1 || new Set(pages[0].series.map(one => one.node)).size > 1;
    const all = [];
    pages.flatMap(page => page.series).forEach(series => {
      const place = this.lines.findIndex(line => line.metric === series.metric);
      const line = this.lines[place];
      if (!line || (several && place > 0 && line.shape !== 'limit')) {
        return;
      }
      if (several && line.shape === 'limit' && all.some(one => one.line === line)) {
        return;
      }
      const label = several && line.shape !== 'limit' ? series.node ?? 'job' : line.label;
      const shape = several && line.shape === 'area' ? 'line' : line.shape;
      all.push({series, line, label, shape, place: several && place === 0 ? `n${all.length}` : `c${place}`});
    });
    if (!all.length) {
      return;
    }
    this.from = Date.parse(pages[0].from) / 1000;
    this.to = Math.max(Date.parse(pages[0].to) / 1000, this.from + 1);
    this.top = Math.max(...all.flatMap(one => one.series.max.filter(value => value !== null)), 1e-9);
    if (this.unit === 'percent') {
      this.top = Math.max(this.top, 1);
    }
    this.data = all.length === 1
        ? [all[0].series.times.map(time => Date.parse(time) / 1000), all[0].series.mean]
        : join(all.map(one => one.series));
    if (this.plot && this.all.length === all.length) {
      this.all = all;
      this.plot.setData(this.data, false);
      this.plot.setScale('x', {min: this.from, max: this.to});
      this.plot.setScale('y', {min: 0, max: this.top * 1.05});
    } else {
      this.all = all;
      this.create();
    }
    this.figure.dataset.points = String(this.data[0].length);
  }

  create() {
    this.plot?.destroy();
    this.figure.classList.add('drawn');
    const ink = color('--ink-2');
    const lines = this.all.map(({label, shape, place}) => ({
      label,
      stroke: color(shape === 'limit' ? '--limit' : `--${place}`),
      fill: shape === 'area' ? color('--area') : undefined,
      width: shape === 'limit' ? 1.5 : 2,
      dash: shape === 'limit' ? [6, 4] : DASHES[place],
      paths: shape === 'limit' ? uPlot.paths.stepped({align: 1}) : undefined,
      points: {show: (self, at) => self.data[0].length < 3, filter: (self, at, show) => show ? null : lonely(self.data[at]), size: 5},
    }));
    this.plot = new uPlot({
      width: this.box.clientWidth,
      height: this.box.clientHeight || 180,
      legend: {show: false},
      cursor: {sync: {key: 'job'}, drag: {x: true, y: false, setScale: false}},
      scales: {
        x: {min: this.from, max: this.to, range: () => [this.from, this.to]},
        y: {min: 0, max: this.top * 1.05, range: () => [0, this.top * 1.05]},
      },
      axes: [
        {stroke: ink, grid: {show: false}, ticks: {stroke: color('--line'), width: 1}, space: 90, values: clock},
        {
          stroke: ink, size: 74, grid: {stroke: color('--line'), width: 1}, ticks: {show: false},
          splits: () => ticks(this.unit, this.top * 1.05), values: (_, at) => at.map(value => value === 0 ? '0' : UNITS[this.unit](value)),
        },
      ],
      series: [{}, ...lines],
      hooks: {
        setSelect: [plot => this.zoom(plot)],
        setCursor: [plot => this.read(plot)],
        drawClear: [plot => this.drawGaps(plot)],
        draw: [plot => this.drawMarks(plot)],
      },
    }, this.data, this.box);
    this.plot.over.addEventListener('dblclick', () => this.charts.zoom(null, null));
  }

  zoom(plot) {
    const {left, width} = plot.select;
    if (width > 4) {
      const from = plot.posToVal(left, 'x');
      const to = plot.posToVal(left + width, 'x');
      plot.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
      this.charts.zoom(from, to);
    }
  }

  read(plot) {
    const at = plot.cursor.idx;
    if (at !== null && at !== undefined) {
      this.at = at;
      this.say(at);
    }
  }

  // What a point is, in words: below the chart, and for who cannot see it.
  say(at) {
    const reading = this.reading();
    const time = new Date(this.data[0][at] * 1000);
    const values = this.all.map(({label}, i) => {
      const value = this.data[i + 1][at];
      return `${label} ${value === null || value === undefined ? 'not known' : UNITS[this.unit](value)}`;
    });
    reading.textContent = `${words(time)}: ${values.join(', ')}`;
    reading.title = `${time.toISOString().replace('T', ' ').slice(0, 19)} UTC`;
  }

  reading() {
    let reading = this.figure.querySelector('.reading');
    if (!reading) {
      reading = document.createElement('p');
      reading.className = 'reading';
      reading.setAttribute('aria-live', 'off');
      this.figure.append(reading);
    }
    return reading;
  }

  // Grey where nothing is known of the first line: before its first point, after its last one, and in gaps.
  drawGaps(plot) {
    const times = this.data[0];
    const values = this.data[1];
    const usual = usualStep(times);
    const {ctx, bbox} = plot;
    const grey = (from, to) => {
      const left = Math.max(plot.valToPos(from, 'x', true), bbox.left);
      const right = Math.min(plot.valToPos(to, 'x', true), bbox.left + bbox.width);
      if (right > left) {
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
      }
    };
    ctx.save();
    ctx.fillStyle = color('--gap');
    let known = this.from;
    let gap = true;
    for (let i = 0; i < times.length; i++) {
      if (values[i] === null) {
        gap = true;
      } else if (values[i] !== undefined) {
        if (gap && times[i] - known > 2 * usual) {
          grey(known, times[i]);
        }
        gap = false;
        known = times[i];
      }
    }
    if (this.to - known > 3 * usual) {
      grey(known, this.to);
    }
    ctx.restore();
  }

  drawMarks(plot) {
    const {ctx, bbox} = plot;
    const marks = (this.figure.dataset.marks ?? '').split(' ').filter(Boolean);
    ctx.save();
    ctx.strokeStyle = color('--bad');
    ctx.fillStyle = color('--bad');
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([]);
    for (const mark of marks) {
      const x = plot.valToPos(Date.parse(mark) / 1000, 'x', true);
      if (x >= bbox.left && x <= bbox.left + bbox.width + 2) {
        const size = 5 * devicePixelRatio;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.beginPath();
        ctx.moveTo(x - size, bbox.top);
        ctx.lineTo(x + size, bbox.top);
        ctx.lineTo(x, bbox.top + 1.6 * size);
        ctx.fill();
      }
    }
    ctx.restore();
  }

  move(by) {
    const plot = this.plot;
    const times = this.data[0];
    const now = this.at ?? (by > 0 ? -1 : times.length);
    this.at = Math.min(Math.max(now + by, 0), times.length - 1);
    this.reading().setAttribute('aria-live', 'polite');
    this.say(this.at);
    // The cursor hides at a position outside of the plot, where rounding may put the first and the last point.
    const {clientWidth, clientHeight} = plot.over;
    const left = Math.min(Math.max(plot.valToPos(times[this.at], 'x'), 1), clientWidth - 1);
    plot.setCursor({left, top: clientHeight / 2}, false, false);
  }

  resize() {
    if (this.plot && this.box.clientWidth) {
      this.plot.setSize({width: this.box.clientWidth, height: this.plot.height});
    }
  }
}

const DASHES = {c1: [2, 3], n1: [8, 3], n2: [2, 3], n3: [8, 3, 2, 3]};

function usualStep(times) {
  const distances = [];
  for (let i = 1; i < times.length; i++) {
    distances.push(times[i] - times[i - 1]);
  }
  distances.sort((one, other) => one - other);
  return distances[distances.length >> 1] ?? 15;
}

// Points between two gaps, which would have no line. Where a series has no point of its own (undefined), it goes on.
function lonely(values) {
  const found = [];
  let before = null;
  let candidate = -1;
  values.forEach((value, at) => {
    if (value === undefined) {
      return;
    }
    if (value === null && candidate >= 0) {
      found.push(candidate);
    }
    candidate = value !== null && before === null ? at : -1;
    before = value;
  });
  if (candidate >= 0) {
    found.push(candidate);
  }
  return found;
}

/** @param refresh exchanges the parts that the server draws */
export function drawCharts(refresh) {
  const charts = {
    all: [],
    seen: new Set(),
    zoom(from, to) {
      const address = new URL(location.href);
      for (const [name, at] of [['from', from], ['to', to]]) {
        if (at === null) {
          address.searchParams.delete(name);
        } else {
          address.searchParams.set(name, new Date(Math.round(at * 1000)).toISOString());
        }
      }
      history.pushState(null, '', address);
      charts.update();
      refresh();
    },
    update() {
      charts.seen.forEach(chart => chart.load());
    },
  };
  const figures = [...document.querySelectorAll('figure[data-series]')];
  if (!figures.length || !window.uPlot) {
    return charts;
  }
  const view = new IntersectionObserver(entries => entries.filter(one => one.isIntersecting).forEach(one => {
    const chart = charts.all.find(each => each.figure === one.target);
    if (!charts.seen.has(chart)) {
      charts.seen.add(chart);
      chart.load();
    }
  }), {rootMargin: '200px'});
  for (const figure of figures) {
    const chart = new Chart(figure, charts);
    charts.all.push(chart);
    chart.box.tabIndex = 0;
    chart.box.addEventListener('keydown', event => {
      const by = {ArrowLeft: -STEPS_OF_KEYS, ArrowRight: STEPS_OF_KEYS, PageUp: -20, PageDown: 20,
        Home: -Infinity, End: Infinity}[event.key];
      if (by && chart.plot) {
        event.preventDefault();
        chart.move(by);
      }
      if (event.key === 'Escape') {
        charts.zoom(null, null);
      }
    });
    view.observe(figure);
  }
  new ResizeObserver(() => charts.all.forEach(chart => chart.resize())).observe(document.getElementById('content'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change',
      () => charts.all.forEach(chart => chart.plot && chart.create()));
  addEventListener('popstate', () => {
    charts.update();
    refresh();
  });
  document.addEventListener('click', event => {
    if (event.target.closest('[data-zoom=out]')) {
      event.preventDefault();
      charts.zoom(null, null);
    }
  });
  return charts;
}
