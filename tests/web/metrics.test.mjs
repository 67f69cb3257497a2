import assert from 'node:assert/strict';
import test from 'node:test';

import { Change, Series, parse, rates } from '../../assets/web/dash/metrics.js';
import { bytes, clock, seconds, short } from '../../assets/web/dash/format.js';

const TEXT = (count) => `# HELP x y
framekeep_links{transport="udp"} 4
framekeep_links{transport="websocket"} 2
framekeep_frames_total ${count}
t_seconds_bucket{le="0.001"} ${count}
t_seconds_bucket{le="0.01"} ${count + 90}
t_seconds_bucket{le="+Inf"} ${count + 100}
`;

test('metrics are read, and what changed is a rate and a quantile', () => {
  const change = new Change(parse(TEXT(0).replace(/ (90|100)\n/g, ' 0\n')), parse(TEXT(10)), 2);
  assert.deepEqual([change.value('framekeep_links'), change.value('framekeep_links', { transport: 'udp' })], [6, 4]);
  assert.equal(change.rate('framekeep_frames_total'), 5);
  const half = change.quantile('t_seconds', 0.5);
  assert.ok(half > 0.001 && half < 0.01, String(half));
  assert.equal(change.quantile('t_seconds', 0.999), 0.01, 'the last bound there is');
});

test('a restart and the first look give no rates', () => {
  assert.equal(new Change(null, parse(TEXT(1)), 1).rate('framekeep_frames_total'), null);
  assert.equal(new Change(parse(TEXT(9)), parse(TEXT(1)), 1).rate('framekeep_frames_total'), null);
  assert.equal(new Change(parse(TEXT(1)), parse(TEXT(1)), 1).quantile('t_seconds', 0.5), null);
});

test('a series keeps the last values only', () => {
  const series = new Series(['a', 'b'], 3);
  for (let time = 0; time < 5; time += 1) series.push(time, [time, -time]);
  assert.deepEqual(series.data, [[2, 3, 4], [2, 3, 4], [-2, -3, -4]]);
});

test('numbers are short', () => {
  assert.deepEqual([short(0), short(12.34), short(1_234), short(null)], ['0', '12.3', '1.23 k', '–']);
  assert.deepEqual([seconds(0.000025), seconds(0.0124), seconds(2)], ['25 µs', '12.4 ms', '2 s']);
  assert.deepEqual([bytes(9), bytes(48_300), clock(75)], ['9 B', '48.3 kB', '0:02.5']);
});

test('bytes by kind are rates between two looks, and nothing where somebody has left', () => {
  const at = (view, input) => [{ kind: 'input', direction: 'in', bytes: input }, { kind: 'view', direction: 'out', bytes: view }];
  assert.deepEqual(rates(null, at(10, 0), 0), [{ kind: 'view', in: null, out: null, all: 10 }]);
  const rows = rates({ at: 0, traffic: at(1_000, 50) }, at(3_000, 20), 2_000);
  assert.deepEqual(rows, [{ kind: 'view', in: null, out: 1_000, all: 3_000 }, { kind: 'input', in: null, out: null, all: 20 }]);
});
