// What to draw between two states.

/** States that are kept for drawing. */
const KEPT_MAX = 64;

/** A body that went farther than this between two states was put there and did not go, in units. */
const JUMP = 4;

/**
 * The last states by their ticks. What is drawn lies a little in the past, so that there is nearly always a state
 * before and after it.
 */
export class Interpolation {
  constructor() {
    /** @type {import('../framekeep.js').State[]} */
    this.states = [];
  }

  clear() {
    this.states = [];
  }

  /** Takes in the next state; one of another match, or of an earlier tick, begins anew. */
  push(state) {
    const last = this.states.at(-1);
    if (last && (last.epoch !== state.epoch || last.tick > state.tick)) this.clear();
    if (last?.tick === state.tick && last.epoch === state.epoch) this.states.pop();
    this.states.push(state);
    if (this.states.length > KEPT_MAX) this.states.shift();
  }

  /** The newest state. */
  get newest() {
    return this.states.at(-1) ?? null;
  }

  /**
   * The state at a tick with a fraction: between two states, or the nearest one. A body that is only in the later of
   * the two is not there yet, one that is only in the earlier still is.
   *
   * @param {number} tick
   */
  at(tick) {
    const { states } = this;
    if (states.length === 0) return null;
    let after = states.length - 1;
    while (after > 0 && states[after - 1].tick > tick) after -= 1;
    const later = states[after];
    const earlier = states[after - 1];
    if (!earlier || tick >= later.tick) return drawn(later, Math.min(tick, later.tick));
    const part = Math.max(0, (tick - earlier.tick) / (later.tick - earlier.tick));
    const bodies = [];
    for (const body of earlier.bodies.values()) bodies.push(between(body, later.bodies.get(body.id), part));
    return { ...earlier, tick, bodies };
  }
}

function drawn(state, tick) {
  return { ...state, tick, bodies: [...state.bodies.values()] };
}

function between(from, to, part) {
  if (!to || (from.rawX === to.rawX && from.rawY === to.rawY && from.angle === to.angle)) return from;
  if (Math.hypot(to.x - from.x, to.y - from.y) > JUMP) return part < 0.5 ? from : to;
  return {
    ...to,
    x: from.x + (to.x - from.x) * part,
    y: from.y + (to.y - from.y) * part,
    angle: from.angle + shortest(to.angle - from.angle) * part,
  };
}

/** The same turn, by the shorter way. */
function shortest(angle) {
  const turn = 2 * Math.PI;
  return ((((angle + Math.PI) % turn) + turn) % turn) - Math.PI;
}
