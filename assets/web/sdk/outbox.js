// Which requests were done, and which have to be said again.

/** Most requests that may wait for the server's word. */
export const WAITING_MAX = 64;

/**
 * Requests with rising ids. A request is kept until the server has said that it was done, and said again after a lost
 * connection, so that each is done exactly once.
 */
export class Outbox {
  constructor() {
    this.lastId = 0;
    /** @type {{id: number, body: object}[]} */
    this.waiting = [];
  }

  /**
   * Gives a request its id and keeps it.
   * @param {object} body for example `{ ready: { ready: true } }`
   */
  add(body) {
    if (this.waiting.length >= WAITING_MAX) {
      throw new Error(`${WAITING_MAX} requests wait for the server already`);
    }
    this.lastId += 1;
    const message = { id: this.lastId, body };
    this.waiting.push(message);
    return message;
  }

  /** Everything up to this id was done. */
  done(id) {
    this.waiting = this.waiting.filter((message) => message.id > id);
  }

  /** What the server lacks that has done everything up to `id`. */
  after(id) {
    this.done(id);
    return [...this.waiting];
  }

  /** A new session begins: what waited will not be said. Gives it back. */
  clear() {
    const lost = this.waiting;
    this.waiting = [];
    this.lastId = 0;
    return lost;
  }
}

/** The ids of the server's messages: which were heard, and how many were not acknowledged yet. */
export class Inbox {
  constructor() {
    this.clear();
  }

  /** A new session begins. */
  clear() {
    this.lastId = 0;
    this.unacknowledged = 0;
  }

  /** Whether a message of this id is new; 0 always is. */
  take(id) {
    if (!id) return true;
    if (id <= this.lastId) return false;
    this.lastId = id;
    this.unacknowledged += 1;
    return true;
  }

  /** What to send as `ack`. */
  acknowledge() {
    this.unacknowledged = 0;
    return this.lastId;
  }
}
