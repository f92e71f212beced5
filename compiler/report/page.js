// The page of `gmc report`: everything is drawn from the one object that the page carries, and no request leaves it. Of
// `gmc watch` it carries none, and is told by an event stream of the server that it came from (live.h), again and again.

let runs = [], several = false, measures = [];
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a5195', '#8c564b'];
const sections = ['figures', 'health', 'curves', 'pictures', 'settings', 'model', 'explained', 'log'];

// Fills one of the sections; what stood open in it stays so.
function section(id, title, ...children) {
  const node = byId(id), open = new Map([...node.querySelectorAll('details')].map(d => [d.firstChild.textContent, d.open]));
  node.replaceChildren(make('h2', {}, title), ...children);
  for (const d of node.querySelectorAll('details')) d.open = open.get(d.firstChild.textContent) ?? d.open;
  node.hidden = false;
  byId('links').replaceChildren(...sections.filter(s => !byId(s).hidden).map(s => make('a', { href: '#' + s }, byId(s).firstChild.textContent)));
  return node;
}

const finite = Number.isFinite;
const shown = v => !finite(v) ? '' : Math.abs(v) >= 1e6 || (v && Math.abs(v) < 1e-3) ? v.toExponential(3) : String(+v.toPrecision(6));
const unique = list => [...new Set(list)];

function table(head, rows, numbers = () => false) {
  const cell = (tag, i, c) => make(tag, numbers(i) ? { class: 'number' } : {}, c);
  return make('div', { class: 'wide' }, make('table', {}, make('tr', {}, ...head.map((c, i) => cell('th', i, c))),
    ...rows.map(row => make('tr', {}, ...row.map((c, i) => cell('td', i, c))))));
}

// What was measured ------------------------------------------------------------------------------------------------

const about = name => runs.flatMap(r => r.measures).find(m => m.name === name);
const column = (run, split, name) => (run.rows[split] || {})[name] || [];

// The last value that a run has of a measure, on held-out data where there are some.
function last(run, name) {
  for (const split of ['test', 'train']) {
    const values = column(run, split, name);
    for (let i = values.length - 1; i >= 0; i--) {
      if (values[i] === null) continue;
      return { value: values[i], error: column(run, split, name + '_se')[i], epoch: column(run, split, 'epoch')[i], split };
    }
  }
  return null;
}

function figure(found) {
  if (!found) return '';
  return shown(found.value) + (finite(found.error) ? ' ± ' + shown(+found.error.toPrecision(2)) : '');
}

// Runs that differ in their seeds alone: their mean and standard deviation.
function groups() {
  const of = new Map();
  runs.forEach((run, i) => {
    const key = JSON.stringify([run.texts, run.settings.filter(s => s[0] !== 'seed')]);
    of.set(key, [...(of.get(key) || []), i]);
  });
  return [...of.values()].filter(members => members.length > 1);
}

function spread(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const square = values.reduce((a, b) => a + (b - mean) ** 2, 0);
  return { value: mean, error: values.length > 1 ? Math.sqrt(square / (values.length - 1)) : NaN };
}

const duration = minutes => minutes < 2 ? `${+(60 * minutes).toPrecision(2)} seconds` : `${+minutes.toPrecision(3)} minutes`;

// "50 epochs in 3.2 minutes"
function trained(run) {
  const end = name => Math.max(0, ...['train', 'test'].map(split => column(run, split, name).findLast(finite) || 0));
  const epochs = end('epoch'), minutes = end(axes.minutes);
  return `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}${minutes ? ` in ${duration(minutes)}` : ''}`;
}

