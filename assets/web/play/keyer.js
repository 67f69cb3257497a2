// Lanes that are pressed become inputs of ticks ahead, so that they are in time however long the way is.

import { rhythmInput } from '../sdk/games.js';

/** Ticks for which a release is said again: it must not get lost. */
const SAY_AGAIN = 3;

/**
 * Collects what happens to the lanes within a tick, and says it once the tick is over. What is shown runs ahead of the
 * server by the round trip and a little, so the server has not committed the tick yet.
 */
export class Keyer {
  /** @param {(bits: number, tick: number) => void} send */
  constructor(send) {
    this.send = send;
    this.clear();
  }

  clear() {
    this.lanes = 0;
    this.tick = null;
    this.offset = null;
    this.again = 0;
  }

  /** A lane is pressed or let go at a tick with a fraction. */
  set(lane, isDown, at) {
    this.pass(at);
    this.lanes = isDown ? this.lanes | (1 << lane) : this.lanes & ~(1 << lane);
    this.offset ??= Math.floor((at - Math.floor(at)) * 8);
    this.again = SAY_AGAIN;
  }

  /** Time passes: says the ticks that are over. */
  pass(at) {
    const tick = Math.floor(at);
    if (this.tick === null || tick - this.tick > 15) this.tick = tick;
    while (this.tick < tick) {
      if (this.lanes || this.again > 0) this.send(rhythmInput(this.lanes, this.offset ?? 0), this.tick);
      if (!this.lanes) this.again -= 1;
      this.offset = null;
      this.tick += 1;
    }
  }
}
