// The way after a room that goes on at another node.

/** The number of what a second link says first: none of the first link's has it. */
const JOIN_ID = 1;

/** How long the first link's last words are waited for once the second shows the room, in milliseconds. */
const LAST_WORDS_MS = 400;

/** How long the second link is waited for once the first is over. */
const ROOM_WITHIN_MS = 5_000;

/**
 * A second link, opened where the room goes while it is played over the first. What is heard over it waits in `batches`
 * until it takes the place of the first: that is over by then, so that nothing is heard twice or before its time.
 */
export class Crossing {
  /**
   * @param {import('../framekeep.js').Moved} moved what the server has said
   * @param {object} options those of the link; `place` to ask for, if the player has none; `isFirstOver`; and what is
   *   called: `welcome`, `cross` when the second link is to take the first one's place, `over` when there is none
   */
  constructor({ url, ticket }, options) {
    this.url = url.replace(/\/+$/, '');
    this.batches = [];
    this.isWelcome = false;
    /** Whether it shows the room. */
    this.isThere = false;
    /** Whether the first link is over. */
    this.isLeft = options.isFirstOver;
    /** Whether the first link has said with its last words what was done. */
    this.isSure = false;
    this.options = options;
    this.timer = null;
    let socket;
    try {
      socket = new options.WebSocket(`${this.url.replace(/^http/, 'ws')}/ws`, options.protocol);
    } catch {
      // The page may not: the first link is all there is.
      socket = { readyState: 3 };
      queueMicrotask(() => this.#end());
    }
    this.socket = socket;
    socket.onopen = () => this.send({ authenticate: { ticket, views_hz: options.viewsHz, follows: true } });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#end();
    socket.onerror = () => socket.readyState !== 1 && this.#end();
    if (this.isLeft) this.leave(false);
  }

  send(body, id) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify({ ...(id ? { id } : {}), ...body }));
  }

  /** The first link is over; whether it has said so. */
  leave(isSure) {
    this.isLeft = true;
    this.isSure ||= isSure;
    if (this.isThere) return this.#cross();
    this.timer ??= setTimeout(() => this.#end(), ROOM_WITHIN_MS);
    return undefined;
  }

  /** It is of no use any more. */
  drop() {
    clearTimeout(this.timer);
    this.#release();
    if (this.socket.readyState < 2) this.socket.close();
  }

  #receive(text) {
    let batch;
    try {
      batch = JSON.parse(text);
    } catch {
      return;
    }
    const messages = (batch.messages ?? []).filter(({ refused }) => Number(refused?.to) !== JOIN_ID);
    this.batches.push({ messages });
    for (const message of messages) {
      if (message.welcome) this.#welcome();
      if (message.joined) this.isThere = true;
      if (message.closing) return this.#end();
    }
    if (!this.isThere) return;
    if (this.isLeft) this.#cross();
    else this.timer ??= setTimeout(() => this.#cross(), LAST_WORDS_MS);
  }

  #welcome() {
    this.isWelcome = true;
    const { place, welcome } = this.options;
    if (place) this.send({ join: place }, JOIN_ID);
    welcome();
  }

  #cross() {
    clearTimeout(this.timer);
    this.#release();
    this.options.cross();
  }

  #end() {
    this.drop();
    this.options.over();
  }

  #release() {
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = this.socket.onerror = null;
  }
}
