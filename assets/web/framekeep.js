// The browser's way into a Framekeep server: one ES module, no build step. framekeep.d.ts has the types, docs/WEB.md
// the story.

import { Backoff } from './sdk/backoff.js';
import { TickClock } from './sdk/clock.js';
import { Crossing } from './sdk/crossing.js';
import { FramekeepError, getTicket } from './sdk/guest.js';
import { Handlers } from './sdk/handlers.js';
import { Interpolation } from './sdk/interpolation.js';
import { deferred } from './sdk/later.js';
import { Inbox, Outbox } from './sdk/outbox.js';
import { Places } from './sdk/places.js';
import { Pulse } from './sdk/pulse.js';
import { COMING_UP, FINAL, LOST, PASSING, PASSING_HTTP } from './sdk/reasons.js';
import { requests } from './sdk/requests.js';
import { NOBODY, ViewDecoder } from './sdk/views.js';

export { Backoff, FramekeepError, Inbox, Interpolation, NOBODY, Outbox, Pulse, TickClock, ViewDecoder };
export { ARENA, RHYTHM, arenaInput, rhythmInput } from './sdk/games.js';

const SUBPROTOCOL = 'framekeep.v1.json';

/** How often the server is asked whether it is there, in milliseconds. */
const PING_EVERY_MS = 2_000;

/** Messages of the server after which they are acknowledged. */
const ACKNOWLEDGE_AFTER = 16;

/** How long a connection or a request may take. */
const PATIENCE_MS = 8_000;

/** How often a room that may come up elsewhere is asked for, in milliseconds. */
const ASK_EVERY_MS = 500;

/** Inputs for ticks that are kept for the node at which the room goes on. */
const AHEAD_MAX = 64;

/** A player's, or a watcher's, link to a server. */
export class Framekeep {
  #options;
  #handlers = new Handlers();
  #socket = null;
  #outbox = new Outbox();
  #inbox = new Inbox();
  #backoff;
  #decoder = new ViewDecoder();
  #interpolation = new Interpolation();
  #clock = new TickClock();
  #token = null;
  #wanted = false;
  #retry = null;
  #beats = null;
  #pulse = new Pulse();
  #turn = 0;
  #resuming = false;
  #ticketUsed = false;
  #answers = new Map();
  #place = null;
  #rejoin = 0;
  #first = null;
  #places;
  #tokenOf = null;
  #crossing = null;
  #arrival = null;
  #isIn = false;
  #held = 0;
  #ahead = [];
  #event = 0;

