// How long to wait before connecting again.

/**
 * Waits that double, each somewhere between half of its length and all of it, so that the players of a server that was
 * restarted do not come back in one moment.
 */
export class Backoff {
  /**
   * @param {{firstMs?: number, longestMs?: number, random?: () => number}} [options]
   */
  constructor({ firstMs = 250, longestMs = 8_000, random = Math.random } = {}) {
    this.firstMs = firstMs;
    this.longestMs = longestMs;
    this.random = random;
    this.tries = 0;
  }

  /** The next wait in milliseconds. */
  next() {
    const whole = Math.min(this.firstMs * 2 ** Math.min(this.tries, 30), this.longestMs);
    this.tries += 1;
    return whole / 2 + (whole / 2) * this.random();
  }

  /** It worked: the next wait is the shortest again. */
  reset() {
    this.tries = 0;
  }
}
