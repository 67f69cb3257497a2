// Replays: the sealed matches of the node, and files that are dropped here.

import { make } from '../play/dom.js';
import { readName } from '../play/names.js';
import { bytes, clock } from './format.js';
import { Happenings } from './happenings.js';
import { Timeline } from './timeline.js';
import { get, pastOf } from './watch.js';

/** A file that was dropped on the list, until its page has taken it. */
let dropped = null;

/** Titles of the list and what their cells are: names are broken into lines, the wide ones are not on a telephone. */
const COLUMNS = [['Sealed', 'when'], ['Room', 'name'], ['Game', 'wide'], ['Players', 'name'], ['Length', 'wide number'], ['Winner', 'wide name'],
  ['Size', 'wide number'], ['', '']];

/** Shows the list; gives a function that ends it. */
export function showReplays(element) {
  const said = make('p', { class: 'hint', role: 'status' });
  const rows = make('tbody');
  const open = (file) => {
    if (!file) return;
    dropped = file;
    location.hash = '#/replay/';
  };
  const input = make('input', { type: 'file', accept: '.fkr', class: 'unseen', id: 'file', onchange: () => open(input.files[0]) });
  const zone = make('label', { class: 'drop', for: 'file', ondragover: (event) => { event.preventDefault(); zone.classList.add('over'); },
    ondragleave: () => zone.classList.remove('over'),
    ondrop: (event) => { event.preventDefault(); open(event.dataTransfer.files[0]); } },
  make('b', {}, 'Drop a .fkr here'), make('span', {}, 'or choose one. The server plays it again and compares every hash; nothing is kept.'));
  element.replaceChildren(make('h1', {}, 'Replays'), input, zone, said,
    make('div', { class: 'scroll' }, make('table', { class: 'rooms' }, make('caption', { class: 'unseen' }, 'Sealed matches'),
      make('thead', {}, make('tr', {}, ...COLUMNS.map(([title, kind]) => make('th', { scope: 'col', class: kind }, title)))), rows)));
  list(rows, said);
  return () => {};
}

async function list(rows, said) {
  try {
    const [files, { results }] = await Promise.all([get('/api/v1/replays?limit=200'), get('/api/v1/results?limit=200')]);
    const known = new Map(results.map((result) => [result.replay, result]));
    rows.replaceChildren(...files.map((file) => row(file, known.get(file.name))));
    said.textContent = files.length ? '' : 'No match is sealed yet.';
  } catch (error) {
    said.textContent = `The list cannot be had: ${error.message}`;
  }
}

function row(file, result) {
  const link = `#/replay/${encodeURIComponent(file.name)}`;
  const players = result?.players.map(({ name }) => readName(name).name).join(', ') ?? '';
  const winner = result?.players.find(({ seat }) => seat === result.winner);
  const texts = [result?.room ?? file.name, result ? [result.game, result.content].filter(Boolean).join(' · ') : '', players,
    result ? clock(result.ticks, result.tick_rate_hz) : '', winner ? readName(winner.name).name : result?.reason === 'outcome' ? 'draw' : result?.reason ?? '', bytes(file.bytes)];
  return make('tr', {}, make('th', { scope: 'row', class: 'when' }, make('a', { href: link }, new Date(file.sealed_unix_ms).toLocaleString())),
    ...texts.map((text, index) => make('td', { class: COLUMNS[index + 1][1] }, make('span', { class: 'few', title: text }, text))),
    make('td', {}, make('a', { href: `/api/v1/replays/${encodeURIComponent(file.name)}`, download: file.name, 'aria-label': `Download ${file.name}` }, '↓', make('span', { class: 'wide' }, ' Download'))));
}

/** Shows one match whole: a stored one by its name, else the file that was dropped. */
export function showReplay(name, element) {
  const page = new ReplayPage(name, element);
  page.load();
  return () => page.end();
}

