import assert from 'node:assert/strict';
import test from 'node:test';

import { Chart } from '../../assets/web/play/chart.js';
import { Keyer } from '../../assets/web/play/keyer.js';

const EIGHTH = Math.trunc((5 * 65_536) / 240);

/** A note as a view shows it at a tick. */
const note = (id, lane, dueEighths, endEighths = dueEighths) => {
  const half = Math.trunc(((endEighths - dueEighths) * EIGHTH) / 2);
  const isHold = endEighths > dueEighths;
  return { id, kind: isHold ? 1 : 0, seat: 255, x: lane, rawY: dueEighths * EIGHTH + half,
    halfHeight: (isHold ? half : 8_192) / 65_536 };
};

const state = (tick, ...bodies) => ({ tick, bodies: new Map(bodies.map((body) => [body.id, body])) });

test('notes are due when the view says so', () => {
  const chart = new Chart();
  chart.see(state(10, note(1, 2, 37), note(2, 0, 100, 260)));
  const [tap, hold] = [...chart.notes.values()];
  assert.deepEqual([tap.lane, tap.at, tap.isHold], [2, 117, false]);
  assert.deepEqual([hold.at, hold.end, hold.isHold], [180, 340, true]);
});

test('strokes are judged by the windows of the game', () => {
  for (const [off, judgement] of [[0, 'perfect'], [8, 'perfect'], [-9, 'great'], [16, 'great'], [17, 'good'], [-28, 'good'], [29, 'miss']]) {
    const chart = new Chart();
    chart.see(state(0, note(1, 1, 100)));
    assert.equal(chart.strike(1, 100 + off).judgement, judgement, `${off} eighths`);
  }
});

test('a run grows with hits and held notes, and ends with a miss', () => {
  const chart = new Chart();
  chart.see(state(0, note(1, 0, 50), note(2, 1, 60, 140), note(3, 0, 200)));
  chart.strike(0, 50);
  chart.strike(1, 60);
  assert.equal(chart.pass(141).length, 1, 'the hold is complete');
  assert.equal(chart.combo, 3);
  assert.equal(chart.release(1, 150), null);
  assert.deepEqual(chart.pass(240).map(({ fate }) => fate), ['missed']);
  assert.deepEqual([chart.combo, chart.best], [0, 3]);
});

test('letting go early drops a hold', () => {
  const chart = new Chart();
  chart.see(state(0, note(1, 0, 50, 200)));
  chart.strike(0, 50);
  assert.equal(chart.release(0, 100).fate, 'dropped');
});

test('a tick is said when it is over, with both keys of a chord and when the first was pressed', () => {
  const said = [];
  const keyer = new Keyer((bits, tick) => said.push([tick, bits]));
  keyer.pass(10.1);
  keyer.set(0, true, 10.25);
  keyer.set(2, true, 10.5);
  keyer.pass(11.2);
  assert.deepEqual(said, [[10, 0b101 | (2 << 4)]]);
  keyer.pass(13.1);
  assert.deepEqual(said.slice(1), [[11, 0b101], [12, 0b101]], 'what is held is said again');
  keyer.set(0, false, 13.5);
  keyer.set(2, false, 13.6);
  keyer.pass(20);
  assert.deepEqual(said.slice(3), [[13, 4 << 4], [14, 0], [15, 0]], 'and so is the release, a few times');
});

test('a stroke shorter than a tick is seen, and so is a lane that is struck twice', () => {
  const said = [];
  const keyer = new Keyer((bits, tick) => said.push([tick, bits]));
  keyer.pass(10);
  keyer.set(1, true, 10.25);
  keyer.set(1, false, 10.75);
  keyer.set(1, true, 10.9);
  keyer.pass(13);
  assert.deepEqual(said, [[10, 0b10 | (2 << 4)], [11, 0], [12, 0b10]]);
});

test('a key that is let go does not make the stroke after it early', () => {
  const said = [];
  const keyer = new Keyer((bits, tick) => said.push([tick, bits]));
  keyer.pass(9);
  keyer.set(0, true, 9.5);
  keyer.set(0, false, 11.1);
  keyer.set(3, true, 11.75);
  keyer.pass(12);
  assert.deepEqual(said.at(-1), [11, 0b1000 | (6 << 4)]);
});
