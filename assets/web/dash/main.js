// The dashboard: which page is shown, and what all of them have above them.

import { $, make } from '../play/dom.js';
import { writeSeatColours } from '../ui/colours.js';
import { showCharts } from './charts.js';
import { showCluster } from './cluster.js';
import { showOperators } from './operators.js';
import { showReplay, showReplays } from './replays.js';
import { showRoom } from './room.js';
import { showRooms } from './rooms.js';
import { Watch } from './watch.js';
import { measured, span } from './format.js';

const watch = new Watch();
let endPage = () => {};

const PAGES = [
  [/^$/, 'rooms', (element) => showRooms(watch, element)],
  [/^node$/, 'node', (element) => {
    const charts = make('div', { class: 'charts' });
    element.replaceChildren(make('h1', {}, 'Node'), charts);
    return showCharts(watch, charts);
  }],
  [/^cluster$/, 'cluster', (element) => showCluster(element)],
  [/^room\/(.+)$/, 'rooms', (element, name) => showRoom(name, element)],
  [/^replays$/, 'replays', (element) => showReplays(element)],
  [/^replay\/(.*)$/, 'replays', (element, name) => showReplay(name, element)],
  [/^operators$/, 'operators', (element) => showOperators(element)],
];

/** A part of the path as it was written; as it stands where it is no encoding of anything. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function route(event) {
  const path = location.hash.replace(/^#\/?/, '');
  const [matched, name, show] = PAGES.map(([pattern, ...rest]) => [pattern.exec(path), ...rest]).find(([match]) => match)
    ?? [[''], 'rooms', PAGES[0][2]];
  endPage();
  const view = $('view');
  view.replaceChildren();
  endPage = show(view, ...matched.slice(1).map(decoded));
  for (const link of document.querySelectorAll('[data-page]')) {
    if (link.dataset.page === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${view.querySelector('h1')?.textContent ?? 'Rooms'} · Framekeep`;
  if (event) view.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function showState() {
  const { node, up } = watch;
  const state = $('state');
  const kind = up === false ? 'down' : node?.draining ? 'draining' : 'up';
  state.dataset.state = kind;
  const since = node ? span((Date.now() - node.started_unix_ms) / 1_000) : '';
  state.textContent = up === false ? 'The server does not answer' : node ? `${kind === 'up' ? 'up' : 'draining'} for ${since}` : 'connecting';
  $('node-name').textContent = node && node.name !== 'framekeep' ? node.name : '';
  const told = JSON.stringify(watch.alerts);
  if ($('alerts').dataset.told === told) return;
  // They are read aloud whenever they are put there.
  $('alerts').dataset.told = told;
  $('alerts').replaceChildren(...watch.alerts.map((alert) => make('li', { class: alert.severity }, make('b', {}, alert.name), ` ${alert.text}: ${measured(alert, 'value')}, ${measured(alert, 'threshold')} at most`)));
}

writeSeatColours();
document.addEventListener('themechange', () => writeSeatColours());
addEventListener('hashchange', route);
watch.addEventListener('change', showState);
// The charts' library is not a module; it is there before this unless it is missing.
if (document.readyState === 'loading') addEventListener('DOMContentLoaded', () => route());
else route();
watch.start();
