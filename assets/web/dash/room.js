// One room: what is played in it, who is there, what holds it, what was said.

import { Framekeep, NOBODY } from '../framekeep.js';
import { make } from '../play/dom.js';
import { readName } from '../play/names.js';
import { bytes, clock, seconds, until } from './format.js';
import { Happenings } from './happenings.js';
import { rates } from './metrics.js';
import { operate, signedIn } from './operators.js';
import { Timeline } from './timeline.js';
import { get, pastOf } from './watch.js';

/** Every how many seconds a match that runs is played again for what has happened in it. */
const RECALL_EVERY_S = 5;

const BAR = 'The bar goes back to the beginning of the match, ten minutes at most.';

/** Shows a room; gives a function that ends it. */
export function showRoom(name, element) {
  const page = new RoomPage(name, element);
  page.start();
  return () => page.end();
}

class RoomPage {
  constructor(name, element) {
    this.name = name;
    this.timeline = new Timeline({ live: true, label: `The match in ${name}`, onTick: (state) => this.#showScores(state),
      onPlace: () => this.#showNote() });
    this.timeline.grows = true;
    this.title = make('h1', {}, name);
    this.about = make('p', { class: 'about' });
    this.note = make('p', { class: 'hint', role: 'status' });
    this.#say('Connecting');
    this.seats = make('tbody');
    this.holds = make('ul', { class: 'holds' });
    this.facts = make('dl', { class: 'facts' });
    this.traffic = make('tbody');
    this.happenings = new Happenings({ empty: 'Nothing since this page was opened.', onSeek: (tick) => this.timeline.seek(tick) });
    this.replays = make('ul', { class: 'replays' });
    this.actions = make('p', { class: 'actions' });
    this.saidActions = make('p', { class: 'hint', role: 'status' });
    const heads = ['Seat', 'Player', 'Score', 'RTT', 'Loss', 'Lead', ''].map((title, column) =>
      make('th', { scope: 'col', class: column > 1 ? 'number' : '' }, title));
    element.replaceChildren(
      make('p', { class: 'back' }, make('a', { href: '#/' }, '‹ Rooms')), this.title, this.about,
      make('div', { class: 'columns' },
        make('section', { class: 'wide' }, this.timeline.element, this.note,
          make('h2', {}, 'Seats'), make('div', { class: 'scroll' }, make('table', { class: 'seats' }, make('thead', {}, make('tr', {}, ...heads)), this.seats)),
          make('h2', {}, 'Events'), this.happenings.element),
        make('section', {}, make('h2', {}, 'Numbers'), this.facts,
          make('h2', {}, 'Bandwidth by kind'), make('table', { class: 'traffic' }, make('thead', {}, make('tr', {},
            ...['Kind', 'In', 'Out', 'So far'].map((title, column) => make('th', { scope: 'col', class: column ? 'number' : '' }, title)))), this.traffic),
          make('h2', {}, 'Why it is alive'), this.holds,
          make('h2', {}, 'Matches of this room'), this.replays, make('h2', {}, 'Actions'), this.actions, this.saidActions)));
    this.members = [];
    this.kicks = new Map();
    this.scores = [];
  }

  start() {
    let turns = 0;
    this.timer = setInterval(() => {
      this.#look();
      turns += 1;
      if (turns % RECALL_EVERY_S === 0 && !document.hidden) this.#catchUp();
    }, 1_000);
    this.#look();
    this.#remember();
    this.#showActions();
    this.link = new Framekeep({ url: location.origin, name: 'Watcher', spectator: true, viewsHz: 30, follow: false,
      ...(signedIn() ? { ticket: () => this.#operatorTicket() } : {}) });
    const { link } = this;
    link.on('joined', (room) => {
      this.#showMembers(room);
      this.#remember();
    });
    link.on('room', (room) => this.#showMembers(room));
    link.on('event', (event) => this.#tell(event));
    link.on('started', (match) => {
      const isNew = match.epoch !== this.epoch;
      this.epoch = match.epoch;
      if (isNew) this.#turn();
      if (isNew && match.next > 0) this.#recall();
      this.timeline.rateHz = this.happenings.rateHz = match.tick_rate_hz;
      this.timeline.start(match.game);
      this.#say(this.#live(), true);
    });
    link.on('ended', () => this.#say('The match is over. Go back with the bar; with every hash it is seen once it is sealed.'));
    link.on('state', (state) => this.timeline.push(state));
    link.on('status', (status) => {
      const shut = link.cause === 'shutting_down' ? 'The server was shut down' : 'The connection is lost';
      if (status === 'offline') this.#say(`${shut}; it is tried again.`);
      else if (status === 'online' && link.match && !link.match.ended) this.#say(this.#live(), true);
    });
    link.on('left', () => this.#say('The room is closed.'));
    link.connect().then(() => link.join(this.name, { spectate: true })).then((room) => {
      this.timeline.start(room.game);
      this.timeline.content = room.content;
      if (!link.match) this.#say('No match is running. As soon as one does it is shown here.');
    }).catch((error) => {
      // There is nothing to look at, and no bar to go back with.
      this.timeline.element.hidden = true;
      this.#say(WHY[error.code]?.() ?? `It cannot be watched: ${error.message}`);
    });
  }

  end() {
    this.ended = true;
    clearInterval(this.timer);
    this.link.close();
    this.timeline.end();
  }

  #live() {
    return this.oversees ? `Live, watched as an operator; those in the room see that. ${BAR}` : `Live. ${BAR}`;
  }

  /** Operators watch any room; where their port does not answer they watch as everybody does. */
  async #operatorTicket() {
    const found = await operate('POST', `rooms/${encodeURIComponent(this.name)}/watch`).catch(() => null);
    this.oversees = found !== null;
    if (found) return found.websocket.ticket;
    const body = JSON.stringify({ name: 'Watcher', spectator: true });
    const reply = await fetch('/api/v1/tickets', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const answer = await reply.json();
    if (!reply.ok) throw new Error(answer.detail);
    return answer.websocket.ticket;
  }

  /** Something of the room's past; who was let in is told it also once the room is locked. */
  #past(what) {
    const path = `rooms/${encodeURIComponent(this.name)}/${what}`;
    return this.oversees ? operate('GET', path) : get(`/api/v1/${path}`, this.link.room && this.link.resumeToken);
  }

  /** Says how things are; `goesOn` where a match runs that one can go back to from its past. */
  #say(text, goesOn = false) {
    Object.assign(this, { said: text, goesOn });
    this.#showNote();
  }

  /** What was said last, or where one is in the past. */
  #showNote() {
    const { isLive, states, at, last, rateHz } = this.timeline;
    if (isLive || !states.length) {
      if (this.note.textContent !== this.said) this.note.textContent = this.said;
      return;
    }
    const place = `${clock(at, rateHz, 0)} of ${clock(last, rateHz, 0)}`;
    const rest = `. ${this.goesOn ? 'Live goes back to now.' : this.said}`;
    const shown = this.note.querySelector('time');
    if (!shown || this.note.lastChild.data !== rest) {
      this.note.replaceChildren('In the past: ', make('time', { 'aria-live': 'off' }, place), rest);
    } else if (shown.textContent !== place) {
      shown.textContent = place;
    }
  }

  /** Another match is shown. */
  #turn() {
    this.timeline.clear();
    this.happenings.turn();
    this.foundTo = 0;
    this.#showMarks();
    this.#look();
    this.#remember();
  }

  #showMarks() {
    this.timeline.mark(this.happenings.marks());
  }

  /** What happened in the room before this page came, or while it had no link. */
  async #remember() {
    let after = this.rememberedTo ?? 0;
    try {
      for (let more = true; more && !this.ended;) {
        const { events, next } = await this.#past(`events?after=${after}`);
        const now = Date.now();
        // Where only the match's own records tell of it, its tick says when that was.
        this.happenings.add(events.map((event) => ({ ...event, at: event.at_unix_ms ?? this.#timeOf(event.tick, now) })));
        after = events.at(-1)?.number ?? after;
        more = next !== null;
      }
    } catch {
      // Of a room that lets nobody watch nothing is told.
    }
    this.rememberedTo = after;
    this.#showMarks();
  }

  #timeOf(tick, nowMs = Date.now()) {
    return nowMs - ((this.timeline.last - tick) / this.timeline.rateHz) * 1_000;
  }

  /** What playing again has found. */
  #find(piece) {
    const nowMs = Date.now();
    this.happenings.add(piece.events.map((event) => ({ ...event, isOfGame: true, at: this.#timeOf(event.tick, nowMs) })));
    this.foundTo = Math.max(this.foundTo ?? 0, piece.next ?? piece.ticks);
    this.#showMarks();
  }

  /** What has happened since in the match that is watched. */
  async #catchUp() {
    const { epoch } = this;
    if (!this.link.match || this.link.match.ended || this.link.status !== 'online') return;
    try {
      const piece = await this.#past(`views?from=${this.foundTo ?? 0}&every=30`);
      if (epoch === this.epoch && !this.ended) this.#find(piece);
    } catch {
      // It is asked again.
    }
  }

  /** What was played before this page came is played again by the server. */
  async #recall() {
    const states = [];
    const take = (piece, more) => {
      states.push(...more);
      this.#find(piece);
      return !this.ended;
    };
    try {
      await pastOf((asked) => this.#past(`views?${asked}`), take);
      this.timeline.prepend(states);
    } catch (error) {
      this.#say(`Live. The bar goes back as far as this page has watched: ${error.message}.`, true);
    }
  }

  async #look() {
    try {
      this.#show(await this.#asked());
    } catch (error) {
      if (error.status === 404) this.about.textContent = 'This room is gone.';
    }
  }

  /** The room as it is now: operators are told of private ones too, unless their port does not answer. */
  async #asked() {
    const path = `rooms/${encodeURIComponent(this.name)}`;
    this.isToldAll = signedIn() && this.oversees !== false;
    if (this.isToldAll) {
      try {
        return await operate('GET', path);
      } catch (error) {
        if (error.status === 404) throw error;
      }
    }
    this.isToldAll = false;
    return get(`/api/v1/${path}`);
  }

  #show(room) {
    const isSecret = room.private && !this.isToldAll;
    const parts = [room.game, room.content, room.phase, room.private && 'private', room.locked && 'locked'];
    this.about.replaceChildren(...parts.filter(Boolean).map((part) => make('span', { class: 'tag' }, part)));
    const facts = [['Seats', `${room.taken} of ${room.seats}`], ['Connected', room.connected], ['Watching', room.spectators],
      ['Rate', `${room.tick_rate_hz} ticks/s`], ['Tick', room.tick ?? '–'],
      ['Tick time', room.tick === null ? '–' : seconds(room.step_us / 1e6)], ['Memory', bytes(room.bytes)],
      ['Next deadline', until(room.next_deadline_unix_ms)], ['Id', room.id]];
    this.facts.replaceChildren(...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, String(value)))));
    this.nobody = isSecret && room.taken ? 'Who is in a private room is told to those in it.' : 'Nobody has a seat.';
    const holds = room.holds.length ? room.holds : [{ what: isSecret ? 'Of a private room that is not told.' : 'Nothing holds it.' }];
    this.holds.replaceChildren(...holds.map((hold) => make('li', {}, hold.what,
      hold.until_unix_ms ? make('small', {}, ` until ${new Date(hold.until_unix_ms).toLocaleTimeString()}, ${until(hold.until_unix_ms)}`) : null)));
    const members = (room.members ?? []).filter(({ seat }) => seat !== NOBODY);
    this.ways = new Map(members.map((member) => [member.seat, member]));
    if (!this.link.room) this.#showSeats(members.map((member) => ({ ...member, connected: member.transport !== '' })));
    this.timeline.rateHz = room.tick_rate_hz;
    // What was asked before the match began tells of the one before.
    if (room.match?.endsWith(`-${this.epoch}`) && this.happenings.is(room.match)) this.#showMarks();
    this.timeline.content ??= room.content;
    this.rates = rates(this.carried, room.traffic, performance.now());
    this.carried = { at: performance.now(), traffic: room.traffic };
    this.#showTraffic();
    if (this.link.room) this.#showSeats(this.link.room.members);
    if (this.id !== room.id || room.phase !== this.phase) this.#showReplays(room.id);
    [this.id, this.phase] = [room.id, room.phase];
  }

  #showMembers(room) {
    this.timeline.names = new Map(room.members.map((member) => [member.seat, readName(member.name).name]));
    // Who has gone is still known by the seat.
    for (const [seat, name] of this.timeline.names) this.happenings.names.set(seat, name);
    this.#showSeats(room.members);
  }

  #showScores(state) {
    if (state.scores === this.scores) return;
    this.scores = state.scores;
    for (const row of this.seats.querySelectorAll('[data-seat]')) row.children[2].textContent = String(state.scores[row.dataset.seat] ?? '–');
  }