function summary() {
  if (!measures.some(name => runs.some(run => last(run, name)))) return section('figures', 'Figures', make('p', {}, 'Nothing has been measured yet.'));
  const node = section('figures', 'Figures');
  if (!several) {
    const rows = measures.map(name => [name, last(runs[0], name)]).filter(row => row[1]);
    node.append(make('p', {}, trained(runs[0])), table(['', 'last', 'of', 'epoch', 'what it is'], rows.map(([name, f]) =>
      [name, figure(f), f.split === 'test' ? 'held\u2011out\u00a0data' : 'training\u00a0data', shown(f.epoch), meaning(name)]), i => i === 1 || i === 3));
  } else {
    const rows = runs.map((run, i) => [key(i), run.folder, trained(run), ...measures.map(name => figure(last(run, name)))]);
    for (const members of groups()) {
      const values = name => members.map(i => last(runs[i], name)).filter(Boolean).map(f => f.value);
      rows.push(['', `mean of ${members.length} seeds ± standard deviation`, '', ...measures.map(name => values(name).length ? figure(spread(values(name))) : '')]);
    }
    node.append(table(['', 'run', 'trained', ...measures], rows, i => i > 2));
    node.append(make('details', {}, make('summary', {}, 'what each is'), table(['', ''], measures.map(name => [name, meaning(name)]))));
  }
  node.append(make('p', { class: 'faint' }, '± is the standard error of a mean over examples. The last value measured, on held-out data where there are some.'));
}

function meaning(name) {
  const m = about(name);
  return make('span', {}, short(name) + (m.text ? ': ' : ''), make('code', {}, m.text || ''));
}

