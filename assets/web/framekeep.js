// The browser's way into a Framekeep server: one ES module, no build step. framekeep.d.ts has the types, docs/WEB.md
// the story.

import { Backoff } from './sdk/backoff.js';
import { TickClock } from './sdk/clock.js';
import { Interpolation } from './sdk/interpolation.js';
import { Inbox, Outbox } from './sdk/outbox.js';
import { NOBODY, ViewDecoder } from './sdk/views.js';

export { Backoff, Inbox, Interpolation, NOBODY, Outbox, TickClock, ViewDecoder };
export { ARENA, RHYTHM, arenaInput, rhythmInput } from './sdk/games.js';

const SUBPROTOCOL = 'framekeep.v1.json';

/** How often the server is asked whether it is there, in milliseconds. */
const PING_EVERY_MS = 2_000;

/** A connection that says nothing for so long is given up. */
const SILENCE_MS = 8_000;

/** Messages of the server after which they are acknowledged. */
const ACKNOWLEDGE_AFTER = 16;

/** How long a connection or a request may take. */
const PATIENCE_MS = 8_000;

/** Why the server closes a connection for good: connecting again would be no better. */
const FINAL = new Set(['taken_over', 'kicked', 'idle', 'faulty', 'unauthorized', 'too_large', 'bye']);

/** Something the server would not do. */
export class FramekeepError extends Error {
  /** @param {string} code one word for programs */
  constructor(code, text) {
    super(text || code);
    this.name = 'FramekeepError';
    this.code = code;
  }
}

/** A player's, or a watcher's, link to a server. */
export class Framekeep {
  #options;
  #handlers = new Map();
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
  #pulse = null;
  #heardAt = 0;
  #nonce = 0;
  #pinged = new Map();
  #answers = new Map();
  #place = null;
  #rejoin = 0;
  #first = null;

