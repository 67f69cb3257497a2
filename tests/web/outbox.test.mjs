import assert from 'node:assert/strict';
import test from 'node:test';

import { Inbox, Outbox, WAITING_MAX } from '../../assets/web/sdk/outbox.js';

test('what the server has not done is said again, with the ids it had', () => {
  const outbox = new Outbox();
  for (const word of ['a', 'b', 'c', 'd']) outbox.add({ chat: { text: word } });
  outbox.done(2);
  assert.deepEqual(outbox.after(3).map(({ id }) => id), [4, 5]);
  assert.equal(outbox.add({ start: {} }).id, 6);
  assert.deepEqual(outbox.after(6), []);
});

test('a new session gives back what was said and keeps what was not, behind what it begins with', () => {
  const outbox = new Outbox();
  const [first, second] = [{ chat: { text: 'a' } }, { chat: { text: 'b' } }].map((body) => outbox.add(body));
  first.said = true;
  assert.deepEqual(outbox.renew({ join: {} }).map(({ id }) => id), [first.id]);
  assert.deepEqual(outbox.waiting.map(({ id, body }) => [id, Object.keys(body)[0]]), [[second.id - 1, 'join'], [second.id, 'chat']]);
  outbox.clear();
  assert.deepEqual([outbox.renew({ join: {} }), outbox.waiting[0].id], [[], second.id + 1], 'ids rise on');
  assert.ok(new Outbox().add({ start: {} }).id > 1, 'there is an id before the first');
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
