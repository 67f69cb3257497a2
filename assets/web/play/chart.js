// The notes of a song as they come into view, and what strokes are worth: the rules of docs/GAMES.md, for what is shown
// at once. The score is the server's.

import { RHYTHM } from '../sdk/games.js';
import { NOBODY } from '../sdk/views.js';

export const EIGHTHS = 8;

/** How high an eighth of a tick is in a view: five units a second at 30 ticks of eight eighths. */
const EIGHTH_HEIGHT = Math.trunc((5 * 65_536) / 240);

const PERFECT = 8;
const GREAT = 16;
const GOOD = 28;

/** @typedef {{id: number, lane: number, at: number, end: number, isHold: boolean, fate: string}} Note */

export class Chart {
  constructor() {
    this.clear();
  }

  clear() {
    /** @type {Map<number, Note>} */
    this.notes = new Map();
    this.combo = 0;
    this.best = 0;
    this.counts = { perfect: 0, great: 0, good: 0, miss: 0 };
    this.holding = [null, null, null, null];
  }

  /** Takes the notes out of a state. */
  see(state) {
    const now = state.tick * EIGHTHS;
    for (const body of state.bodies.values()) {
      if (body.seat !== NOBODY || this.notes.has(body.id)) continue;
      const isHold = body.kind === RHYTHM.hold;
      const half = isHold ? body.halfHeight * 65_536 : 0;
      const at = now + Math.round((body.rawY - half) / EIGHTH_HEIGHT);
      const end = now + Math.round((body.rawY + half) / EIGHTH_HEIGHT);
      // A hold that runs already has lost its beginning.
      const fate = at <= now ? 'past' : 'coming';
      this.notes.set(body.id, { id: body.id, lane: Math.round(body.x), at, end: Math.max(at, end), isHold, fate });
    }
    for (const [id, note] of this.notes) if (note.end < now - 240) this.notes.delete(id);
  }

  /**
   * A lane is struck at a time in eighths of a tick.
   * @returns {{judgement: 'perfect' | 'great' | 'good' | 'miss', early: number, note: Note | null}}
   */
  strike(lane, at) {
    let note = null;
    for (const one of this.notes.values()) {
      const isNext = one.lane === lane && one.fate === 'coming' && (!note || one.at < note.at);
      if (isNext) note = one;
    }
    const off = note ? at - note.at : Infinity;
    if (Math.abs(off) > GOOD) {
      this.combo = 0;
      return { judgement: 'miss', early: 0, note: null };
    }
    const judgement = Math.abs(off) <= PERFECT ? 'perfect' : Math.abs(off) <= GREAT ? 'great' : 'good';
    note.fate = note.isHold ? 'held' : 'hit';
    if (note.isHold) this.holding[lane] = note;
    this.#count(judgement);
    return { judgement, early: Math.sign(off), note };
  }

  /** A lane is let go. Gives the hold that was dropped, if one was. */
  release(lane, at) {
    const note = this.holding[lane];
    this.holding[lane] = null;
    if (!note || note.fate !== 'held') return null;
    if (note.end - at > GOOD) {
      note.fate = 'dropped';
      this.combo = 0;
      return note;
    }
    note.fate = 'hit';
    return null;
  }

  /** Time passes: gives the notes that were missed and the holds that were completed. */
  pass(at) {
    const over = [];
    for (const note of this.notes.values()) {
      if (note.fate === 'coming' && at - note.at > GOOD) {
        note.fate = 'missed';
        this.#count('miss');
        over.push(note);
      } else if (note.fate === 'held' && at >= note.end) {
        note.fate = 'hit';
        this.combo += 1;
        this.best = Math.max(this.best, this.combo);
        over.push(note);
      }
    }
    return over;
  }

  #count(judgement) {
    this.counts[judgement] += 1;
    this.combo = judgement === 'miss' ? 0 : this.combo + 1;
    this.best = Math.max(this.best, this.combo);
  }
}