// "maximized, a lower bound of log p(x), in nats"
function short(name) {
  const { kind, is } = about(name), likelihood = /^(an? [a-z ]*of )?-?log p\(/.test(is);
  return kind + (is ? ', ' + is : '') + (likelihood ? ', in nats' : '');
}

const key = (i, dashed = '') => make('span', { class: 'key ' + dashed, style: 'color:' + colours[i % colours.length] });

// Health -----------------------------------------------------------------------------------------------------------

const figures = [['ranked', 'pairs of a datum and a sample that the judge ranks rightly'], ['told_apart', 'data and samples that their nearest neighbours tell'],
  ['reached', 'data that are the nearest of a sample'], ['spread', 'how far samples spread, in the spread of data'],
  ['copied', 'samples close to a training example'], ['copied_held_out', 'held-out data close to one']];
const whose = line => line.measure || `${line.judge} and ${line.maker}`;

// What was found, from the step at which it was until the last one.
function episodes(lines) {
  const all = [], open = new Map();
  for (const line of lines) {
    const before = open.get(whose(line));
    if (before && before.line.finding === line.finding) {
      before.to = line.step;
      continue;
    }
    open.delete(whose(line));
    if (!line.finding) continue;
    open.set(whose(line), { line, from: line.step, to: line.step });
    all.push(open.get(whose(line)));
  }
  return all;
}

function health() {
  if (!runs.some(run => run.health.length)) return;
  const parts = make('div');
  for (const run of runs) {
    if (several) parts.append(make('h3', {}, run.folder));
    const found = episodes(run.health), last = run.health.findLast(line => 'ranked' in line);
    if (!found.length) parts.append(make('p', {}, 'Nothing was found wrong.'));
    else parts.append(table(['found', 'in', 'from step', 'to', 'evidence', 'to try'], found.map(e =>
      [e.line.finding, whose(e.line), shown(e.from), shown(e.to), e.line.evidence, make('code', {}, e.line.try || '')]), i => i === 2 || i === 3));
    if (last) parts.append(make('details', {}, make('summary', {}, `figures of ${whose(last)} at step ${last.step}`),
      table(['', '', ''], figures.map(([name, text]) => [name, shown(last[name]), text]), i => i === 1),
      last.of ? make('p', { class: 'faint' }, `Measuring took ${shown(+last.seconds.toPrecision(2))} of ${shown(+last.of.toPrecision(2))} seconds of the processor.`) : ''));
  }
  section('health', 'Health', parts);
}

// Curves -----------------------------------------------------------------------------------------------------------

// What curves may be drawn over, and its column of the records.
const axes = { epoch: 'epoch', step: 'step', minutes: 'minutes of training' };
const view = { axis: 'epoch', smooth: 0, robust: true, together: true, from: null, to: null };
let charts = [];

// Points of one run, split and measure, each with its step. Where another start begins, or nothing was measured, the line is broken.
function series(run, split, name) {
  const x = column(run, split, axes[view.axis]), y = column(run, split, name), step = column(run, split, 'step'), points = { x: [], y: [], step: [] };
  const add = (i, value) => { points.x.push(x[i]), points.y.push(value), points.step.push(step[i]); };
  let smooth = 0, weight = 0;
  for (let i = 0; i < y.length; i++) {
    if (points.x.length && step[i] < points.step[points.step.length - 1]) {
      add(i, NaN);
      smooth = weight = 0;
    }
    if (y[i] === null || !finite(x[i])) continue;
    smooth = view.smooth * smooth + (1 - view.smooth) * y[i];
    weight = view.smooth * weight + 1 - view.smooth;
    add(i, smooth / weight);
  }
  return points;
}

// What is drawn as one line: a run, or the runs of several seeds.
function bundles() {
  const together = view.together ? groups() : [], alone = runs.map((_, i) => i).filter(i => !together.some(members => members.includes(i)));
  return [...together.map(members => ({ members, label: `${members.length} seeds, from ${runs[members[0]].folder}: ` })),
    ...alone.map(i => ({ members: [i], label: several ? runs[i].folder + ' ' : '' }))];
}

// The mean of several lines, step by step, and their standard deviation about it; a single line is itself.
function joined(lines) {
  if (lines.length === 1) return lines[0];
  const at = new Map();
  for (const line of lines) {
    line.step.forEach((step, i) => {
      if (!finite(line.y[i])) return;
      const met = at.get(step) || { x: 0, y: [] };
      met.x += line.x[i], met.y.push(line.y[i]);
      at.set(step, met);
    });
  }
  const all = [...at.keys()].sort((a, b) => a - b).map(step => at.get(step)), spreads = all.map(met => spread(met.y));
  return { x: all.map(met => met.x / met.y.length), y: spreads.map(s => s.value), about: spreads.map(s => s.error || 0) };
}

// Between the 2nd and the 98th percentile and some more, so that one wild value does not flatten the rest. Of many values some thousand tell
// the percentiles.
function range(values, robust) {
  let lo = Infinity, hi = -Infinity;
  for (const v of values) if (finite(v)) lo = Math.min(lo, v), hi = Math.max(hi, v);
  if (lo > hi) return [0, 1];
  const stride = Math.ceil(values.length / 5000), sorted = Float64Array.from(values.filter((v, i) => i % stride === 0 && finite(v))).sort();
  if (robust && sorted.length > 20) {
    const at = q => sorted[Math.round(q * (sorted.length - 1))], margin = at(0.98) - at(0.02);
    lo = Math.max(lo, at(0.02) - margin), hi = Math.min(hi, at(0.98) + margin);
  }
  const pad = (hi - lo || Math.abs(hi) || 1) * 0.05;
  return [lo - pad, hi + pad];
}

function ticks(lo, hi, most) {
  const raw = (hi - lo) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find(s => s * power >= raw) * power, list = [];
  for (let i = Math.ceil(lo / step); i * step <= hi + step * 1e-9; i++) list.push(+(i * step).toPrecision(12));
  return list;
}

class Chart {
  constructor(name) {
    this.name = name;
    this.log = false;
    this.canvas = make('canvas');
    this.tip = make('div', { class: 'tip', hidden: '' });
    const box = make('input', { type: 'checkbox', onchange: () => { this.log = box.checked; this.draw(); } });
    this.node = make('div', { class: 'chart' }, make('label', {}, box, ' logarithmic'), make('h3', {}, name), make('p', { class: 'faint' }, short(name)), this.canvas, this.tip);
    this.canvas.addEventListener('pointerdown', e => { this.grip = this.canvas.setPointerCapture(e.pointerId) || this.place(e); });
    this.canvas.addEventListener('pointermove', e => this.hover(e));
    this.canvas.addEventListener('pointerleave', () => { this.tip.hidden = true; });
    this.canvas.addEventListener('pointerup', e => this.release(e));
    this.canvas.addEventListener('dblclick', () => zoom(null, null));
    this.load();
  }

  load() {
    this.lines = [];
    for (const { members, label } of bundles()) {
      for (const split of ['train', 'test']) {
        const points = joined(members.map(i => series(runs[i], split, this.name)));
        if (!points.y.some(finite)) continue;
        const colour = colours[(several ? members[0] : split === 'test' ? 0 : 1) % colours.length];
        this.lines.push({ ...points, label: label + (split === 'test' ? 'held-out' : 'training'), dashed: split === 'train', colour });
      }
    }
  }

  place(e) { return this.scale.x0 + (e.offsetX - this.left) / (this.width - this.left - 8) * (this.scale.x1 - this.scale.x0); }

  release(e) {
    const from = this.grip, to = this.place(e), { x0, x1 } = this.scale;
    this.grip = null;
    if (Math.abs(to - from) > (x1 - x0) / 50) zoom(Math.min(from, to), Math.max(from, to));
  }

  frame() {
    const xs = this.lines.flatMap(l => [l.x[0], l.x[l.x.length - 1]]);
    const x0 = view.from ?? Math.min(...xs), x1 = view.to ?? Math.max(...xs, x0 + 1e-9);
    const within = [], see = y => { if (!this.log || y > 0) within.push(y); };
    for (const { x, y, about } of this.lines)
      for (let i = 0; i < x.length; i++) if (x[i] >= x0 && x[i] <= x1) about ? (see(y[i] - about[i]), see(y[i] + about[i])) : see(y[i]);
    const [y0, y1] = range(this.log ? within.map(Math.log10) : within, view.robust);
    this.scale = { x0, x1: x1 > x0 ? x1 : x0 + 1, y0, y1 };
  }

  draw() {
    const ratio = devicePixelRatio || 1, c = this.canvas.getContext('2d'), style = getComputedStyle(document.body);
    this.width = this.canvas.clientWidth, this.height = this.canvas.clientHeight, this.left = 62;
    this.canvas.width = this.width * ratio, this.canvas.height = this.height * ratio;
    c.scale(ratio, ratio);
    this.frame();
    const { x0, x1, y0, y1 } = this.scale, right = this.width - 8, bottom = this.height - 38;
    this.px = x => this.left + (x - x0) / (x1 - x0) * (right - this.left);
    this.py = y => bottom - ((this.log ? Math.log10(y) : y) - y0) / (y1 - y0) * (bottom - 6);
    this.axes(c, style, right, bottom);
    c.save();
    c.beginPath(), c.rect(this.left, 0, right - this.left, bottom + 1), c.clip();
    this.lines.forEach(line => { if (line.about) this.band(c, line); this.curve(c, line); });
    c.restore();
  }

  axes(c, style, right, bottom) {
    const { x0, x1, y0, y1 } = this.scale;
    c.font = '11px system-ui, sans-serif';
    c.strokeStyle = style.getPropertyValue('--line'), c.fillStyle = style.getPropertyValue('--faint');
    c.textAlign = 'right', c.textBaseline = 'middle';
    for (const t of ticks(y0, y1, 5)) {
      const y = bottom - (t - y0) / (y1 - y0) * (bottom - 6);
      c.beginPath(), c.moveTo(this.left, y), c.lineTo(right, y), c.stroke();
      c.fillText(shown(this.log ? +(10 ** t).toPrecision(3) : t), this.left - 6, y);
    }
    c.textAlign = 'center', c.textBaseline = 'top';
    for (const t of ticks(x0, x1, 6)) c.fillText(shown(t), Math.min(this.px(t), right + 6 - c.measureText(shown(t)).width / 2), bottom + 6);
    c.fillText(axes[view.axis], (this.left + right) / 2, bottom + 22);
  }

  band(c, { x, y, about, colour }) {
    const low = y.map((v, i) => this.py(this.log ? Math.max(v - about[i], 1e-30) : v - about[i]));
    c.fillStyle = colour, c.globalAlpha = 0.15;
    c.beginPath();
    x.forEach((v, i) => c.lineTo(this.px(v), this.py(y[i] + about[i])));
    for (let i = x.length - 1; i >= 0; i--) c.lineTo(this.px(x[i]), low[i]);
    c.fill();
    c.globalAlpha = 1;
  }

  // At most three points a column of pixels: its first, its lowest and its highest are what can be seen.
  curve(c, { x, y, colour, dashed }) {
    c.strokeStyle = c.fillStyle = colour, c.lineWidth = 1.6;
    c.setLineDash(dashed ? [5, 3] : []);
    c.beginPath();
    let open = false, at = NaN, lo = 0, hi = 0;
    const flush = () => { if (finite(at) && lo !== hi) c.lineTo(at, lo), c.lineTo(at, hi); };
    for (let i = 0; i < x.length; i++) {
      if (!finite(y[i]) || (this.log && y[i] <= 0)) { flush(), open = false, at = NaN; continue; }
      const px = Math.round(this.px(x[i]) * 2) / 2, py = this.py(y[i]);
      if (px === at) { lo = Math.min(lo, py), hi = Math.max(hi, py); continue; }
      flush();
      open ? c.lineTo(px, py) : c.moveTo(px, py);
      open = true, at = px, lo = hi = py;
    }
    flush();
    c.stroke();
    if (x.length === 1) c.fillRect(this.px(x[0]) - 2, this.py(y[0]) - 2, 4, 4);
  }

  hover(e) {
    const at = this.place(e), lines = this.lines.map(line => {
      let i = line.x.findIndex(x => x >= at);
      if (i < 0) i = line.x.length - 1;
      if (i > 0 && at - line.x[i - 1] < line.x[i] - at) i--;
      return make('div', {}, make('span', { class: line.dashed ? 'key dashed' : 'key', style: 'color:' + line.colour }), `${line.label}, ${view.axis} ${shown(+line.x[i].toPrecision(4))}: ${figure({ value: line.y[i], error: line.about && line.about[i] })}`);
    });
    this.tip.replaceChildren(...lines);
    this.tip.hidden = false;
    this.tip.style.left = Math.min(e.offsetX + 14, this.width - this.tip.offsetWidth) + 'px';
    this.tip.style.top = e.offsetY + 40 + 'px';
  }
}

function redraw() { charts.forEach(chart => { chart.load(); chart.draw(); }); }
function zoom(from, to) { view.from = from, view.to = to; charts.forEach(chart => chart.draw()); }

function controls() {
  const slide = make('input', { type: 'range', min: 0, max: 0.98, step: 0.02, value: view.smooth, oninput: () => { view.smooth = +slide.value; redraw(); } });
  const axis = make('select', { onchange: () => { view.axis = axis.value; view.from = view.to = null; redraw(); } },
    ...Object.keys(axes).filter(name => runs.some(run => column(run, 'train', axes[name]).length)).map(name => make('option', view.axis === name ? { selected: '' } : {}, name)));
  const box = (name, text) => {
    const node = make('input', { type: 'checkbox', ...(view[name] ? { checked: '' } : {}), onchange: () => { view[name] = node.checked; redraw(); } });
    return make('label', {}, node, ' ' + text);
  };
  return make('div', { class: 'controls' }, make('label', {}, 'over ', axis), make('label', {}, 'smoothing ', slide), box('robust', 'leave out extremes'),
    groups().length ? box('together', 'seeds together: mean and standard deviation') : '',
    make('span', { class: 'faint' }, 'drag over a curve to look closer, double click to see all'));
}

function curves() {
  const told = measures.filter(name => runs.some(r => last(r, name)));
  if (!told.length) return;
  if (charts.map(chart => chart.name).join('\n') === told.join('\n')) return redraw();
  charts = told.map(name => new Chart(name));
  const legend = several ? runs.map((run, i) => make('span', {}, key(i), run.folder)) : [make('span', {}, key(0), 'held-out data'), make('span', {}, key(1, 'dashed'), 'training data')];
  section('curves', 'Curves', controls(),
    make('p', { class: 'legend' }, ...legend, several ? make('span', { class: 'faint' }, 'dashed: training data') : ''),
    make('div', { class: 'charts' }, ...charts.map(chart => chart.node)));
  charts.forEach(chart => chart.draw());
}

// Pictures ---------------------------------------------------------------------------------------------------------

// The epoch that is looked at, null: the last one; and the film, if it plays.
const look = { epoch: null, film: null };
let generation = 0;  // of the runs that the page was told of

// A picture that the page carries, or one to ask for.
function source(run, show, { epoch, png }) {
  if (png) return 'data:image/png;base64,' + png;
  return 'picture?' + new URLSearchParams({ run: runs.indexOf(run), show: show.name, epoch, of: generation });
}

function frame(run, show) {
  const printed = 'lines' in show.pictures[0];
  const img = printed ? make('pre', {}) : make('img', { alt: show.name }), caption = make('figcaption', {}, '', make('code', {}, show.text));
  const set = epoch => {
    const picture = show.pictures.findLast(p => p.epoch <= epoch) || show.pictures[0];
    const from = printed ? picture.lines : source(run, show, picture);
    if (printed) img.textContent = from;
    else if (img.getAttribute('src') !== from) img.src = from;
    caption.firstChild.textContent = `${several ? run.folder + ': ' : ''}${show.name}, epoch ${picture.epoch}`;
  };
  return { node: make('figure', {}, img, caption), set };
}

function pictures() {
  const names = unique(runs.flatMap(run => run.shows.map(show => show.name)));
  const all = names.flatMap(name => runs.flatMap(run => run.shows.filter(show => show.name === name && show.pictures.length).map(show => ({ run, show }))));
  if (!all.length) return;
  const epochs = unique(all.flatMap(({ show }) => show.pictures.map(p => p.epoch))).sort((a, b) => a - b), end = epochs.length - 1;
  const frames = all.map(({ run, show }) => frame(run, show));
  const place = look.epoch === null ? end : Math.max(0, epochs.findLastIndex(epoch => epoch <= look.epoch));
  const slider = make('input', { type: 'range', id: 'epoch', min: 0, max: end, value: place, 'aria-label': 'epoch' });
  const told = make('span'), play = make('button', {}, 'play');
  const turn = () => {
    const epoch = epochs[slider.value];
    look.epoch = +slider.value === end ? null : epoch;
    told.textContent = 'epoch ' + epoch;
    frames.forEach(f => f.set(epoch));
  };
  const stop = () => { clearInterval(look.film); look.film = null; play.textContent = 'play'; };
  play.addEventListener('click', () => {
    if (look.film) return stop();
    if (+slider.value === end) slider.value = 0;
    play.textContent = 'stop';
    look.film = setInterval(() => { if (+slider.value === end) return stop(); slider.value++; turn(); }, 300);
  });
  slider.addEventListener('input', turn);
  if (look.film) stop();
  const left = all.filter(({ show }) => show.pictures.length < show.of);
  section('pictures', 'Pictures', epochs.length > 1 ? make('div', { class: 'controls' }, play, slider, told) : '',
    left.length ? make('p', { class: 'faint' }, left.map(({ show }) => `${show.pictures.length} of ${show.of} pictures of ${show.name}`).join(', ') + ': so that the page stays small') : '',
    make('div', { class: 'gallery' }, ...frames.map(f => f.node)));
  turn();
}

// Texts and settings -----------------------------------------------------------------------------------------------

// Lines of b against those of a, by their longest common subsequence.
function difference(a, b) {
  const n = a.length, m = b.length, long = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--) long[i][j] = a[i] === b[j] ? long[i + 1][j + 1] + 1 : Math.max(long[i + 1][j], long[i][j + 1]);
  const lines = [];
  for (let i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && a[i] === b[j]) lines.push(make('span', {}, a[i] + '\n')), i++, j++;
    else if (j < m && (i === n || long[i][j + 1] >= long[i + 1][j])) lines.push(make('ins', {}, '+ ' + b[j++]));
    else lines.push(make('del', {}, '- ' + a[i++]));
  }
  return lines;
}

