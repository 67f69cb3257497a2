import assert from 'node:assert/strict';
import test from 'node:test';

import { arenaInput, rhythmInput } from '../../assets/web/framekeep.js';

test('inputs are packed as the documentation says', () => {
  assert.equal(arenaInput({}), 0);
  assert.equal(arenaInput({ x: -1 }), 5);
  assert.equal(arenaInput({ x: 0.7, y: 0.7 }), 2);
  assert.equal(arenaInput({ aim: Math.PI / 2 }), 8 << 4);
  assert.equal(arenaInput({ aim: -Math.PI / 2 }), 24 << 4);
  assert.equal(arenaInput({ aim: 2 * Math.PI - 0.001, shoot: true, dash: true }), (1 << 9) | (1 << 10));
  assert.equal(rhythmInput(0b1010, 5), 0b1011010);
});
