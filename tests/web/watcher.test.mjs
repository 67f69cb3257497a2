import assert from 'node:assert/strict';
import test from 'node:test';

import { Brain } from '../../assets/web/play/brain.js';
import { ArenaWatcher } from '../../assets/web/play/watcher.js';
import { ARENA } from '../../assets/web/framekeep.js';

const body = (id, kind, seat, x, y = 0) =>
  ({ id, kind, seat, x, y, rawX: x * 65_536, rawY: y * 65_536, angle: 0, halfWidth: 0.5, halfHeight: 0.5 });

const state = (tick, bodies, scores = [0, 0]) =>
  ({ epoch: 1, tick, ticksLeft: 100, scores, bodies: new Map(bodies.map((one) => [one.id, one])) });

const ada = (x) => body(1, ARENA.player, 0, x);
const bob = (x) => body(2, ARENA.player, 1, x);
const shot = (x) => body(9, ARENA.shot, 0, x);

test('a shot that is gone beside a player has hit, and health is counted', () => {
  const watcher = new ArenaWatcher();
  watcher.see(state(1, [ada(0), bob(5)]));
  assert.deepEqual(watcher.see(state(2, [ada(0), bob(5), shot(1)])).map(({ type }) => type), ['shot']);
  watcher.see(state(9, [ada(0), bob(5), shot(4.3)]));
  const [hit] = watcher.see(state(10, [ada(0), bob(5)]));
  assert.deepEqual([hit.type, hit.seat, hit.by], ['hit', 1, 0]);
  assert.equal(watcher.players.get(1).health, 80);
});

test('a shot whose time is over has hit nobody', () => {
  const watcher = new ArenaWatcher();
  watcher.see(state(1, [ada(0), bob(5)]));
  watcher.see(state(2, [ada(0), bob(5), shot(1)]));
  assert.deepEqual(watcher.see(state(52, [ada(0), bob(5)])), []);
});

test('a player who is out and comes back is whole and shielded', () => {
  const watcher = new ArenaWatcher();
  watcher.see(state(1, [ada(0), bob(5)]));
  watcher.see(state(2, [ada(0), bob(5), shot(4.3)]));
  const events = watcher.see(state(3, [ada(0)], [1, 0]));
  assert.deepEqual(events.map(({ type }) => type), ['hit', 'out', 'score']);
  assert.equal(events[1].by, 0);
  assert.deepEqual(watcher.see(state(63, [ada(0), bob(-7)], [1, 0])).map(({ type }) => type), ['back']);
  assert.equal(watcher.players.get(1).health, 100);
  assert.ok(watcher.isShielded(1, 64) && !watcher.isShielded(1, 94));
});

test('who made the point was it, where the shot was too close to be seen', () => {
  const watcher = new ArenaWatcher();
  watcher.see(state(1, [ada(0), bob(1)]));
  const [out] = watcher.see(state(3, [ada(0)], [1, 0]));
  assert.deepEqual([out.type, out.seat, out.by], ['out', 1, 0]);
});

test('a pick-up is taken by who stands there, and an earlier tick begins anew', () => {
  const watcher = new ArenaWatcher();
  const pack = body(4, ARENA.shield, 255, 0.5);
  watcher.see(state(1, [ada(0), bob(5), pack]));
  const [taken] = watcher.see(state(2, [ada(0), bob(5)]));
  assert.deepEqual([taken.type, taken.seat, taken.kind], ['pickup', 0, ARENA.shield]);
  assert.ok(watcher.isShielded(0, 100));
  assert.deepEqual(watcher.see(state(1, [ada(0), bob(5), pack])), []);
});

test('a bot goes for its opponent and shoots at it', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const brain = new Brain(random, 1);
  const bits = Array.from({ length: 300 }, (_, tick) => brain.input(state(tick, [ada(0), bob(10)]), 0));
  const right = bits.filter((bit) => [1, 2, 8].includes(bit & 15)).length;
  assert.ok(right > 150, `${right} of 300 ticks to the right`);
  assert.ok(bits.some((bit) => bit & 512) && bits.some((bit) => !(bit & 512)));
  assert.equal(brain.input(state(301, [bob(10)]), 0), 0, 'knocked out, it does nothing');
});
