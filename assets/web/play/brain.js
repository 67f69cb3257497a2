// How a bot of the page plays the arena. It sees what a player sees, errs, and is not very good.

import { ARENA, arenaInput } from '../sdk/games.js';

/** Nearer than this it circles instead of chasing, in units. */
const NEAR = 5;

/** A bot's mind: called with each state, gives the packed input. */
export class Brain {
  /** @param {() => number} random from 0 to 1 */
  constructor(random = Math.random, skill = 0.5) {
    this.random = random;
    this.skill = skill;
    this.walkUntil = 0;
    this.fireUntil = 0;
    this.held = { x: 0, y: 0, aim: 0, shoot: false, dash: false };
    this.side = 1;
  }

  input(state, seat) {
    const own = playerOf(state, seat);
    if (!own) return arenaInput({});
    const foe = nearestFoe(state, own);
    const { tick } = state;
    if (tick >= this.walkUntil) this.#walk(state, own, foe, tick);
    if (tick >= this.fireUntil) {
      const far = !foe || Math.hypot(foe.x - own.x, foe.y - own.y) > 13;
      this.held.shoot = !far && !this.held.shoot;
      this.fireUntil = tick + (this.held.shoot ? 12 : 16) + Math.floor(this.random() * 26);
    }
    if (foe) {
      const wanted = Math.atan2(foe.y - own.y, foe.x - own.x) + (this.random() - 0.5) * (0.75 - 0.5 * this.skill);
      this.held.aim = tick % 5 === 0 ? wanted : this.held.aim;
    }
    return arenaInput(this.held);
  }

  #walk(state, own, foe, tick) {
    const { random } = this;
    this.walkUntil = tick + 6 + Math.floor(random() * 9);
    this.held.dash = random() < 0.12;
    const whim = random();
    if (whim < 0.18 || !foe) return this.#go(random() * 2 * Math.PI);
    const goal = whim < 0.45 ? nearestPickup(state, own) ?? foe : foe;
    let way = Math.atan2(goal.y - own.y, goal.x - own.x);
    if (goal === foe && Math.hypot(foe.x - own.x, foe.y - own.y) < NEAR) {
      if (random() < 0.3) this.side = -this.side;
      way += this.side * (Math.PI / 2 + 0.3);
    }
    // Straight into a wall it would stand still there: it goes along it.
    if (blocked(state, own, way)) way += this.side * (Math.PI / 2);
    return this.#go(way);
  }

  #go(way) {
    this.held.x = Math.round(Math.cos(way) * 1.2);
    this.held.y = Math.round(Math.sin(way) * 1.2);
  }
}

function playerOf(state, seat) {
  for (const body of state.bodies.values()) if (body.kind === ARENA.player && body.seat === seat) return body;
  return null;
}

function nearestFoe(state, own) {
  return nearest(state, own, (body) => body.kind === ARENA.player && body.seat !== own.seat);
}

function nearestPickup(state, own) {
  const found = nearest(state, own, (body) => body.kind >= ARENA.health && body.kind <= ARENA.rapid);
  return found && Math.hypot(found.x - own.x, found.y - own.y) < 9 ? found : null;
}

function nearest(state, own, isWanted) {
  let found = null;
  let least = Infinity;
  for (const body of state.bodies.values()) {
    if (!isWanted(body)) continue;
    const distance = Math.hypot(body.x - own.x, body.y - own.y);
    if (distance < least) [found, least] = [body, distance];
  }
  return found;
}

function blocked(state, own, way) {
  const [x, y] = [own.x + Math.cos(way) * 1.3, own.y + Math.sin(way) * 1.3];
  for (const body of state.bodies.values()) {
    const solid = body.kind === ARENA.wall || body.kind === ARENA.pillar || body.kind >= ARENA.rotor;
    if (solid && Math.abs(x - body.x) < body.halfWidth + 0.4 && Math.abs(y - body.y) < body.halfHeight + 0.4) return true;
  }
  return false;
}
