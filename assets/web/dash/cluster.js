// The cluster: the nodes that work together, who coordinates them, and the queues they share.

import { make } from '../play/dom.js';
import { bytes, seconds } from './format.js';

const EVERY_MS = 1_000;

const NODES = [
  { title: 'Node', text: (node) => node.name },
  { title: 'Region', wide: true, text: (node) => node.region || '–' },
  { title: 'Players', number: true, text: (node) => String(node.players) },
  { title: 'Rooms', number: true, text: (node) => String(node.rooms) },
  { title: 'In', number: true, text: (node) => String(node.moved_in ?? 0), hint: 'Rooms that came from other nodes' },
  { title: 'Out', number: true, text: (node) => String(node.moved_out ?? 0), hint: 'Rooms that went to other nodes' },
  { title: 'Tick p99', number: true, wide: true, text: (node) => seconds(node.tick_us_p99 / 1e6) },
  { title: 'Memory', number: true, wide: true, text: (node) => bytes(node.memory_mib * 1_048_576) },
  { title: 'UDP', wide: true, text: (node) => node.udp },
  { title: 'State', text: (node, seen) => states(node, seen).join(', ') || 'up' },
];

const QUEUES = [
  { title: 'Queue', text: (queue) => `${queue.game} · ${queue.mode}${queue.tick_rate_hz ? ` · ${queue.tick_rate_hz} Hz` : ''}` },
  { title: 'Tickets', number: true, text: (queue) => String(queue.tickets) },
  { title: 'Players', number: true, text: (queue) => String(queue.players) },
  { title: 'Formed', number: true, wide: true, text: (queue) => String(queue.formed) },
  { title: 'Wait p50', number: true, text: (queue) => wait(queue.wait_ms_p50) },
  { title: 'Wait p99', number: true, text: (queue) => wait(queue.wait_ms_p99) },
];

const MOVES = [
  { title: 'Room', text: (move) => move.room },
  { title: 'From', text: (move) => move.from },
  { title: 'To', text: (move) => move.to },
  { title: 'Step', text: (move) => move.step.replaceAll('_', ' ') },
  { title: 'For', number: true, text: (move) => seconds(move.for_ms / 1e3) },
];

/** What is to be said of a node. */
export function states(node, seen) {
  const all = [
    [node.id === seen.coordinator, 'coordinator'], [node.id === seen.node, 'this one'], [node.draining, 'draining'],
    [node.key_differs, 'another key'], [node.modes_differ, 'other modes'],
  ];
  return all.filter(([holds]) => holds).map(([, text]) => text);
}

function wait(ms) {
  return ms === null || ms === undefined ? '–' : seconds(ms / 1e3);
}

function table(caption, columns, rows, seen) {
  const kind = (column) => [column.number && 'number', column.wide && 'wide'].filter(Boolean).join(' ');
  const head = columns.map((column) => make('th', { scope: 'col', class: kind(column), title: column.hint ?? '' }, column.title));
  const body = rows.map((row) => make('tr', {}, ...columns.map((column) => make('td', { class: kind(column) }, column.text(row, seen)))));
  return make('section', {}, make('h2', {}, caption), make('div', { class: 'scroll' },
    make('table', { class: 'rooms' }, make('caption', { class: 'unseen' }, caption),
      make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...body))));
}

function draw(element, seen, moves = []) {
  const title = make('h1', {}, 'Cluster');
  const moving = moves.length ? [table('Rooms on their way', MOVES, moves)] : [];
  if (!seen) {
    element.replaceChildren(title, make('p', { class: 'empty' }, 'This node works alone. Set cluster.redis_url to make it one of several.'), ...moving);
    return;
  }
  const leader = seen.nodes.find((node) => node.id === seen.coordinator);
  const figures = [
    ['Nodes', seen.nodes.length], ['Coordinator', leader?.name ?? 'none'], ['Epoch', seen.epoch],
    ['Rooms in the directory', seen.directory], ['Matches a minute', seen.matches_per_min],
  ].map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, String(value))));
  const away = seen.redis_away_ms > 0
    ? [make('p', { class: 'hint', role: 'status' }, `Redis has not answered for ${seconds(seen.redis_away_ms / 1e3)}: rooms go on, and this is how it was.`)] : [];
  const own = seen.alone_ms === undefined ? []
    : [table(`Queues of this node, which has matched alone for ${seconds(seen.alone_ms / 1e3)}`, QUEUES, seen.own_queues ?? [], seen)];
  const full = seen.no_rooms
    ? [make('p', { class: 'hint', role: 'status' }, 'No node can have a room for a match: all are gateways, full, draining, or have other modes.')] : [];
  element.replaceChildren(title, ...away, ...full, make('dl', { class: 'figures' }, ...figures),
    table('Nodes', NODES, seen.nodes, seen), ...moving, table('Queues', QUEUES, seen.queues, seen), ...own);
}

/** Shows the cluster; gives a function that ends it. */
export function showCluster(element) {
  let ended = false;
  draw(element, null);
  const look = async () => {
    try {
      const reply = await fetch('/api/v1/cluster', { signal: AbortSignal.timeout(5_000) });
      const { together, moves } = reply.ok ? await reply.json() : {};
      if (!ended) draw(element, together ?? null, moves);
    } catch {
      // The state above says that the server does not answer.
    }
    if (!ended) setTimeout(look, EVERY_MS);
  };
  look();
  return () => { ended = true; };
}
