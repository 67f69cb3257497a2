// What moves on the first page: a small brawl and a song that nobody plays, so that one sees what it is.

import { ARENA, RHYTHM } from '../sdk/games.js';
import { ArenaScene } from './arena.js';
import { Brain } from './brain.js';
import { RhythmScene } from './rhythm.js';

const TICK_MS = 1_000 / 30;
const FLOOR = { halfWidth: 11, halfHeight: 5.5 };
const WALK = [null, [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];

/** A toy of the arena: enough to look at, no rules to rely on. */
class Toy {
  constructor() {
    this.tick = 0;
    this.next = 100;
    this.things = [
      thing(1, ARENA.pillar, -4.5, 1.2, 0.8), thing(2, ARENA.pillar, 4.5, -1.2, 0.8),
      thing(3, ARENA.wall, 0, 2.6, 2.2, 0.4), thing(4, ARENA.wall, 0, -2.6, 2.2, 0.4),
      thing(5, ARENA.health, 8.5, 3, 0.4), thing(6, ARENA.rapid, -8.5, -3, 0.4), thing(7, ARENA.crate, 7, -2.5, 0.5),
    ];
    this.players = [[-8, 2], [8, -1], [-2, -4], [3, 4]].map(([x, y], seat) => ({
      ...thing(20 + seat, ARENA.player, x, y, 0.5), seat, health: 5, waits: 0, reload: 0, brain: new Brain(),
    }));
    this.shots = [];
    this.scores = [0, 0, 0, 0];
  }

  state() {
    const there = this.players.filter((player) => player.waits === 0);
    const bodies = new Map([...this.things, ...there, ...this.shots].map((body) => [body.id, { ...body }]));
    return { epoch: 0, tick: this.tick, ticksLeft: 0, scores: this.scores, bodies };
  }

  step() {
    const before = this.state();
    this.tick += 1;
    for (const player of this.players) this.#act(player, before);
    for (const shot of this.shots) this.#fly(shot);
    this.shots = this.shots.filter((shot) => shot.left > 0);
  }

  #act(player, state) {
    if (player.waits > 0) {
      player.waits -= 1;
      if (player.waits === 0) Object.assign(player, { health: 5, x: (Math.random() - 0.5) * 18, y: (Math.random() - 0.5) * 9 });
      return;
    }
    const bits = player.brain.input(state, player.seat);
    const [dx, dy] = WALK[bits & 15] ?? [0, 0];
    const length = Math.hypot(dx, dy) || 1;
    this.#move(player, (dx / length) * 0.15, (dy / length) * 0.15);
    player.reload -= 1;
    if (bits & 512 && player.reload <= 0) {
      player.reload = 12;
      const angle = ((bits >> 4) & 31) / 32 * 2 * Math.PI;
      const [x, y] = [player.x + Math.cos(angle) * 0.75, player.y + Math.sin(angle) * 0.75];
      this.next += 1;
      this.shots.push({ ...thing(this.next, ARENA.shot, x, y, 0.2), seat: player.seat, angle, left: 46 });
    }
  }

  #move(player, dx, dy) {
    const free = (x, y) => !this.things.some((body) => body.kind >= ARENA.crate && body.kind <= ARENA.pillar
      && Math.abs(x - body.x) < body.halfWidth + 0.5 && Math.abs(y - body.y) < body.halfHeight + 0.5);
    const x = Math.max(-FLOOR.halfWidth + 0.5, Math.min(FLOOR.halfWidth - 0.5, player.x + dx));
    const y = Math.max(-FLOOR.halfHeight + 0.5, Math.min(FLOOR.halfHeight - 0.5, player.y + dy));
    if (free(x, player.y)) player.x = x;
    if (free(player.x, y)) player.y = y;
  }

  #fly(shot) {
    shot.left -= 1;
    const [x, y] = [shot.x + Math.cos(shot.angle) * 0.42, shot.y + Math.sin(shot.angle) * 0.42];
    const solid = this.things.some((body) => body.kind >= ARENA.crate && body.kind <= ARENA.pillar
      && Math.abs(x - body.x) < body.halfWidth && Math.abs(y - body.y) < body.halfHeight);
    if (Math.abs(x) > FLOOR.halfWidth || solid) shot.angle = Math.PI - shot.angle;
    else if (Math.abs(y) > FLOOR.halfHeight) shot.angle = -shot.angle;
    else Object.assign(shot, { x, y });
    for (const player of this.players) {
      if (player.waits || player.seat === shot.seat || Math.hypot(player.x - shot.x, player.y - shot.y) > 0.75) continue;
      shot.left = 0;
      player.health -= 1;
      if (player.health > 0) continue;
      player.waits = 40;
      this.scores = this.scores.map((score, seat) => score + (seat === shot.seat ? 1 : 0));
    }
  }
}