function settings() {
  const names = unique(runs.flatMap(r => r.settings.map(s => s[0]))), value = (run, name) => (run.settings.find(s => s[0] === name) || ['', ''])[1];
  const told = ['texts_hash', 'memory_bytes'];  // by what differs in the texts
  const differs = names.filter(name => !told.includes(name) && unique(runs.map(run => value(run, name))).length > 1);
  const rows = list => list.map(name => [name, ...runs.map(run => value(run, name))]);
  const head = ['', ...runs.map(run => several ? run.folder : '')];
  if (!several) return section('settings', 'Settings', table(head, rows(names)));
  section('settings', 'What differs', differs.length ? table(head, rows(differs)) : make('p', {}, 'No setting.'),
    make('details', {}, make('summary', {}, 'all settings'), table(head, rows(names))));
}

function texts() {
  const parts = make('div');
  runs.forEach((run, i) => run.texts.forEach(text => {
    const first = runs[0].texts.find(t => t.name === text.name), title = several ? `${run.folder}: ${text.name}` : text.name;
    if (i === 0 || !first) parts.append(make('h3', {}, title), make('pre', {}, text.text));
    else if (first.text === text.text) parts.append(make('p', {}, `${title}: the same text`));
    else parts.append(make('h3', {}, `${title}, against the first`), make('pre', {}, ...difference(first.text.split('\n'), text.text.split('\n'))));
  }));
  section('model', 'Model', parts);
  section('explained', 'What gmc understood', ...runs.map(run => make('details', several ? {} : { open: '' }, make('summary', {}, run.folder), make('pre', {}, run.explained))));
}

