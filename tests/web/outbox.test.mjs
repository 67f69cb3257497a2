import assert from 'node:assert/strict';
import test from 'node:test';

import { Inbox, Outbox, WAITING_MAX } from '../../assets/web/sdk/outbox.js';

test('what the server has not done is said again, with the ids it had', () => {
  const outbox = new Outbox();
  for (const word of ['a', 'b', 'c', 'd']) outbox.add({ chat: { text: word } });
  outbox.done(1);
  assert.deepEqual(outbox.after(2).map(({ id }) => id), [3, 4]);
  assert.equal(outbox.add({ start: {} }).id, 5);
  assert.deepEqual(outbox.after(5), []);
});

test('a new session begins with id 1 and gives back what waited', () => {
  const outbox = new Outbox();
  outbox.add({ start: {} });
  assert.deepEqual(outbox.clear(), [{ id: 1, body: { start: {} } }]);
  assert.equal(outbox.add({ start: {} }).id, 1);
});

test('only so many requests wait', () => {
  const outbox = new Outbox();
  for (let count = 0; count < WAITING_MAX; count += 1) outbox.add({ start: {} });
  assert.throws(() => outbox.add({ start: {} }), /64 requests wait/);
});

test('a message that comes twice is heard once, and views without an id always are', () => {
  const inbox = new Inbox();
  assert.deepEqual([1, 2, 2, 1, 3, 0, 0].map((id) => inbox.take(id)), [true, true, false, false, true, true, true]);
  assert.deepEqual([inbox.unacknowledged, inbox.acknowledge(), inbox.unacknowledged], [3, 3, 0]);
});