  /** @param {import('./framekeep.js').Options} [options] */
  constructor(options = {}) {
    const url = options.url ?? globalThis.location?.origin;
    if (!url) throw new Error('`url` is missing: the address of the server, as http://127.0.0.1:7780');
    this.#options = {
      name: 'guest',
      viewsHz: 30,
      delayMs: null,
      follow: true,
      lostAfterMs: null,
      WebSocket: globalThis.WebSocket,
      fetch: (...args) => globalThis.fetch(...args),
      now: () => performance.now(),
      ...options,
    };
    this.#places = new Places(String(url), this.#options.lostAfterMs);
    if (typeof this.#options.WebSocket !== 'function') {
      throw new Error('there is no WebSocket here: pass a class as `WebSocket`');
    }
    this.#backoff = new Backoff(options.backoff);
    /** "idle", "connecting", "online", "offline" (coming back), "closed" */
    this.status = 'idle';
    this.player = null;
    this.guest = options.guest ?? null;
    this.room = null;
    this.match = null;
    this.state = null;
    this.scores = [];
    this.resumes = 0;
    this.cause = null;
  }

  /** The secret of the session, with which the HTTP API tells of rooms that let this client in; null while there is none. */
  get resumeToken() {
    return this.#token;
  }

  /** Calls `handler` for each message of a type; gives a function that ends it. */
  on(type, handler) {
    return this.#handlers.on(type, handler);
  }

  /** The next message of a type, for which `test` holds. */
  once(type, test = () => true, withinMs = PATIENCE_MS) {
    return this.#handlers.once(type, test, withinMs);
  }

  /** Connects, and from then on again whenever the connection is lost. */
  connect() {
    if (this.#first) return this.#first.promise;
    this.#wanted = true;
    this.#first = deferred();
    this.#open();
    return this.#first.promise;
  }

  /** Says good-bye; nothing is connected again. */
  close() {
    if (this.#socket?.readyState === 1) this.#send({ bye: {} });
    this.#end('bye');
  }

  /**
   * Takes a seat in a room, or watches it.
   * @param {string} room
   * @param {import('./framekeep.js').JoinOptions} [options]
   */
  join(room, { create, code = '', spectate = false } = {}) {
    const place = { room, code, spectate };
    return this.#ask({ join: { ...place, ...(create ? { create } : {}) } }, 'joined', place);
  }

  /** Leaves the room. */
  leave() {
    this.#place = null;
    return this.#say({ leave: {} });
  }

  /** Any other request of `framekeep.proto`, such as `{ sync: {} }`. */
  request(body) {
    return this.#say(body);
  }

  /**
   * What the player does from now on, or, with a tick, for that tick alone. Inputs are not said again: while there is
   * no connection they are dropped, and false is returned.
   */
  input(bits, tick) {
    if (tick === undefined) this.#held = bits;
    if (this.status !== 'online') return false;
    const input = tick === undefined ? { bits } : { bits, tick };
    if (tick !== undefined) this.#ahead = [...this.#ahead.slice(1 - AHEAD_MAX), input];
    this.#send({ input });
    if (this.#crossing?.isWelcome) this.#crossing.send({ input });
    return true;
  }

  /** Asks for the room and the match again, whole. */
  sync() {
    this.#send({ sync: {} });
  }

  /** The tick the server commits next, about, with a fraction; null while no match is seen. */
  tick(nowMs = this.#options.now()) {
    return this.#clock.tick(nowMs);
  }

  /** The mean round trip in milliseconds; null before the first. */
  get rttMs() {
    return this.#pulse.rttMs;
  }

  /** How far in the past `sample` draws, in milliseconds: two views, and what they are late. */
  get delayMs() {
    const { delayMs, viewsHz } = this.#options;
    return delayMs ?? 1_500 / viewsHz + Math.min(2 * this.#clock.jitterMs, 150);
  }

  /** The state to draw now, between two that were told; null while no match is seen. */
  sample(nowMs = this.#options.now()) {
    const tick = this.#clock.tick(nowMs);
    return tick === null ? null : this.#interpolation.at(tick - this.delayMs / this.#clock.periodMs);
  }

  /** Tries to connect at once, for example when the device is online again. */
  hurry() {
    if (!this.#wanted || this.#socket || !this.#retry) return;
    clearTimeout(this.#retry);
    this.#open();
  }

  /** The address of the server. */
  get url() {
    return this.#places.url;
  }

  // Connection

  async #open() {
    // Whatever waits for something of an earlier turn finds that it is over.
    const turn = (this.#turn += 1);
    this.#retry = null;
    this.#become(this.#token || this.player ? 'offline' : 'connecting');
    let ticket = null;
    try {
      if (!this.#token || this.#tokenOf !== this.url) ticket = await this.#ticket();
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
      return;
    }
    if (turn !== this.#turn) return;
    const address = `${this.url.replace(/^http/, 'ws')}/ws`;
    let socket;
    try {
      socket = new this.#options.WebSocket(address, SUBPROTOCOL);
    } catch (error) {
      return this.#failed(new FramekeepError('no_socket', `${address}: ${error.message}`));
    }
    this.#socket = socket;
    this.#resuming = ticket === null;
    this.#pulse.begin(this.#options.now());
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      const resume = { token: this.#token, last_id: this.#inbox.lastId };
      const { viewsHz, follow } = this.#options;
      this.#send(this.#resuming ? { resume } : { authenticate: { ticket, views_hz: viewsHz, follows: follow } });
    };
    this.#listen(socket);
    clearInterval(this.#beats);
    this.#beats = setInterval(() => this.#beat(), PING_EVERY_MS);
  }

  #listen(socket) {
    socket.onmessage = (event) => socket === this.#socket && this.#receive(event.data);
    socket.onclose = () => socket === this.#socket && this.#cut();
    // Some of those outside browsers do not say that a connection is closed which was never open.
    socket.onerror = () => socket === this.#socket && socket.readyState !== 1 && this.#cut();
  }

  async #ticket() {
    const options = { ...this.#options, url: this.url };
    const { ticket, guest } = await getTicket(options, this.guest, this.#ticketUsed, PATIENCE_MS);
    if (guest && guest !== this.guest) {
      this.guest = guest;
      this.#emit('guest', guest);
    }
    return ticket;
  }

  #failed(error) {
    const final = error instanceof FramekeepError && !PASSING_HTTP.test(error.code);
    if (!final) return this.#again();
    this.#first?.reject(error);
    this.#emit('error', { code: error.code, text: error.message });
    return this.#end(error.code);
  }

  #again() {
    if (!this.#wanted) return;
    if (this.status === 'online') this.#places.lost(this.#options.now());
    else this.#places.failed(typeof this.#options.ticket === 'string');
    this.#become('offline');
    const waitMs = this.#backoff.next();
    this.#emit('retry', { waitMs, tries: this.#backoff.tries });
    this.#retry = setTimeout(() => this.#open(), waitMs);
  }

  #lost() {
    this.#drop();
    this.#again();
  }

  /** The connection has ended; the room may be on its way to where another link waits for it. */
  #cut() {
    return this.#crossing ? this.#crossing.leave(false) : this.#lost();
  }

  #drop() {
    this.#crossing?.drop();
    this.#crossing = null;
    const socket = this.#socket;
    this.#socket = null;
    this.#turn += 1;
    clearInterval(this.#beats);
    if (socket && socket.readyState < 2) socket.close();
  }

  #end(reason) {
    this.#wanted = false;
    this.#turn += 1;
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#crossing?.drop();
    this.#crossing = null;
    const socket = this.#socket;
    this.#socket = null;
    clearInterval(this.#beats);
    // The good-bye is let out before the connection is closed.
    socket?.close();
    this.#token = null;
    this.#place = null;
    this.#outbox.clear();
    this.#first?.reject(new FramekeepError(reason, `the link is closed: ${reason}`));
    this.#first?.promise.catch(() => {});
    this.#first = null;
    for (const answer of [...this.#answers.values()]) answer.reject(new FramekeepError(reason, 'the link is closed'));
    this.reason = reason;
    this.#become('closed');
  }

  #become(status) {
    if (this.status === status) return;
    this.status = status;
    this.#emit('status', status);
  }

  #beat() {
    const now = this.#options.now();
    if (this.#pulse.isLost(now)) return this.#lost();
    if (this.#socket?.readyState !== 1 || this.status !== 'online') return undefined;
    return this.#send({ ping: { nonce: this.#pulse.ping(now) } });
  }

  // Messages

  #send(body, id) {
    if (this.#socket?.readyState !== 1) return;
    const ack = this.#inbox.acknowledge();
    this.#socket.send(JSON.stringify({ ...(id ? { id } : {}), ...(ack ? { ack } : {}), ...body }));
  }

  /** Says a request, now or when there is a connection. */
  #say(body) {
    if (!this.#wanted) throw new FramekeepError('closed', 'connect first');
    const message = this.#outbox.add(body);
    this.#tell(message);
    return message.id;
  }

  #tell(message) {
    if (this.status !== 'online' || this.#socket?.readyState !== 1) return;
    message.said = true;
    this.#send(message.body, message.id);
  }

  #ask(body, type, place) {
    const answer = deferred();
    const id = this.#say(body);
    const settle = (how) => (value) => {
      clearTimeout(timer);
      this.#answers.delete(id);
      how(value);
    };
    const asked = { type, place, resolve: settle(answer.resolve), reject: settle(answer.reject) };
    const late = () => asked.reject(new FramekeepError('late', 'the server did not answer'));
    const timer = setTimeout(late, PATIENCE_MS);
    this.#answers.set(id, asked);
    return answer.promise;
  }

  #receive(text) {
    this.#pulse.heard();
    let batch;
    try {
      batch = JSON.parse(text);
    } catch {
      return;
    }
    this.#take(batch);
  }

  #take(batch) {
    for (const message of batch.messages ?? []) this.#hear(message);
    if (this.#inbox.unacknowledged >= ACKNOWLEDGE_AFTER) this.#send({ acknowledge: {} });
  }

  #hear({ id, ack, ...body }) {
    if (ack) this.#outbox.done(ack);
    if (!this.#inbox.take(id)) return;
    const [type, value] = Object.entries(body)[0] ?? [];
    if (!type || value === null || value === undefined) return;
    const known = this.#known(type, value);
    this[`_${type}`]?.(value);
    // The match comes after the room: all that follows is new.
    if (type === 'started') this.#arrival = null;
    if (known) return;
    this.#emit(type, value);
    if (type === 'event') this.#emit(`event:${value.kind}`, value);
  }

  #emit(type, value) {
    this.#handlers.emit(type, value);
  }

  /** What a link says as it takes the place of another, and was said over that one. */
  #known(type, value) {
    const arrival = this.#arrival;
    if (type === 'closing' && value.reason === 'moved' && this.#crossing) return true;
    if (!arrival) return false;
    if (type === 'joined' && arrival.isIn) this.#emit('room', value);
    // What was on the boards is told anew, under the number of what came last.
    if (type === 'event') return value.number <= arrival.event;
    if (/^(started|ended)$/.test(type)) return value.epoch === arrival.epoch;
    return type === 'welcome' || (type === 'joined' && arrival.isIn);
  }

  _welcome(welcome) {
    const seen = this.#place;
    this.player = welcome.player;
    this.#token = welcome.resume_token;
    this.#tokenOf = this.url;
    this.#ticketUsed = true;
    this.#inbox.clear();
    this.#places.found(welcome.others ?? [], welcome.lost_after_ms);
    if (this.#arrival) {
      const lost = this.#outbox.carry(this.#arrival.isSure);
      this.#online();
      for (const { id } of lost) this.#emit('refused', { to: id, ...LOST });
      return;
    }
    this.#isIn = false;
    // The seat is kept for the player; the server gives it back by itself, or when it is asked.
    const rejoined = this.#rejoin;
    const lost = this.#outbox.renew(seen && { join: { ...seen } }).filter(({ id }) => id !== rejoined);
    this.#rejoin = seen ? this.#outbox.waiting[0].id : 0;
    const waits = (asked) => asked !== this.#rejoin && this.#outbox.waiting.some(({ id }) => id === asked);
    // Also what was done and not answered is not answered any more.
    for (const [id, answer] of [...this.#answers]) {
      if (!waits(id)) answer.reject(new FramekeepError(LOST.code, LOST.text));
    }
    this.#online();
    for (const { id } of lost) this.#emit('refused', { to: id, ...LOST });
  }

  _resumed({ last_id: lastId }) {
    this.resumes += 1;
    this.#outbox.done(lastId);
    this.#online();
  }

  #online() {
    this.#backoff.reset();
    const before = this.status;
    [this.status, this.cause] = ['online', null];
    // Before anybody hears of it: what is asked for then comes after what waits.
    for (const message of this.#outbox.waiting) this.#tell(message);
    if (before !== 'online') this.#emit('status', 'online');
    this.#first?.resolve(this);
    this.#beat();
  }

  _joined(room) {
    const answer = [...this.#answers.values()].find(({ type }) => type === 'joined');
    this.#place = answer?.place ?? this.#place;
    this._room(room);
    answer?.resolve(room);
  }

  _room(room) {
    this.#isIn = true;
    this.#event = room.event;
    this.room = room;
    this.#place ??= { room: room.name, code: '', spectate: room.seat === NOBODY };
  }

  _left() {
    this.#isIn = false;
    Object.assign(this, { room: null, match: null, state: null });
    this.#place = null;
    this.#decoder.clear();
    this.#interpolation.clear();
  }

  _started(match) {
    if (match.epoch !== this.match?.epoch) {
      this.#interpolation.clear();
      this.scores = [];
    }
    this.match = match;
    this.#clock.clear(match.tick_rate_hz);
    // The tick before the one that is due then has just been committed.
    const dueAt = this.#options.now() + match.due_in_us / 1_000;
    this.#clock.note(match.next + 1, dueAt);
    // What the room was told at the node it left may have come too late to be taken along.
    if (!this.#arrival) return;
    for (const input of this.#ahead.filter(({ tick }) => tick >= match.next)) this.#send({ input });
  }

  _ended(ended) {
    if (this.match) this.match.ended = ended;
  }

  _event(event) {
    this.#event = event.number;
    if (event.scores?.length) this.scores = event.scores;
  }

  _view(view) {
    const state = this.#decoder.apply(view);
    if (!state) return this.sync();
    this.state = state;
    this.#clock.note(state.tick, this.#options.now());
    this.#interpolation.push(state);
    this.#emit('state', state);
    return undefined;
  }

  /** The room goes on at another node: a second link is opened there, and takes this one's place in time. */
  _moved(moved) {
    if (!this.#options.follow) return;
    this.#crossing?.drop();
    const asked = [...this.#answers.values()].find(({ place }) => place?.room === moved.room);
    const place = asked?.place ?? this.#place ?? { room: moved.room, code: '', spectate: false };
    this.#crossing = new Crossing(moved, {
      ...this.#options,
      protocol: SUBPROTOCOL,
      place: this.#isIn ? null : place,
      isFirstOver: !this.#isIn,
      welcome: () => this.#crossing.send({ input: { bits: this.#held } }),
      cross: () => this.#cross(),
      over: () => this.#stay(),
    });
  }

  /** The second link takes the place of the first. */
  #cross() {
    const { socket, url, batches, isSure } = this.#crossing;
    const first = this.#socket;
    this.#crossing = null;
    this.#socket = socket;
    this.#listen(socket);
    if (first && first.readyState < 2) first.close();
    this.#places.go(url);
    this.#pulse.begin(this.#options.now());
    this.#arrival = { isSure, isIn: this.#isIn, event: this.#event, epoch: this.#isIn ? this.match?.epoch : null };
    for (const batch of batches) this.#take(batch);
    this.#emit('followed', { url, room: this.room?.name });
  }

  /** There is no second link: the room stays, or has to be looked for where it was. */
  #stay() {
    const wasLeft = this.#crossing.isLeft;
    this.#crossing = null;
    if (wasLeft && this.#isIn) this.#lost();
  }

  _refused(refused) {
    // It is asked for where the server sends the link now.
    if (refused.code === 'room_moved' && this.#options.follow) return;
    const answer = this.#answers.get(Number(refused.to));
    answer?.reject(new FramekeepError(refused.code, refused.text));
    if (Number(refused.to) !== this.#rejoin || refused.code === 'already_in_room') return;
    if (/^(busy|too_fast)$/.test(refused.code)) return setTimeout(() => this.#joinAgain(), PING_EVERY_MS);
    const mayComeUp = COMING_UP.test(refused.code) && this.#places.mayComeUp(this.#options.now());
    if (mayComeUp) return setTimeout(() => this.#joinAgain(), ASK_EVERY_MS);
    this._left();
    this.#emit('left', { reason: 'lost', text: refused.text });
  }

  #joinAgain() {
    if (this.status === 'online' && this.#place) this.#rejoin = this.#say({ join: { ...this.#place } });
  }

  _pong({ nonce }) {
    this.#pulse.pong(Number(nonce), this.#options.now());
  }

  _error({ code }) {
    if (code === 'unknown_session') this.#outlived();
  }

  /** The session is over, but the server is there: a new ticket takes the seat again. */
  #outlived() {
    this.#token = null;
    this.#backoff.reset();
  }

  _closing({ reason }) {
    this.cause = reason;
    if (reason === 'moved') {
      this.#token = null;
      if (this.#crossing) return this.#crossing.leave(true);
    }
    if (PASSING.has(reason)) return this.#lost();
    // That of a ticket is final; a session that is not known, or was not named in time, is none.
    if (reason === 'unauthorized' && !this.#resuming) return this.#end(reason);
    if (reason === 'unauthorized' || reason === 'unknown_session') this.#outlived();
    if (FINAL.has(reason)) return this.#end(reason);
    this.#token = null;
    return this.#lost();
  }
}

Object.assign(Framekeep.prototype, requests);
