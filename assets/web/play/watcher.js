// What happened between two states of the arena: views show places, and people want to see hits.

import { ARENA } from '../sdk/games.js';

/** A shot that is nowhere hit lives so many ticks. */
const SHOT_TICKS = 50;
const DAMAGE = 20;
const SPAWN_SHIELD_TICKS = 30;
const SHIELD_TICKS = 120;
const RAPID_TICKS = 180;
/** How far a shot flies in a tick. */
const SHOT_STEP = 14 / 30;

/**
 * Reads from each state, and the one before it, what happened: `shot`, `hit`, `out`, `back`, `pickup`, `score`. Health
 * is not in a view; it is counted here from hits, and right for whoever has watched since a player last appeared.
 */
export class ArenaWatcher {
  constructor() {
    this.clear();
  }

  clear() {
    this.before = null;
    /** @type {Map<number, {health: number, shieldUntil: number, rapidUntil: number, x: number, y: number}>} */
    this.players = new Map();
    this.born = new Map();
  }

  /** Whether a player is shielded at a tick. */
  isShielded(seat, tick) {
    return (this.players.get(seat)?.shieldUntil ?? 0) > tick;
  }

  /**
   * @param {import('../framekeep.js').State} state
   * @returns {{type: string, seat: number, x: number, y: number, by?: number, kind?: number, delta?: number}[]}
   */
  see(state) {
    if (this.before && (this.before.epoch !== state.epoch || this.before.tick > state.tick)) this.clear();
    const { before } = this;
    this.before = state;
    if (!before) {
      for (const body of ofKind(state, ARENA.player)) this.#appear(body, state.tick, 0);
      return [];
    }
    const events = [];
    this.#seePickups(before, state, events);
    this.#seeShots(before, state, events);
    this.#seePlayers(before, state, events);
    const scored = this.#seeScores(before, state);
    // A shot from close by is gone before it is seen; the point it made tells whose it was.
    const gained = scored.filter(({ delta }) => delta > 0);
    for (const event of events) {
      if (event.type === 'out' && event.by === undefined && gained.length === 1) event.by = gained[0].seat;
    }
    return [...events, ...scored];
  }

  #appear(body, tick, shieldTicks) {
    const { x, y } = body;
    this.players.set(body.seat, { health: 100, shieldUntil: tick + shieldTicks, rapidUntil: 0, x, y });
  }

  #seeScores(before, state) {
    const changes = state.scores.map((score, seat) => ({ seat, delta: score - (before.scores[seat] ?? 0) }));
    return changes.filter(({ delta }) => delta).map(({ seat, delta }) => {
      const at = this.players.get(seat);
      return { type: 'score', seat, delta, x: at?.x ?? 0, y: at?.y ?? 0 };
    });
  }

  #seeShots(before, state, events) {
    for (const shot of ofKind(state, ARENA.shot)) {
      if (before.bodies.has(shot.id)) continue;
      this.born.set(shot.id, state.tick);
      events.push({ type: 'shot', seat: shot.seat, angle: shot.angle, x: shot.x, y: shot.y });
    }
    const step = state.tick - before.tick;
    for (const shot of ofKind(before, ARENA.shot)) {
      if (state.bodies.has(shot.id)) continue;
      const age = state.tick - (this.born.get(shot.id) ?? -Infinity);
      this.born.delete(shot.id);
      if (age >= SHOT_TICKS - 1) continue;
      const victim = nearest(before, shot, 0.9 + SHOT_STEP * step);
      if (!victim) continue;
      events.push({ type: 'hit', seat: victim.seat, by: shot.seat, x: shot.x, y: shot.y });
      const player = this.players.get(victim.seat);
      if (player && player.shieldUntil <= state.tick) player.health = Math.max(DAMAGE / 2, player.health - DAMAGE);
    }
  }

  #seePickups(before, state, events) {
    for (const body of before.bodies.values()) {
      const isPickup = body.kind >= ARENA.health && body.kind <= ARENA.rapid;
      if (!isPickup || state.bodies.has(body.id)) continue;
      const who = nearest(state, body, 2.5);
      if (!who) continue;
      events.push({ type: 'pickup', seat: who.seat, kind: body.kind, x: body.x, y: body.y });
      const player = this.players.get(who.seat);
      if (!player) continue;
      if (body.kind === ARENA.health) player.health = 100;
      if (body.kind === ARENA.shield) player.shieldUntil = state.tick + SHIELD_TICKS;
      if (body.kind === ARENA.rapid) player.rapidUntil = state.tick + RAPID_TICKS;
    }
  }

  #seePlayers(before, state, events) {
    const now = new Map();
    for (const body of ofKind(state, ARENA.player)) now.set(body.seat, body);
    for (const body of ofKind(before, ARENA.player)) {
      if (now.has(body.seat)) continue;
      const by = events.findLast((event) => event.type === 'hit' && event.seat === body.seat)?.by;
      events.push({ type: 'out', seat: body.seat, by, x: body.x, y: body.y });
      const player = this.players.get(body.seat);
      if (player) player.health = 0;
    }
    for (const [seat, body] of now) {
      const player = this.players.get(seat);
      if (player && player.health > 0) {
        Object.assign(player, { x: body.x, y: body.y });
      } else {
        this.#appear(body, state.tick, SPAWN_SHIELD_TICKS);
        events.push({ type: 'back', seat, x: body.x, y: body.y });
      }
    }
  }
}

function* ofKind(state, kind) {
  for (const body of state.bodies.values()) if (body.kind === kind) yield body;
}

/** The player nearest to a body, if one is within reach. */
function nearest(state, body, reach) {
  let found = null;
  let least = reach;
  for (const player of ofKind(state, ARENA.player)) {
    const distance = Math.hypot(player.x - body.x, player.y - body.y);
    if (distance <= least) [found, least] = [player, distance];
  }
  return found;
}
