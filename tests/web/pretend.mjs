// `Pretend`, a server that is none, with a clock that goes by itself nowhere: what the real one does rarely, or late.

import { mock } from 'node:test';

import { Framekeep } from '../../assets/web/framekeep.js';

/** A socket as a page has it, with what the other side does to it. */
class PretendSocket {
  constructor(server) {
    this.server = server;
    this.readyState = 0;
    /** What was said over it. */
    this.said = [];
    server.sockets.push(this);
  }

  send(text) {
    const message = JSON.parse(text);
    this.said.push(message);
    if (message.ping && this.server.answersPings) this.tell({ pong: { nonce: message.ping.nonce } });
  }

  close() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.();
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
    return this;
  }

  /** The server says something, in one batch. */
  tell(...messages) {
    this.onmessage?.({ data: JSON.stringify({ messages: messages.map((message) => ({ id: 0, ack: 0, ...message })) }) });
    return this;
  }

  /** Everything of a kind that was said. */
  of(kind) {
    return this.said.filter((message) => kind in message);
  }
}

/** The other side of a link. Ended with its test. */
export class Pretend {
  constructor(context) {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    this.nowMs = 0;
    this.sockets = [];
    this.minted = 0;
    this.answersPings = true;
    this.links = [];
    context.after(() => {
      this.links.forEach((link) => link.close());
      mock.timers.reset();
    });
  }

  /** A link to it; `heard` tells which statuses it went through. */
  link(options = {}) {
    const server = this;
    const link = new Framekeep({
      url: 'http://pretend',
      now: () => this.nowMs,
      backoff: { firstMs: 100, longestMs: 100, random: () => 0 },
      WebSocket: function Socket() {
        return new PretendSocket(server);
      },
      fetch: async () => {
        this.minted += 1;
        const answer = { websocket: { ticket: `ticket ${this.minted}` }, guest: 'a word' };
        return { ok: true, json: async () => answer };
      },
      ...options,
    });
    this.links.push(link);
    link.heard = [];
    link.on('status', (status) => link.heard.push(status));
    return link;
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** A link that is welcome. */
  async welcome(options) {
    const link = this.link(options);
    const connected = link.connect();
    await settled();
    this.socket.open().tell(welcome());
    await connected;
    return link;
  }

  /** Time passes, for timers by `timersMs`, which fall behind where a page is hidden. */
  async pass(ms, timersMs = ms) {
    this.nowMs += ms;
    mock.timers.tick(timersMs);
    await settled();
  }
}

export const welcome = (player = '00000000000000ff', token = 'a token') => ({ welcome: { player, resume_token: token } });

export const room = (name, more = {}) => ({ joined: { name, seat: 0, members: [], ...more } });

/** Everything that waits for nothing but its turn is done. */
export async function settled() {
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
}
