import assert from 'node:assert/strict';
import test from 'node:test';

import { invitationOf, lookUp, pathOf } from '../../assets/web/play/invited.js';

const answering = (status, headers = {}) => async () => new Response('{"game":"rhythm"}', { status, headers });

test('only a server that says so makes a room one that is gone', async () => {
  assert.deepEqual(await lookUp('friday', answering(404)), { is: 'gone' });
  assert.deepEqual(await lookUp('friday', answering(200)), { is: 'open', view: { game: 'rhythm' } });
  for (const status of [429, 500, 502, 503]) assert.equal((await lookUp('friday', answering(status))).is, 'unknown', status);
  const away = await lookUp('friday', async () => {
    throw new TypeError('failed to fetch');
  });
  assert.deepEqual([away.is, away.why], ['unknown', 'The server does not answer']);
});

test('a busy server says when it is asked again', async () => {
  const found = await lookUp('friday', answering(503, { 'retry-after': '7' }));
  assert.deepEqual(found, { is: 'unknown', againMs: 7_000, why: 'The server is busy' });
});

test('a room whose node is away is not one that is gone', async () => {
  const away = (code) => async () => new Response(JSON.stringify({ code }), { status: 503 });
  for (const [code, why] of [['node_away', /^The node that has the room/], ['store_away', /^The server cannot find out/], ['busy', /busy$/]]) {
    const found = await lookUp('friday', away(code));
    assert.equal(found.is, 'unknown');
    assert.match(found.why, why);
  }
});

test('a link tells the game, so that a song is not opened again as an arena', () => {
  const { search } = new URL(pathOf('a & b', 'rhythm'), 'http://127.0.0.1');
  assert.deepEqual(invitationOf(search), { room: 'a & b', game: 'rhythm' });
  assert.deepEqual(invitationOf(new URL(pathOf('friday', 'arena'), 'http://127.0.0.1').search), { room: 'friday', game: 'arena' });
  assert.deepEqual(invitationOf(''), { room: null, game: 'arena' });
});
