import assert from 'node:assert/strict';
import test from 'node:test';

import { Backoff } from '../../assets/web/sdk/backoff.js';

test('waits double up to the longest, and half of each is left to chance', () => {
  const shortest = new Backoff({ random: () => 0 });
  assert.deepEqual(Array.from({ length: 8 }, () => shortest.next()), [125, 250, 500, 1000, 2000, 4000, 4000, 4000]);
  const longest = new Backoff({ random: () => 1 });
  assert.deepEqual(Array.from({ length: 7 }, () => longest.next()), [250, 500, 1000, 2000, 4000, 8000, 8000]);
});

test('after a success the first wait is the shortest again, and thousands of tries stay finite', () => {
  const backoff = new Backoff({ firstMs: 100, longestMs: 400, random: () => 1 });
  for (let tries = 0; tries < 5_000; tries += 1) assert.ok(backoff.next() <= 400);
  backoff.reset();
  assert.equal(backoff.next(), 100);
});