// What is said later is added to it, so that who reads it stays where he is.
function log() {
  for (const run of runs) run.said = make('pre', {}, run.log);
  section('log', 'Log', ...runs.map(run => make('details', {}, make('summary', {}, run.folder), run.said)));
}

// The whole --------------------------------------------------------------------------------------------------------

function measured() {
  summary();
  health();
  curves();
}

function show(all) {
  runs = all;
  for (const run of runs) run.texts = run.texts.map(([name, text]) => ({ name, text }));
  several = runs.length > 1;
  measures = unique(runs.flatMap(r => r.measures.map(m => m.name)));
  charts = [];
  generation++;
  byId('title').textContent = document.title = several ? `${runs.length} runs` : runs[0].model;
  byId('where').textContent = runs.map(r => r.folder).join(', ');
  measured();
  pictures();
  settings();
  texts();
  log();
}

// While runs train -------------------------------------------------------------------------------------------------

// A line of the records, into the columns.
function record(run, line, minutes) {
  const table = run.rows[line.split];
  if (!table) return;  // another start is told
  const rows = (table.step || []).length;
  for (const [name, value] of [...Object.entries(line), [axes.minutes, minutes]])
    if (typeof value === 'number') (table[name] = table[name] || Array(rows).fill(null)).push(value);
  for (const values of Object.values(table)) if (values.length === rows) values.push(null);
}