  /** @param {import('./framekeep.js').Options} [options] */
  constructor(options = {}) {
    const url = options.url ?? globalThis.location?.origin;
    if (!url) throw new Error('`url` is missing: the address of the server, as http://127.0.0.1:7780');
    this.#options = {
      name: 'guest',
      viewsHz: 30,
      delayMs: null,
      WebSocket: globalThis.WebSocket,
      fetch: (...args) => globalThis.fetch(...args),
      now: () => performance.now(),
      ...options,
      url: String(url).replace(/\/+$/, ''),
    };
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
    this.rttMs = null;
    this.resumes = 0;
  }

  /** Calls `handler` for each message of a type; gives a function that ends it. */
  on(type, handler) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
    this.#handlers.get(type).add(handler);
    return () => this.#handlers.get(type)?.delete(handler);
  }

  /** The next message of a type, for which `test` holds. */
  once(type, test = () => true, withinMs = PATIENCE_MS) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        off();
        settle(value);
      };
      const late = () => end(reject, new FramekeepError('late', `no ${type} within ${withinMs} ms`));
      const timer = setTimeout(late, withinMs);
      const off = this.on(type, (value) => test(value) && end(resolve, value));
    });
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
    const join = { room, code, spectate, ...(create ? { create } : {}) };
    const answer = this.#ask({ join }, 'joined');
    this.#place = { room, code, spectate };
    return answer.catch((error) => {
      this.#place = this.room ? this.#place : null;
      throw error;
    });
  }

  /** Leaves the room. */
  leave() {
    this.#place = null;
    return this.#say({ leave: {} });
  }

  /** Says whether the player is ready. */
  ready(ready = true) {
    return this.#say({ ready: { ready } });
  }

  /** Chooses what is played on; only the host may. */
  choose(content) {
    return this.#say({ choose: { content } });
  }

  /** Starts the match; only the host may. */
  start() {
    return this.#say({ start: {} });
  }

  /** Wants the same room to play again. */
  rematch() {
    return this.#say({ play_again: {} });
  }

  /** Says something to everybody in the room. */
  chat(text) {
    return this.#say({ chat: { text } });
  }

  /** Any other request of `framekeep.proto`, such as `{ lock: { locked: true } }`. */
  request(body) {
    return this.#say(body);
  }

  /**
   * What the player does from now on, or, with a tick, for that tick alone. Inputs are not said again: while there is
   * no connection they are dropped, and false is returned.
   */
  input(bits, tick) {
    if (this.status !== 'online') return false;
    this.#send({ input: tick === undefined ? { bits } : { bits, tick } });
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
    if (this.#wanted && !this.#socket && this.#retry) {
      clearTimeout(this.#retry);
      this.#open();
    }
  }

  // Connection

  async #open() {
    this.#retry = null;
    this.#become(this.#token || this.player ? 'offline' : 'connecting');
    let ticket = null;
    try {
      if (!this.#token) ticket = await this.#ticket();
    } catch (error) {
      return this.#failed(error);
    }
    if (!this.#wanted) return undefined;
    const address = `${this.#options.url.replace(/^http/, 'ws')}/ws`;
    const socket = new this.#options.WebSocket(address, SUBPROTOCOL);
    this.#socket = socket;
    this.#heardAt = this.#options.now();
    socket.onopen = () => {
      const viewsHz = this.#options.viewsHz;
      const resume = { token: this.#token, last_id: this.#inbox.lastId };
      this.#send(ticket ? { authenticate: { ticket, views_hz: viewsHz } } : { resume });
    };
    socket.onmessage = (event) => socket === this.#socket && this.#receive(event.data);
    socket.onclose = () => socket === this.#socket && this.#lost();
    // Some of those outside browsers do not say that a connection is closed which was never open.
    socket.onerror = () => socket === this.#socket && socket.readyState !== 1 && this.#lost();
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => this.#beat(), PING_EVERY_MS);
    return undefined;
  }

  async #ticket() {
    const { ticket } = this.#options;
    if (typeof ticket === 'function') return ticket();
    if (ticket && !this.player) return ticket;
    const minted = await this.#mint(this.guest).catch((error) => {
      if (error.code !== 'unknown_guest') throw error;
      return this.#mint(null);
    });
    if (minted.guest && minted.guest !== this.guest) {
      this.guest = minted.guest;
      this.#emit('guest', minted.guest);
    }
    return minted.websocket.ticket;
  }

  async #mint(guest) {
    const { url, name, spectator } = this.#options;
    const body = JSON.stringify({ name, ...(guest ? { guest } : {}), ...(spectator ? { spectator } : {}) });
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const reply = await this.#options.fetch(`${url}/api/v1/tickets`, { method: 'POST', headers, body, signal });
    const answer = await reply.json().catch(() => ({}));
    if (!reply.ok) throw new FramekeepError(answer.code ?? `http_${reply.status}`, answer.detail);
    return answer;
  }

  #failed(error) {
    const final = error instanceof FramekeepError && !/^(http_5|busy|too_fast|no_ticket)/.test(error.code);
    if (!final) return this.#again();
    this.#first?.reject(error);
    this.#emit('error', { code: error.code, text: error.message });
    return this.#end(error.code);
  }

  #again() {
    if (!this.#wanted) return;
    this.#become('offline');
    const waitMs = this.#backoff.next();
    this.#emit('retry', { waitMs, tries: this.#backoff.tries });
    this.#retry = setTimeout(() => this.#open(), waitMs);
  }

  #lost() {
    this.#drop();
    this.#again();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    clearInterval(this.#pulse);
    this.#pinged.clear();
    if (socket && socket.readyState < 2) socket.close();
  }

  #end(reason) {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#retry = null;
    const socket = this.#socket;
    this.#socket = null;
    clearInterval(this.#pulse);
    // The good-bye is let out before the connection is closed.
    socket?.close();
    this.#token = null;
    this.#first?.reject(new FramekeepError(reason, `the link is closed: ${reason}`));
    this.#first?.promise.catch(() => {});
    this.#first = null;
    for (const [, answer] of this.#answers) answer.reject(new FramekeepError(reason, 'the link is closed'));
    this.#answers.clear();
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
    if (now - this.#heardAt > SILENCE_MS) return this.#lost();
    if (this.#socket?.readyState !== 1 || this.status !== 'online') return undefined;
    if (this.#pinged.size > 8) this.#pinged.clear();
    this.#nonce += 1;
    this.#pinged.set(this.#nonce, now);
    return this.#send({ ping: { nonce: this.#nonce } });
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
    if (this.status === 'online') this.#send(message.body, message.id);
    return message.id;
  }

  #ask(body, type) {
    const answer = deferred();
    const id = this.#say(body);
    const late = () => {
      this.#answers.delete(id);
      answer.reject(new FramekeepError('late', 'the server did not answer'));
    };
    const timer = setTimeout(late, PATIENCE_MS);
    const settle = (how) => (value) => {
      clearTimeout(timer);
      this.#answers.delete(id);
      how(value);
    };
    this.#answers.set(id, { type, resolve: settle(answer.resolve), reject: settle(answer.reject) });
    return answer.promise;
  }

  #receive(text) {
    this.#heardAt = this.#options.now();
    let batch;
    try {
      batch = JSON.parse(text);
    } catch {
      return;
    }
    for (const message of batch.messages ?? []) this.#hear(message);
    if (this.#inbox.unacknowledged >= ACKNOWLEDGE_AFTER) this.#send({ acknowledge: {} });
  }

  #hear({ id, ack, ...body }) {
    if (ack) this.#outbox.done(ack);
    if (!this.#inbox.take(id)) return;
    const [type, value] = Object.entries(body)[0] ?? [];
    if (!type || value === null || value === undefined) return;
    this[`_${type}`]?.(value);
    this.#emit(type, value);
    if (type === 'event') this.#emit(`event:${value.kind}`, value);
  }

  #emit(type, value) {
    for (const handler of [...(this.#handlers.get(type) ?? []), ...(this.#handlers.get('*') ?? [])]) {
      handler(value, type);
    }
  }

  _welcome(welcome) {
    const again = this.player !== null;
    this.player = welcome.player;
    this.#token = welcome.resume_token;
    this.#inbox.clear();
    const lost = this.#outbox.clear();
    this.#online();
    if (again && this.#place) {
      // The seat is kept for the player; the server gives it back by itself, or when it is asked.
      this.#rejoin = this.#say({ join: { ...this.#place } });
    }
    for (const { id, body } of lost) {
      // What was lost with the old session may have been done or not; what was never said is said now.
      if (again) this.#answers.get(id)?.reject(new FramekeepError('lost', 'the connection was lost'));
      else this.#say(body);
    }
  }

  _resumed({ last_id: lastId }) {
    this.resumes += 1;
    this.#online();
    for (const { id, body } of this.#outbox.after(lastId)) this.#send(body, id);
  }

  #online() {
    this.#backoff.reset();
    this.#become('online');
    this.#first?.resolve(this);
    this.#beat();
  }

  _joined(room) {
    this.#enter(room);
    for (const [, answer] of this.#answers) if (answer.type === 'joined') return answer.resolve(room);
    return undefined;
  }

  _room(room) {
    this.#enter(room);
  }

  #enter(room) {
    this.room = room;
    this.#place ??= { room: room.name, code: '', spectate: room.seat === NOBODY };
  }

  _left() {
    this.room = null;
    this.match = null;
    this.state = null;
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
  }

  _ended(ended) {
    if (this.match) this.match.ended = ended;
  }

  _event(event) {
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

  _refused(refused) {
    const answer = this.#answers.get(Number(refused.to));
    answer?.reject(new FramekeepError(refused.code, refused.text));
    if (Number(refused.to) === this.#rejoin && refused.code !== 'already_in_room') this.#lose(refused);
  }

  #lose(refused) {
    this._left();
    this.#emit('left', { reason: 'lost', text: refused.text });
  }

  _pong({ nonce }) {
    const sent = this.#pinged.get(Number(nonce));
    if (sent === undefined) return;
    this.#pinged.delete(Number(nonce));
    const rtt = this.#options.now() - sent;
    this.rttMs = this.rttMs === null ? rtt : this.rttMs + (rtt - this.rttMs) * 0.3;
  }

  _error({ code }) {
    if (code !== 'unknown_session') return;
    // The session is over, but the server is there: a new ticket takes the seat again.
    this.#token = null;
    this.#backoff.reset();
  }

  _closing({ reason }) {
    if (reason === 'unauthorized' && this.#token === null && this.player !== null) return this.#lost();
    if (FINAL.has(reason)) return this.#end(reason);
    this.#token = null;
    return this.#lost();
  }
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
