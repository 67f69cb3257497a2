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
    /** Lanes that changed within the tick: each changes once in it, or a short stroke would not be seen. */
    this.changed = 0;
    this.strokes = 0;
    /** @type {{lane: number, isDown: boolean}[]} */
    this.later = [];
  }

  /** A lane is pressed or let go at a tick with a fraction. */
  set(lane, isDown, at) {
    this.pass(at);
    this.#change(lane, isDown, Math.floor((at - Math.floor(at)) * 8));
  }

  #change(lane, isDown, offset) {
    const bit = 1 << lane;
    if (this.changed & bit) {
      this.later.push({ lane, isDown });
      return;
    }
    if (Boolean(this.lanes & bit) === isDown) return;
    this.lanes ^= bit;
    this.changed |= bit;
    // Strokes are what is judged: a key that was let go before in the tick does not make them early.
    if (isDown && !this.strokes) this.offset = offset;
    if (isDown) this.strokes |= bit;
    this.offset ??= offset;
    this.again = SAY_AGAIN;
  }

  /** Time passes: says the ticks that are over. */
  pass(at) {
    const tick = Math.floor(at);
    if (this.tick === null || tick - this.tick > 15) this.tick = tick;
    while (this.tick < tick) {
      if (this.lanes || this.again > 0) this.send(rhythmInput(this.lanes, this.offset ?? 0), this.tick);
      if (!this.lanes) this.again -= 1;
      this.tick += 1;
      this.offset = null;
      this.changed = 0;
      this.strokes = 0;
      const later = this.later;
      this.later = [];
      for (const { lane, isDown } of later) this.#change(lane, isDown, 0);
    }
  }
}