function thing(id, kind, x, y, halfWidth, halfHeight = halfWidth) {
  return { id, kind, seat: 255, x, y, rawX: x, rawY: y, angle: 0, halfWidth, halfHeight };
}

/** Shows one or both, each on its canvas. Gives a function that ends it. */
export function attract(arenaCanvas, rhythmCanvas) {
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const brawl = arenaCanvas && new Brawl(arenaCanvas);
  const song = rhythmCanvas && new Song(rhythmCanvas);
  let over = false;
  const frame = (nowMs) => {
    if (over) return;
    brawl?.draw(nowMs);
    song?.draw(nowMs);
    if (!calm) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  return () => {
    over = true;
    song?.scene.end();
  };
}

class Brawl {
  constructor(canvas) {
    this.scene = new ArenaScene(canvas, { follows: false, floor: FLOOR });
    this.toy = new Toy();
    this.begun = performance.now();
  }

  draw(nowMs) {
    const { toy, scene } = this;
    const tick = Math.max(1, (nowMs - this.begun) / TICK_MS);
    // Who comes back to the page after a while does not see what was missed.
    if (tick - toy.tick > 30) toy.tick = Math.floor(tick) - 1;
    while (toy.tick < tick) {
      toy.step();
      scene.push(toy.state());
    }
    const state = toy.state();
    scene.draw({ ...state, bodies: [...state.bodies.values()] }, { nowMs });
  }
}

class Song {
  constructor(canvas) {
    const begun = performance.now();
    const link = { rttMs: 0, match: { tick_rate_hz: 30 }, tick: (nowMs) => (nowMs - begun) / TICK_MS, input: () => false };
    this.scene = new RhythmScene(canvas, { link, sound: { note() {}, miss() {} }, plays: false });
    this.written = 40;
  }

  draw(nowMs) {
    const tick = this.scene.link.tick(nowMs);
    this.written = writeNotes(this.scene.chart, this.written, tick);
    strike(this.scene, tick, nowMs);
    this.scene.draw(nowMs);
  }
}

/** Notes for the next seconds, on quarters and eighths. */
function writeNotes(chart, written, tick) {
  let next = written;
  while (next < tick + 70) {
    const lane = Math.floor(Math.random() * 4);
    const isHold = Math.random() < 0.15;
    const end = isHold ? next + 20 : next;
    chart.notes.set(next, { id: next, lane, at: next * 8, end: end * 8, isHold, fate: 'coming', kind: RHYTHM.note });
    next += Math.random() < 0.35 ? 7.5 : 15;
  }
  for (const [id, note] of chart.notes) if (note.end < (tick - 30) * 8) chart.notes.delete(id);
  return next;
}

/** Nobody plays, and every note is hit. */
function strike(song, tick, nowMs) {
  for (const note of song.chart.notes.values()) {
    if (note.fate !== 'coming' || note.at > tick * 8) continue;
    note.fate = note.isHold ? 'held' : 'hit';
    song.lit[note.lane] = nowMs;
  }
  for (const note of song.chart.notes.values()) if (note.fate === 'held' && note.end <= tick * 8) note.fate = 'hit';
}
