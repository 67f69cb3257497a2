// Charts of the node, drawn by uPlot.

import { make } from '../play/dom.js';
import { palette } from '../ui/colours.js';
import { bytes, seconds, short } from './format.js';
import { CHARTS } from './watch.js';

const WORDS = { s: seconds, B: bytes, '': short };

/** Shows all charts in an element. Gives a function that ends it. */
export function showCharts(watch, element) {
  const { uPlot } = globalThis;
  const charts = new Map();
  const boxes = CHARTS.map(({ id, title, lines }) => {
    const plot = make('div', { class: 'plot' });
    const legend = make('p', { class: 'legend' }, ...lines.map(([name], index) =>
      make('span', { style: { '--of': `var(--seat-${LINES[index]})` } }, `${name} `, make('b', {}, '–'))));
    charts.set(id, { plot, legend, chart: null });
    return make('figure', { class: 'chart' }, make('figcaption', {}, title), legend, plot);
  });
  element.replaceChildren(...boxes);
  const draw = () => {
    for (const { id, unit, lines } of CHARTS) {
      const shown = charts.get(id);
      const series = watch.series.get(id);
      lines.forEach((_, index) => {
        shown.legend.children[index].querySelector('b').textContent = WORDS[unit](series.last(index));
      });
      if (!uPlot || shown.plot.clientWidth === 0) continue;
      if (!shown.chart) shown.chart = open(uPlot, shown.plot, unit, lines, series);
      else shown.chart.setData(series.data);
    }
  };
  const resize = () => {
    for (const { chart, plot } of charts.values()) chart?.setSize({ width: plot.clientWidth, height: HEIGHT });
  };
  const redraw = () => {
    for (const shown of charts.values()) {
      shown.chart?.destroy();
      shown.chart = null;
    }
    draw();
  };
  const observer = new ResizeObserver(resize);
  observer.observe(element);
  watch.addEventListener('metrics', draw);
  document.addEventListener('themechange', redraw);
  draw();
  return () => {
    observer.disconnect();
    watch.removeEventListener('metrics', draw);
    document.removeEventListener('themechange', redraw);
    for (const { chart } of charts.values()) chart?.destroy();
  };
}

const HEIGHT = 130;

/** What is at least to be seen of an axis, by unit: one that shows nothing is not finer than that. */
const LEAST = { s: 1e-6, B: 1, '': 1 };

/** How far above the highest value an axis goes. */
const ROOM = 1.1;

/** Where an axis has its labels: at its foot, at the highest value there is, and between them where that is no odd number. */
function labels(most, unit) {
  return unit === '' && most < 4 ? [0, most] : [0, most / 2, most];
}

/** Lines have the colours of these seats. */
const LINES = [2, 0, 1, 3];

function open(uPlot, element, unit, lines, series) {
  const colours = palette();
  const axis = { stroke: colours.soft, font: '11px system-ui', ticks: { stroke: colours.line, width: 1 },
    grid: { stroke: colours.line, width: 1 } };
  const options = {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: true }, y: { range: (_, least, most) => [0, Math.max(most ?? 0, LEAST[unit]) * ROOM] } },
    series: [{}, ...lines.map(([label], index) => ({ label, stroke: colours.seat(LINES[index]), width: 1.6,
      points: { show: false }, spanGaps: true }))],
    axes: [{ ...axis, space: 70 }, { ...axis, size: 64, space: 20, splits: (_, axis, least, most) => labels(most / ROOM, unit),
      values: (_, values) => values.map((value) => WORDS[unit](value)) }],
  };
  return new uPlot(options, series.data, element);
}
