// Where the server is, and where else the room may be found.

/** Tries at one address before another is asked: a server that is started anew is back soon, with the session. */
const TRIES = 2;

/** The addresses of the nodes of a cluster: the one of the link, and others for when it is gone. */
export class Places {
  constructor(url) {
    this.home = url.replace(/\/+$/, '');
    this.url = this.home;
    this.others = [];
    this.failures = 0;
    this.own = this.home;
  }

  /** The link is there now; `others` are those the server knows of. */
  found(others) {
    this.own = this.url;
    this.failures = 0;
    if (others) this.others = others;
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
