// Keyboard, mouse and touch: what the player wants to do.

import { ARENA } from '../sdk/games.js';

const KEYS = {
  KeyW: 'up', ArrowUp: 'up', KeyS: 'down', ArrowDown: 'down', KeyA: 'left', ArrowLeft: 'left', KeyD: 'right',
  ArrowRight: 'right', Space: 'shoot', ShiftLeft: 'dash', ShiftRight: 'dash', KeyE: 'dash',
};

/** For so long after it moved the mouse says where to aim; without it the nearest opponent is aimed at. */
const MOUSE_MS = 4_000;

export class Controls {
  /**
   * @param {HTMLElement} surface where mouse and fingers count
   * @param {import('./camera.js').Camera} camera
   */
  constructor(surface, camera) {
    this.surface = surface;
    this.camera = camera;
    this.down = new Set();
    /** What was pressed since it was last read, however shortly. */
    this.taps = new Set();
    this.mouse = null;
    this.mouseAt = -Infinity;
    this.sticks = new Map();
    this.touched = false;
    this.aim = 0;
    this.abort = new AbortController();
    const { signal } = this.abort;
    addEventListener('keydown', (event) => this.#key(event, true), { signal });
    addEventListener('keyup', (event) => this.#key(event, false), { signal });
    addEventListener('blur', () => this.release(), { signal });
    surface.addEventListener('pointerdown', (event) => this.#press(event), { signal });
    surface.addEventListener('pointermove', (event) => this.#move(event), { signal });
    for (const type of ['pointerup', 'pointercancel']) surface.addEventListener(type, (event) => this.#lift(event), { signal });
    surface.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
  }

  end() {
    this.abort.abort();
  }

  /** Nothing is pressed any more. */
  release() {
    this.down.clear();
    this.taps.clear();
    this.sticks.clear();
  }

  /** Presses or lets go: "up", "down", "left", "right", "shoot", "dash". */
  hold(action, isDown) {
    if (isDown) this.taps.add(action);
    if (isDown) this.down.add(action);
    else this.down.delete(action);
  }

  #key(event, isDown) {
    const action = KEYS[event.code];
    const typing = event.target.closest?.('input, textarea, select');
    if (!action || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    // The space bar on a button presses the button.
    if (event.code === 'Space' && event.target.closest?.('button, a')) return;
    event.preventDefault();
    this.hold(action, isDown);
  }

  #press(event) {
    const at = { x: event.offsetX, y: event.offsetY };
    if (event.pointerType === 'mouse') {
      this.#point(at);
      this.hold(event.button === 2 ? 'dash' : 'shoot', true);
      return;
    }
    event.preventDefault();
    this.touched = true;
    this.surface.setPointerCapture(event.pointerId);
    const side = at.x < this.surface.clientWidth / 2 ? 'walk' : 'aim';
    this.sticks.set(event.pointerId, { side, from: at, at });
  }

  #move(event) {
    const at = { x: event.offsetX, y: event.offsetY };
    if (event.pointerType === 'mouse') return this.#point(at);
    const stick = this.sticks.get(event.pointerId);
    if (stick) stick.at = at;
    return undefined;
  }

  #point(at) {
    this.mouse = at;
    this.mouseAt = performance.now();
  }

  #lift(event) {
    if (event.pointerType === 'mouse') {
      this.hold(event.button === 2 ? 'dash' : 'shoot', false);
      return;
    }
    this.sticks.delete(event.pointerId);
  }

  /** The stick of a side, as a way of length 0 to 1; y up. */
  #stick(side) {
    for (const stick of this.sticks.values()) {
      if (stick.side !== side) continue;
      const [x, y] = [stick.at.x - stick.from.x, stick.from.y - stick.at.y];
      const length = Math.hypot(x, y);
      return { x: x / Math.max(length, 44), y: y / Math.max(length, 44), length: Math.min(1, length / 44) };
    }
    return null;
  }

  /** Where the sticks are drawn. */
  get shownSticks() {
    return [...this.sticks.values()];
  }

  /**
   * What the player wants now.
   * @param {{bodies: import('../framekeep.js').Body[]} | null} drawn
   * @param {number} seat
   */
  read(drawn, seat) {
    const has = (action) => (this.down.has(action) || this.taps.has(action) ? 1 : 0);
    let [x, y] = [has('right') - has('left'), has('up') - has('down')];
    const walk = this.#stick('walk');
    if (walk && walk.length > 0.25) [x, y] = [eighth(walk.x, walk.y), eighth(walk.y, walk.x)];
    const own = drawn?.bodies.find((body) => body.kind === ARENA.player && body.seat === seat);
    const pull = this.#stick('aim');
    let shoot = has('shoot') === 1 || pull !== null;
    if (pull && pull.length > 0.3) this.aim = Math.atan2(pull.y, pull.x);
    else if (own && this.mouse && performance.now() - this.mouseAt < MOUSE_MS) this.#aimAtMouse(own);
    else if (own) this.#aimAtNearest(drawn, own, x, y);
    if (!own) shoot = false;
    const dash = has('dash') === 1;
    this.taps.clear();
    return { x, y, aim: this.aim, shoot, dash };
  }

  #aimAtMouse(own) {
    const place = this.camera.toWorld(this.mouse.x, this.mouse.y);
    this.aim = Math.atan2(place.y - own.y, place.x - own.x);
    if (this.down.has('shoot')) this.mouseAt = performance.now();
  }

  /** Without a mouse: at the nearest opponent who is not far, else the way one walks. */
  #aimAtNearest(drawn, own, x, y) {
    let [found, least] = [null, 14];
    for (const body of drawn.bodies) {
      if (body.kind !== ARENA.player || body.seat === own.seat) continue;
      const distance = Math.hypot(body.x - own.x, body.y - own.y);
      if (distance < least) [found, least] = [body, distance];
    }
    if (found) this.aim = Math.atan2(found.y - own.y, found.x - own.x);
    else if (x || y) this.aim = Math.atan2(y, x);
  }
}

/** The part of a way along one axis as -1, 0 or 1, so that eight ways are equally wide. */
function eighth(along, across) {
  return Math.abs(along) > Math.abs(across) * 0.414 ? Math.sign(along) : 0;
}