const words = { training: 'training', still: 'not training', gone: 'its folder is not there' };

function states(connected) {
  const place = run => { const step = Math.max(0, ...['train', 'test'].map(split => column(run, split, 'step').at(-1) || 0)); return step ? `, step ${step}` : ''; };
  const text = runs.map(run => `${several ? run.folder + ': ' : ''}${words[run.state] || ''}${place(run)}${run.problem ? ' (' + run.problem + ')' : ''}`);
  byId('state').textContent = connected ? text.join('; ') : 'gmc watch does not answer: what is here is what it told last';
  byId('state').className = connected && runs.some(run => run.state === 'training') ? 'alive' : 'faint';
}

function live() {
  const events = new EventSource('events');
  let dirty = false, told = 0;
  const soon = () => {
    if (dirty) return;
    dirty = true;
    requestAnimationFrame(() => { dirty = false; measured(); states(true); });
  };
  const on = (name, take) => events.addEventListener(name, event => { take(JSON.parse(event.data)); document.documentElement.dataset.told = ++told; });
  on('runs', all => { show(all); states(true); });
  on('more', ({ run, is }) => {
    is.lines.forEach((line, i) => record(runs[run], line, is.minutes[i]));
    runs[run].health.push(...is.health);
    if (is.log) runs[run].said.append(is.log);
    runs[run].problem = is.problem || runs[run].problem;
    soon();
  });
  on('shows', ({ run, shows }) => { runs[run].shows = shows; pictures(); });
  on('state', ({ run, state }) => { runs[run].state = state; states(true); });
  events.onerror = () => states(false);
}

for (const id of sections) document.body.append(make('section', { id, hidden: '' }));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.forEach(chart => chart.draw()));
new ResizeObserver(() => charts.forEach(chart => chart.draw())).observe(byId('curves'));
const carried = byId('runs').textContent;
if (carried) show(JSON.parse(carried)), byId('state').remove();
else live();
