// Whether the other side is still there, and how far away it is.

/** A question that is unanswered for so long, in milliseconds, may be one that nobody hears. */
const SILENCE_MS = 8_000;

/** ... but is none before so many beats: timers of hidden pages run once a minute, and after a sleep all come late. */
const SILENT_BEATS = 2;

/** Pings that are waited for at most. */
const PINGS_MAX = 8;

/** Pings, and what is known from their answers. Whatever is heard answers all that was asked. */
export class Pulse {
  constructor() {
    /** The mean round trip in milliseconds; null before the first. */
    this.rttMs = null;
    this.nonce = 0;
    this.begin(null);
  }

  /** A connection is made; that is a question as well. */
  begin(nowMs) {
    this.askedAt = nowMs;
    this.silentBeats = 0;
    /** @type {Map<number, number>} */
    this.pings = new Map();
  }

  /** Something was heard. */
  heard() {
    this.askedAt = null;
    this.silentBeats = 0;
  }

  /** To be asked at each beat: whether the connection is lost. */
  isLost(nowMs) {
    // Who was asked nothing is not silent: this may come a minute after the beat before it.
    if (this.askedAt === null) return false;
    this.silentBeats += 1;
    return this.silentBeats >= SILENT_BEATS && nowMs - this.askedAt > SILENCE_MS;
  }

  /** The number of a ping that is sent now. */
  ping(nowMs) {
    if (this.pings.size > PINGS_MAX) this.pings.clear();
    this.askedAt ??= nowMs;
    this.nonce += 1;
    this.pings.set(this.nonce, nowMs);
    return this.nonce;
  }

  /** A ping has come back. */
  pong(nonce, nowMs) {
    const sent = this.pings.get(nonce);
    if (sent === undefined) return;
    this.pings.delete(nonce);
    const rtt = nowMs - sent;
    this.rttMs = this.rttMs === null ? rtt : this.rttMs + (rtt - this.rttMs) * 0.3;
  }
}
