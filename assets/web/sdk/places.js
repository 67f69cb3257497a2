// Where the server is, and where else the room may be found.

/** Tries at one address before another is asked: a server that is started anew is back soon, with the session. */
const TRIES = 2;

/** How long a room is looked for elsewhere where neither the page nor the server says so, in milliseconds. */
const LOST_AFTER_MS = 4_500;

/** The addresses of the nodes of a cluster: the one of the link, and others for when it is gone. */
export class Places {
  /** `lostAfterMs` is how long a room is looked for elsewhere, if the page says so. */
  constructor(url, lostAfterMs) {
    this.home = url.replace(/\/+$/, '');
    this.url = this.home;
    this.others = [];
    this.failures = 0;
    this.own = this.home;
    this.saidMs = lostAfterMs ?? null;
    this.toldMs = LOST_AFTER_MS;
    /** When the link was lost that was there, and where it was. */
    [this.lostAt, this.lostOf] = [-Infinity, null];
  }

  /** The link is there now; the server has said where others are, and how long a room may take to come up there. */
  found(others, lostAfterMs) {
    this.own = this.url;
    this.failures = 0;
    if (others) this.others = others;
    if (lostAfterMs) this.toldMs = lostAfterMs;
  }

  /** The link was there, and is lost. */
  lost(nowMs) {
    [this.lostAt, this.lostOf] = [nowMs, this.url];
  }

  /** Whether the room, which is not here now, may still come up here: where the link was lost it would be by now. */
  mayComeUp(nowMs) {
    return this.url !== this.lostOf && nowMs < this.lostAt + (this.saidMs ?? this.toldMs);
  }

  /** The link goes on at another address. */
  go(url) {
    this.url = url;
    this.found();
  }

  /** Nobody has answered; says where to ask next. With `stays` always at the same address. */
  failed(stays) {
    this.failures += 1;
    const elsewhere = [...new Set([this.home, ...this.others])].filter((url) => url !== this.own);
    if (stays || this.failures < TRIES || !elsewhere.length) return;
    const all = [...elsewhere, this.own];
    this.url = all[(this.failures - TRIES) % all.length];
  }
}
