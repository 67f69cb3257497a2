import assert from 'node:assert/strict';
import test from 'node:test';

import { Happenings } from '../../assets/web/dash/happenings.js';

/** Elements that nobody sees: the list is not what is looked at here. */
globalThis.document = { createElement: () => ({ style: {}, append() {}, setAttribute() {}, addEventListener() {}, replaceChildren() {} }) };

const happenings = () => new Happenings({ empty: '', onSeek() {} });
const started = (number, match) => ({ number, kind: 'started', match, epoch: Number(match.split('-')[1]), tick: 0, at: number });
const ticks = (list) => list.marks().map(({ tick }) => tick);

test('a match that has the number of one sixteen before it has no marks of that', () => {
  const list = happenings();
  list.turn();
  const left = { number: 2, kind: 'left', match: '1700000000-1', epoch: 1, tick: 70, at: 2 };
  list.add([started(1, '1700000000-1'), left, started(40, '1700000900-1')]);
  assert.deepEqual(ticks(list), [], 'which match it is, is not known yet');
  assert.equal(list.is('1700000900-1'), true);
  assert.equal(list.is('1700000900-1'), false);
  assert.deepEqual(ticks(list), [0], 'only its own start');
});

test('what is told as it happens is of the match that is shown then', () => {
  const list = happenings();
  list.turn();
  list.is('1700000000-1');
  list.add([{ number: 3, kind: 'left', tick: 50, at: 3, turn: list.turns }, { kind: 'knocked_out', isOfGame: true, tick: 60, at: 4, fields: {} }]);
  assert.deepEqual(ticks(list).sort(), [50, 60]);
  list.turn();
  assert.deepEqual(ticks(list), [], 'neither is of the next');
  list.add([{ number: 4, kind: 'joined', match: null, tick: null, at: 5 }]);
  assert.deepEqual(ticks(list), []);
});