  #showTraffic() {
    const most = Math.max(1, ...this.rates.map((row) => (row.in ?? 0) + (row.out ?? 0)));
    const shown = (rate) => make('td', { class: 'number' }, rate === null ? '–' : `${bytes(rate)}/s`);
    const rows = this.rates.map((row) => make('tr', { style: { '--part': `${(100 * ((row.in ?? 0) + (row.out ?? 0))) / most}%` } },
      make('td', {}, row.kind), shown(row.in), shown(row.out), make('td', { class: 'number' }, bytes(row.all))));
    this.traffic.replaceChildren(...(rows.length ? rows : [make('tr', {}, make('td', { colspan: 4, class: 'hint' }, 'Nobody is connected.'))]));
  }

  #showSeats(members) {
    const focused = document.activeElement;
    const here = new Set(members.map((member) => member.player));
    for (const player of this.kicks.keys()) if (!here.has(player)) this.kicks.delete(player);
    if (!members.length) {
      this.seats.replaceChildren(make('tr', { class: 'nobody' }, make('td', { colspan: 7, class: 'hint' }, this.nobody ?? '')));
      return;
    }
    this.seats.replaceChildren(...members.map((member) => {
      const way = this.ways?.get(member.seat);
      const is = [member.host && 'host', member.ready && 'ready', !member.connected && 'away', member.out && 'out'].filter(Boolean);
      const number = (value, unit) => make('td', { class: 'number' }, value === null || value === undefined ? '–' : `${value} ${unit}`);
      const kick = signedIn() ? this.#kickOf(member) : '';
      return make('tr', { 'data-seat': member.seat, style: { '--of': `var(--seat-${member.seat % 16})` } },
        make('td', { class: 'seat' }, String(member.seat)),
        make('td', { class: 'name' }, member.name, make('small', {}, is.length ? ` ${is.join(', ')}` : '')),
        make('td', { class: 'number' }, String(this.scores[member.seat] ?? '–')),
        number(way?.rtt_ms, 'ms'), number(way?.loss_percent, '%'), number(way?.lead_ms, 'ms'), make('td', {}, kick));
    }));
    // Rows are made anew each second; whoever is about to press a button goes on with it.
    if (this.seats.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** The button of a player, the same as long as the player is here. */
  #kickOf({ player, name }) {
    const known = this.kicks.get(player);
    if (known) return known;
    const button = make('button', { class: 'small', 'aria-label': `Kick ${name}`, onclick: () => {
      if (sure(button, 'Sure?')) this.#act('POST', `players/${player}/kick?room=${encodeURIComponent(this.name)}`, `${name} is sent away`);
    } }, 'Kick');
    this.kicks.set(player, button);
    return button;
  }

  #tell(event) {
    const name = event.name || this.link.room?.members.find((member) => member.player === event.player)?.name || '';
    const inMatch = this.link.match && !this.link.match.ended;
    const tick = event.ended?.ticks ?? (inMatch ? this.timeline.last : null);
    this.happenings.add([{ ...event, name, at: Date.now(), tick, turn: this.happenings.turns }]);
    this.#showMarks();
  }

  async #showReplays(id) {
    const found = await get(`/api/v1/replays?q=${encodeURIComponent(`${id}-`)}&limit=20`).catch(() => []);
    const rows = found.map((replay) => make('li', {},
      make('a', { href: `#/replay/${encodeURIComponent(replay.name)}` }, new Date(replay.sealed_unix_ms).toLocaleString()),
      make('small', {}, ` ${bytes(replay.bytes)}`)));
    this.replays.replaceChildren(...(rows.length ? rows : [make('li', { class: 'hint' }, 'None is sealed yet.')]));
  }

  #showActions() {
    const play = make('a', { class: 'button', href: `/play?room=${encodeURIComponent(this.name)}` }, 'Join');
    const close = make('button', { disabled: !signedIn(), onclick: () => this.#close(close) }, 'Close the room');
    const more = signedIn() ? null : make('a', { href: '#/operators' }, 'Sign in as an operator to close it or kick');
    this.actions.replaceChildren(play, close, more ?? '');
  }

  #close(button) {
    if (!sure(button, 'Close it for everybody?')) return undefined;
    return this.#act('DELETE', `rooms/${encodeURIComponent(this.name)}`, 'The room is closed');
  }

  async #act(method, path, done) {
    const error = await operate(method, path).then(() => null, (failed) => failed);
    this.saidActions.textContent = error ? `Not done: ${error.message}` : `${done}.`;
  }
}

/** Whether a button was pressed a second time; after the first it asks for four seconds. */
function sure(button, question) {
  if (button.dataset.sure) return true;
  const before = button.textContent;
  button.dataset.sure = 'yes';
  button.textContent = question;
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = before;
  }, 4_000);
  return false;
}

const closedToAll = () => `This room lets nobody${signedIn() ? '' : ' (else)'} watch: that is said when it is opened (spectators_max). ${operatorsMay()}`;

const operatorsMay = () => (signedIn() ? 'The operators’ port does not answer, or enough operators watch.' : 'Operators may: sign in as one.');

const WHY = {
  too_many_spectators: closedToAll,
  spectators_full: closedToAll,
  wrong_code: () => `This room is private: it cannot be watched without its code. ${operatorsMay()}`,
  room_locked: () => `This room is locked: its host lets nobody new in, not even to watch. ${operatorsMay()}`,
  no_such_room: () => 'There is no such room any more.',
};
