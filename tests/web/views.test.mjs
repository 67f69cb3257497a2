import assert from 'node:assert/strict';
import test from 'node:test';

import { Interpolation } from '../../assets/web/sdk/interpolation.js';
import { UNIT, ViewDecoder } from '../../assets/web/sdk/views.js';

const body = (id, x, more = {}) =>
  ({ id, kind: 0, seat: 0, x: x * UNIT, y: 0, angle: 0, half_width: UNIT / 2, half_height: UNIT / 2, ...more });

const whole = (tick, bodies, epoch = 1) => ({ epoch, tick, whole: true, bodies, scores: [0, 0], ticks_left: 9 });

test('a state is put together from what has changed', () => {
  const decoder = new ViewDecoder();
  const first = decoder.apply(whole(1, [body(1, 0), body(2, 5)]));
  const change = { epoch: 1, tick: 2, moved: [1], dx: [UNIT], dy: [-UNIT / 2], angle: [UNIT / 4], gone: [2],
    bodies: [body(3, 7)], scores: [] };
  const second = decoder.apply(change);
  assert.deepEqual([...second.bodies.keys()], [1, 3]);
  const moved = second.bodies.get(1);
  assert.deepEqual([moved.x, moved.y, moved.angle, second.scores], [1, -0.5, Math.PI / 2, [0, 0]]);
  assert.deepEqual([first.bodies.get(1).x, first.bodies.size], [0, 2], 'what was given out stays as it is');
});

test('differences wrap as the numbers of the server do', () => {
  const decoder = new ViewDecoder();
  decoder.apply(whole(1, [{ ...body(1, 0), x: 2 ** 31 - 1 }]));
  const state = decoder.apply({ epoch: 1, tick: 2, moved: [1], dx: [1], dy: [0], angle: [0] });
  assert.equal(state.bodies.get(1).rawX, -(2 ** 31));
});

test('a view that cannot be understood asks for everything', () => {
  const decoder = new ViewDecoder();
  assert.equal(decoder.apply({ epoch: 1, tick: 1 }), null);
  decoder.apply(whole(1, [body(1, 0)]));
  assert.equal(decoder.apply({ epoch: 2, tick: 1 }), null, 'another match');
  assert.equal(decoder.apply({ epoch: 1, tick: 2, moved: [9], dx: [0], dy: [0], angle: [0] }), null);
  assert.ok(decoder.apply(whole(3, [])));
});

function shown(...views) {
  const interpolation = new Interpolation();
  const decoder = new ViewDecoder();
  for (const view of views) interpolation.push(decoder.apply(view));
  return interpolation;
}

test('between two states bodies are on their way, turns go the shorter way', () => {
  const states = shown(whole(10, [body(1, 0, { angle: UNIT - 1_024 })]), whole(12, [body(1, 2, { angle: 1_024 }), body(2, 0)]));
  const [only, ...others] = states.at(11).bodies;
  assert.equal(others.length, 0, 'what is new is not there yet');
  assert.deepEqual([only.x, Math.cos(only.angle).toFixed(3)], [1, '1.000']);
  assert.equal(states.at(12).bodies.length, 2);
  assert.equal(states.at(99).tick, 12, 'nothing is made up');
  assert.equal(states.at(1).bodies[0].x, 0);
});

test('what was put somewhere else does not fly there', () => {
  const states = shown(whole(10, [body(1, 0)]), whole(12, [body(1, 20)]));
  assert.deepEqual([states.at(10.9).bodies[0].x, states.at(11.1).bodies[0].x], [0, 20]);
});

test('another match, or an earlier tick, begins anew', () => {
  const states = shown(whole(10, [body(1, 0)]), whole(2, [body(1, 1)]), whole(1, [body(1, 5)], 2));
  assert.equal(states.states.length, 1);
  assert.equal(new Interpolation().at(3), null);
});

test('only the last states are kept', () => {
  const views = Array.from({ length: 500 }, (_, tick) => whole(tick, [body(1, tick / 100)]));
  assert.ok(shown(...views).states.length <= 64);
});
