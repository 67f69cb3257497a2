// Where a link looks for its room, and for how long.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Places } from '../../assets/web/sdk/places.js';

const [HERE, THERE] = ['http://here.example', 'http://there.example'];

/** Places of a link that was lost at a time, and is elsewhere now. */
function lost(atMs, toldMs, saidMs) {
  const places = new Places(`${HERE}/`, saidMs);
  places.found([THERE], toldMs);
  places.lost(atMs);
  places.failed(false);
  places.failed(false);
  assert.equal(places.url, THERE);
  places.found([HERE], toldMs);
  return places;
}

test('a room may come up elsewhere for as long as the server has said, or the page', () => {
  for (const [toldMs, saidMs, ms] of [[undefined, undefined, 4_500], [15_000, undefined, 15_000], [15_000, 2_000, 2_000],
    [4_500, null, 4_500]]) {
    const places = lost(1_000, toldMs, saidMs);
    assert.deepEqual([places.mayComeUp(999 + ms), places.mayComeUp(1_000 + ms)], [true, false], `${toldMs} ${saidMs}`);
  }
});

test('where a link was lost its room would be by now, and nothing is waited for that was never lost', () => {
  const places = lost(1_000, 15_000);
  places.go(HERE);
  assert.equal(places.mayComeUp(1_001), false);
  assert.equal(new Places(HERE).mayComeUp(1), false);
});
