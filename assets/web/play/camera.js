// Which part of the floor is seen, and how large.

/** Sizes of the arenas that ship with the server. Others are as large as what stands in them. */
const SIZES = { '': [32, 20], courtyard: [32, 20], foundry: [44, 26], pit: [22, 22] };

/** Smaller than this, in CSS pixels a unit, the floor is not shown whole: the camera goes with the player. */
const SCALE_MIN = 21;

/** As large as this it is shown then, if it is high enough. */
const SCALE_NEAR = 29;

/** Half of the floor's width and height; where the content is none that ships, as large as all that was seen of it. */
export function floorOf(content, state, seen = null) {
  const bodies = [...state?.bodies.values() ?? []];
  const known = SIZES[content] ?? (bodies.length ? null : SIZES['']);
  if (known) return { halfWidth: known[0] / 2, halfHeight: known[1] / 2 };
  const floor = seen?.isSeen ? { ...seen } : { halfWidth: 8, halfHeight: 8, isSeen: true };
  for (const body of bodies) {
    floor.halfWidth = Math.max(floor.halfWidth, Math.abs(body.x) + body.halfWidth);
    floor.halfHeight = Math.max(floor.halfHeight, Math.abs(body.y) + body.halfHeight);
  }
  return floor;
}

export class Camera {
  constructor() {
    this.x = 0;
    this.y = 0;
    this.shake = 0;
  }

  /** Fits the canvas to its place on the page, and the floor into it, below `inset` pixels for what lies there. */
  fit(canvas, floor, { follows = true, inset = 0 } = {}) {
    const pixels = Math.min(globalThis.devicePixelRatio || 1, 2);
    const { clientWidth: width, clientHeight: height } = canvas;
    const size = [Math.round(width * pixels), Math.round(height * pixels)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const whole = Math.min(width / (2 * floor.halfWidth + 1.6), (height - inset) / (2 * floor.halfHeight + 1.6));
    const high = (height - inset) / (2 * floor.halfHeight + 1.6);
    const near = Math.max(SCALE_MIN, Math.min(SCALE_NEAR, high));
    this.scale = follows && whole < SCALE_MIN ? near : whole;
    Object.assign(this, { pixels, width, height, floor, inset });
  }

  /** Goes after a place, and stays over the floor. */
  follow(target, seconds) {
    const { floor, scale } = this;
    const goal = { x: 0, y: 0 };
    const slackX = floor.halfWidth + 0.8 - this.width / 2 / scale;
    const slackY = floor.halfHeight + 0.8 - (this.height - this.inset) / 2 / scale;
    if (target && slackX > 0) goal.x = Math.max(-slackX, Math.min(slackX, target.x));
    if (target && slackY > 0) goal.y = Math.max(-slackY, Math.min(slackY, target.y));
    const part = target ? 1 - Math.exp(-7 * seconds) : 1;
    this.x += (goal.x - this.x) * part;
    this.y += (goal.y - this.y) * part;
    this.shake *= Math.exp(-9 * seconds);
  }

  /** Makes a context's units the world's, y up. */
  apply(context) {
    const scale = this.scale * this.pixels;
    const swing = this.shake * 0.12;
    const dx = swing * Math.sin(performance.now() / 17);
    const dy = swing * Math.cos(performance.now() / 13);
    const { width, height } = context.canvas;
    context.setTransform(scale, 0, 0, -scale, width / 2 - (this.x + dx) * scale, (height + this.inset * this.pixels) / 2 + (this.y + dy) * scale);
  }

  /** Where a place of the world is on the canvas, in CSS pixels. */
  toScreen(x, y) {
    return { x: this.width / 2 + (x - this.x) * this.scale, y: (this.height + this.inset) / 2 - (y - this.y) * this.scale };
  }

  /** The other way round. */
  toWorld(x, y) {
    return { x: this.x + (x - this.width / 2) / this.scale, y: this.y - (y - (this.height + this.inset) / 2) / this.scale };
  }
}
