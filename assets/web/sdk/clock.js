// Which tick the server is at.

/** States that are looked at for the fastest way here. */
const WINDOW = 48;

/** A state that is later than this, in milliseconds, was not delayed: the server paused. */
const PAUSE_MS = 250;

/**
 * Tells from when states arrive which tick it is. The fastest of the last states counts: others were held up on their
 * way.
 */
export class TickClock {
  constructor() {
    this.clear(30);
  }

  /** A match of so many ticks a second begins. */
  clear(rateHz) {
    this.periodMs = 1_000 / rateHz;
    /** @type {number[]} */
    this.samples = [];
    this.zeroMs = null;
    this.jitterMs = 0;
  }

  /** A state of this tick has arrived. */
  note(tick, nowMs) {
    const zero = nowMs - tick * this.periodMs;
    const fastest = Math.min(...this.samples);
    if (this.samples.length && zero - fastest > PAUSE_MS) {
      this.samples = [];
      this.zeroMs = null;
    }
    this.samples.push(zero);
    if (this.samples.length > WINDOW) this.samples.shift();
    const target = Math.min(...this.samples);
    this.jitterMs += (zero - target - this.jitterMs) * 0.05;
    const off = this.zeroMs === null ? Infinity : Math.abs(target - this.zeroMs);
    // Small corrections are made slowly, so that nothing jumps.
    this.zeroMs = off > 60 ? target : this.zeroMs + (target - this.zeroMs) * 0.1;
  }

  /** The tick, with a fraction, or null before the first state. */
  tick(nowMs) {
    return this.zeroMs === null ? null : (nowMs - this.zeroMs) / this.periodMs;
  }
}
