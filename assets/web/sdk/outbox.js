// Which requests were done, and which have to be said again.

/** Most requests that may wait for the server's word. */
export const WAITING_MAX = 64;

/**
 * Requests with rising ids. A request is kept until the server has said that it was done, and said again over the next
 * connection of the session, so that a session does each exactly once. Ids rise on from one session to the next: none
 * ever stands for two requests.
 */
export class Outbox {
  constructor() {
    // The first id is 2: there is always one left for what a new session has to say before all that waits.
    this.lastId = 1;
    /** @type {{id: number, body: object, said: boolean}[]} */
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
    const message = { id: this.lastId, body, said: false };
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

  /**
   * A new session begins. What was said in the old one may have been done or not: it is given back and not said again.
   * What was never said waits on, behind `first`, if there is one.
   * @param {object | null} [first]
   */
  renew(first = null) {
    const lost = this.waiting.filter(({ said }) => said);
    this.waiting = this.waiting.filter(({ said }) => !said);
    if (first && this.waiting.length) this.waiting.unshift({ id: this.waiting[0].id - 1, body: first, said: false });
    else if (first) this.add(first);
    return lost;
  }

  /**
   * The room goes on at another node, over another session. If it is sure what the last one has done, what waits was
   * not, and is said again; else what was said is given back.
   * @param {boolean} isSure
   */
  carry(isSure) {
    if (!isSure) return this.renew();
    for (const message of this.waiting) message.said = false;
    return [];
  }

  /** Nothing of what waits will be said. */
  clear() {
    this.waiting = [];
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
