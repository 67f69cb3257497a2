// The table of rooms.

import { make } from '../play/dom.js';
import { bytes, seconds, short, until } from './format.js';

/** Rows that are drawn; who looks for another searches. */
const ROWS_MAX = 300;

const COLUMNS = [
  { key: 'name', title: 'Room', text: (room) => room.name },
  { key: 'game', title: 'Game', wide: true, text: (room) => [room.game, room.content].filter(Boolean).join(' · ') },
  { key: 'phase', title: 'Phase', text: (room) => room.phase },
  { key: 'taken', title: 'Seats', number: true, text: (room) => `${room.taken}/${room.seats}` },
  { key: 'connected', title: 'Here', number: true, text: (room) => String(room.connected) },
  { key: 'tick', title: 'Tick', number: true, text: (room) => (room.tick === null ? '–' : String(room.tick)) },
  { key: 'step_us', title: 'Tick time', number: true, wide: true, text: (room) => (room.tick === null ? '–' : seconds(room.step_us / 1e6)) },
  { key: 'bytes', title: 'Memory', number: true, wide: true, text: (room) => bytes(room.bytes) },
  { key: 'next_deadline_unix_ms', title: 'Next deadline', number: true, wide: true, text: (room) => until(room.next_deadline_unix_ms) },
];

const sorting = { key: 'name', down: false };
const wanted = { q: '', phase: '' };

/** Shows the rooms; gives a function that ends it. */
export function showRooms(watch, element) {
  const body = make('tbody');
  const count = make('p', { class: 'count', role: 'status' });
  const search = make('input', { type: 'search', placeholder: 'Search rooms', 'aria-label': 'Search rooms', value: wanted.q,
    oninput: () => { wanted.q = search.value.trim().toLowerCase(); draw(); } });
  const phases = ['', 'waiting', 'preparing', 'ready', 'playing', 'finished', 'closed'];
  const phase = make('select', { 'aria-label': 'Phase', onchange: () => { wanted.phase = phase.value; draw(); } },
    ...phases.map((name) => make('option', { value: name, selected: name === wanted.phase }, name || 'any phase')));
  const heads = COLUMNS.map((column) => {
    const sort = () => {
      sorting.down = sorting.key === column.key ? !sorting.down : Boolean(column.number);
      sorting.key = column.key;
      draw();
    };
    return make('th', { scope: 'col', class: kind(column) }, make('button', { class: 'sort', onclick: sort }, column.title));
  });
  const table = make('table', { class: 'rooms' }, make('caption', { class: 'unseen' }, 'Rooms of this node'),
    make('thead', {}, make('tr', {}, ...heads)), body);
  const figures = make('dl', { class: 'figures' });
  element.replaceChildren(make('h1', { class: 'unseen' }, 'Rooms'), figures,
    make('div', { class: 'filters' }, search, phase, count), make('div', { class: 'scroll' }, table));

  const rows = new Map();
  function draw() {
    showFigures(watch, figures);
    heads.forEach((head, index) => {
      const isSorted = COLUMNS[index].key === sorting.key;
      if (isSorted) head.setAttribute('aria-sort', sorting.down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    const found = watch.rooms.filter((room) => (!wanted.phase || room.phase === wanted.phase)
      && (!wanted.q || `${room.name} ${room.id} ${room.game}`.toLowerCase().includes(wanted.q)));
    found.sort(compare);
    const shown = found.slice(0, ROWS_MAX);
    const missing = watch.rooms.failed?.length ? `, without those of ${watch.rooms.failed.join(', ')}` : '';
    count.textContent = (found.length > shown.length ? `${shown.length} of ${found.length} shown`
      : plural(found.length, 'room')) + missing;
    const kept = new Set(shown.map((room) => room.id));
    for (const [id, row] of rows) if (!kept.has(id)) { row.remove(); rows.delete(id); }
    shown.forEach((room, index) => {
      const row = rows.get(room.id) ?? makeRow(room);
      rows.set(room.id, row);
      fill(row, room);
      if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
    });
    if (!shown.length && !body.querySelector('.none')) body.replaceChildren(none(watch));
    if (shown.length) body.querySelector('.none')?.parentElement.remove();
  }
  watch.addEventListener('change', draw);
  draw();
  return () => watch.removeEventListener('change', draw);
}

function none(watch) {
  const text = watch.rooms.length ? 'No room is like that.' : 'No rooms yet. ';
  const cell = make('td', { class: 'none', colspan: COLUMNS.length }, text);
  if (!watch.rooms.length) cell.append(make('a', { href: '/play' }, 'Open one and play'));
  return make('tr', {}, cell);
}

function makeRow(room) {
  const link = make('a', { href: `#/room/${encodeURIComponent(room.name)}` }, room.name);
  const cells = COLUMNS.map((column) => (column.key === 'name'
    ? make('th', { scope: 'row', class: 'name' }, link) : make('td', { class: kind(column) })));
  const row = make('tr', { onclick: (event) => event.target.closest('a') || link.click() }, ...cells);
  return row;
}

function fill(row, room) {
  COLUMNS.forEach((column, index) => {
    if (column.key === 'name') return;
    const text = column.text(room);
    const cell = row.children[index];
    if (cell.textContent === text) return;
    cell.textContent = text;
    if (column.key === 'phase') cell.dataset.phase = room.phase;
  });
}

function kind(column) {
  return [column.number && 'number', column.wide && 'wide'].filter(Boolean).join(' ');
}

function compare(a, b) {
  const [x, y] = [a[sorting.key], b[sorting.key]];
  const order = typeof x === 'string' ? x.localeCompare(y) : (x ?? -1) - (y ?? -1);
  return (sorting.down ? -order : order) || a.name.localeCompare(b.name);
}

function plural(count, word) {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The few numbers that say whether all is well. */
function showFigures(watch, element) {
  const { node, change } = watch;
  const list = [
    ['Rooms', short(watch.rooms.total ?? watch.rooms.length)],
    ['Playing', short(node?.playing)],
    ['Players', short(node?.players)],
    ['Turn, p99', seconds(change?.quantile('framekeep_tick_seconds', 0.99))],
    ['Out, a second', bytes(change ? sum(change.rate('framekeep_udp_bytes_total', { direction: 'out' }), change.rate('framekeep_websocket_bytes_total', { direction: 'out' })) : null)],
    ['Desyncs', short(change?.value('framekeep_desyncs_total'))],
  ];
  if (element.children.length !== list.length) {
    element.replaceChildren(...list.map(([name]) => make('div', {}, make('dt', {}, name), make('dd', {}))));
  }
  list.forEach(([, value], index) => {
    element.children[index].lastChild.textContent = value;
  });
}

function sum(a, b) {
  return a === null && b === null ? null : (a ?? 0) + (b ?? 0);
}
