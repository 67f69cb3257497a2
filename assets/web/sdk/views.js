// State views: from what has changed to what is there.

/** Lengths come in 1/65,536 of a world unit, angles in 1/65,536 of a turn. */
export const UNIT = 65_536;

/** The seat of a body that belongs to nobody, and the seat of who watches. */
export const NOBODY = 255;

/** Puts the whole state together from whole and partial views. */
export class ViewDecoder {
  constructor() {
    this.clear();
  }

  /** Forgets everything: the next view has to be whole. */
  clear() {
    this.epoch = null;
    /** @type {Map<number, import('../framekeep.js').Body>} */
    this.bodies = new Map();
    this.scores = [];
  }

  /**
   * Takes in a view of the server.
   *
   * @param {object} view as `framekeep.proto` says
   * @returns {import('../framekeep.js').State | null} a copy that stays as it is, or null if the view cannot be
   *   understood without one that was missed: ask for everything again with `sync`
   */
  apply(view) {
    if (view.whole) {
      this.clear();
      this.epoch = view.epoch;
    } else if (this.epoch !== view.epoch) {
      return null;
    }
    const moved = view.moved ?? [];
    if (moved.some((id) => !this.bodies.has(id))) {
      this.clear();
      return null;
    }
    for (const body of view.bodies ?? []) this.bodies.set(body.id, bodyOf(body));
    moved.forEach((id, place) => {
      const old = this.bodies.get(id);
      const next = { ...old, rawX: (old.rawX + view.dx[place]) | 0, rawY: (old.rawY + view.dy[place]) | 0 };
      next.x = next.rawX / UNIT;
      next.y = next.rawY / UNIT;
      next.angle = turn(view.angle[place]);
      this.bodies.set(id, next);
    });
    for (const id of view.gone ?? []) this.bodies.delete(id);
    if (view.scores?.length) this.scores = view.scores;
    return {
      epoch: view.epoch,
      tick: view.tick,
      ticksLeft: view.ticks_left ?? 0,
      scores: this.scores,
      bodies: new Map(this.bodies),
    };
  }
}

function bodyOf(raw) {
  return {
    id: raw.id,
    kind: raw.kind,
    seat: raw.seat,
    rawX: raw.x,
    rawY: raw.y,
    x: raw.x / UNIT,
    y: raw.y / UNIT,
    angle: turn(raw.angle),
    halfWidth: raw.half_width / UNIT,
    halfHeight: raw.half_height / UNIT,
  };
}

function turn(angle) {
  return (angle / UNIT) * 2 * Math.PI;
}