class ReplayPage {
  constructor(name, element) {
    this.name = name;
    this.file = name ? null : dropped;
    this.hashes = new Map();
    this.timeline = new Timeline({ label: 'The match', onTick: (state) => this.#showTick(state) });
    this.happenings = new Happenings({ empty: 'None that is worth a mark.', onSeek: (tick) => this.timeline.seek(tick) });
    this.title = make('h1', {}, name || this.file?.name || 'A replay');
    this.about = make('p', { class: 'about' });
    this.said = make('p', { class: 'hint', role: 'status' }, 'Playing it again');
    this.seats = make('tbody');
    this.hash = make('code', {}, '–');
    this.proof = make('p', { class: 'proof' });
    element.replaceChildren(make('p', { class: 'back' }, make('a', { href: '#/replays' }, '‹ Replays')), this.title, this.about,
      make('div', { class: 'columns' }, make('section', { class: 'wide' }, this.timeline.element, this.said),
        make('section', {}, make('h2', {}, 'This tick'), make('p', {}, 'hash ', this.hash), this.proof, make('h2', {}, 'Players'),
          make('table', { class: 'seats' }, make('thead', {}, make('tr', {}, ...['Seat', 'Player', 'Score'].map((text) => make('th', { scope: 'col', class: text === 'Score' ? 'number' : '' }, text)))), this.seats),
          make('h2', {}, 'Events'), this.happenings.element)));
  }

  end() {
    this.ended = true;
    this.timeline.end();
  }

  async load() {
    let truth = null;
    let isFirst = true;
    const take = (piece, states) => {
      if (this.ended) return false;
      if (isFirst) this.#begin(piece);
      isFirst = false;
      truth ??= piece.disagrees_at;
      piece.views.forEach(({ tick }, index) => this.hashes.set(tick, piece.hashes[index]));
      states.forEach((state) => this.timeline.push(state));
      const { started_unix_s: startedS, tick_rate_hz: rateHz } = piece;
      this.happenings.add(piece.events.map((event) => ({ ...event, isOfGame: true, at: (startedS + event.tick / rateHz) * 1_000 })));
      this.timeline.mark(this.happenings.marks());
      this.said.textContent = piece.next === null ? `${piece.ticks} ticks, ${clock(piece.ticks, piece.tick_rate_hz)}.` : `${piece.next} of ${piece.ticks} ticks`;
      return true;
    };
    try {
      await pastOf((asked) => this.#ask(asked), take);
    } catch (error) {
      this.said.textContent = `It cannot be shown: ${error.message}`;
      return;
    }
    if (this.ended) return;
    this.proof.textContent = truth === null ? 'Every state is the recorded one.' : `From tick ${truth} on the states are not the recorded ones.`;
    this.proof.dataset.ok = String(truth === null);
    this.timeline.grows = false;
  }

  #ask(asked) {
    if (this.name) return get(`/api/v1/replays/${encodeURIComponent(this.name)}/views?${asked}`);
    if (!this.file) return Promise.reject(new Error('choose the file once more'));
    return send(`/api/v1/replays/views?${asked}`, this.file);
  }

  #begin(piece) {
    const started = piece.started_unix_s ? new Date(piece.started_unix_s * 1_000).toLocaleString() : null;
    this.title.textContent = piece.room || this.title.textContent;
    this.about.replaceChildren(...[piece.game, piece.content, `${piece.seats} ${piece.seats === 1 ? 'seat' : 'seats'}`, `${piece.tick_rate_hz} ticks/s`, started, piece.reason]
      .filter(Boolean).map((text) => make('span', { class: 'tag' }, text)));
    this.timeline.rateHz = piece.tick_rate_hz;
    // Of one that does not ship only what stands in it is known.
    this.timeline.content = piece.content || undefined;
    this.timeline.grows = true;
    this.happenings.rateHz = piece.tick_rate_hz;
    this.happenings.names = new Map(piece.players.map(({ seat, name }) => [seat, readName(name).name]));
    this.timeline.names = this.happenings.names;
    this.seats.replaceChildren(...piece.players.map(({ seat, name }) => make('tr', { style: { '--of': `var(--seat-${seat % 16})` } },
      make('td', { class: 'seat' }, String(seat)), make('td', { class: 'name' }, name, seat === piece.winner ? make('small', {}, ' won') : null),
      make('td', { class: 'number', 'data-seat': seat }, '–'))));
    this.timeline.start(piece.game);
  }

  #showTick(state) {
    this.hash.textContent = this.hashes.get(state.tick) ?? '–';
    for (const cell of this.seats.querySelectorAll('[data-seat]')) cell.textContent = String(state.scores[cell.dataset.seat] ?? '–');
  }
}

async function send(path, file) {
  const reply = await fetch(path, { method: 'POST', body: file, headers: { 'content-type': 'application/octet-stream' } });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(answer.detail ?? `status ${reply.status}`);
  return answer;
}
