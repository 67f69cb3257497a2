import assert from 'node:assert/strict';
import test from 'node:test';

import { TickClock } from '../../assets/web/sdk/clock.js';

/** States of 30 ticks a second, each `late(tick)` milliseconds on its way. */
function watch(clock, ticks, late, from = 0, pauseMs = 0) {
  for (let tick = from; tick < from + ticks; tick += 1) clock.note(tick, pauseMs + (tick * 1_000) / 30 + late(tick));
}

test('the fastest way counts', () => {
  const clock = new TickClock();
  assert.equal(clock.tick(5), null);
  watch(clock, 200, (tick) => (tick % 7 === 0 ? 10 : 60));
  assert.ok(Math.abs(clock.tick((300 * 1_000) / 30 + 10) - 300) < 0.1);
  assert.ok(clock.jitterMs > 20 && clock.jitterMs < 60);
});

test('after a pause of the server the clock is right at once', () => {
  const clock = new TickClock();
  watch(clock, 100, () => 10);
  watch(clock, 3, () => 10, 100, 3_000);
  assert.ok(Math.abs(clock.tick(3_000 + (103 * 1_000) / 30 + 10) - 103) < 0.1);
});

test('a way that becomes longer is followed', () => {
  const clock = new TickClock();
  watch(clock, 100, () => 10);
  watch(clock, 200, () => 90, 100);
  assert.ok(Math.abs(clock.tick((300 * 1_000) / 30 + 90) - 300) < 0.3);
});
