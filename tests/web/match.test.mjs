// The SDK against the real server: two players play, the server is killed and started again, they play on.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ARENA, Framekeep, arenaInput } from '../../assets/web/framekeep.js';
import { Node, until } from './node.mjs';

const DUEL = { game: 'arena', content: 'pit', seats: 2, spectators_max: 2 };

/** A node and players of it, all gone at the end of the test. */
async function scene(context, settings) {
  const node = new Node();
  const players = [];
  context.after(async () => {
    players.forEach((player) => player.close());
    await node.remove();
  });
  await node.start(settings);
  const enter = async (name, options) => {
    const player = new Framekeep({ url: node.url, name, backoff: { firstMs: 50, longestMs: 400 }, ...options });
    players.push(player);
    return player.connect();
  };
  return { node, enter };
}

const place = (player, seat) => [...(player.state?.bodies.values() ?? [])]
  .find((body) => body.kind === ARENA.player && body.seat === seat);

test('two players play, and play on after the server was killed', { timeout: 120_000 }, async (context) => {
  const { node, enter } = await scene(context);
  const ada = await enter('ada');
  const bob = await enter('bob');
  const room = await ada.join('friday', { create: DUEL });
  assert.deepEqual([room.phase, room.seat, ada.status], ['waiting', 0, 'online']);
  await bob.join('friday');
  await until('both see the match', async () => ada.state && bob.state);
  const before = place(ada, 0);
  ada.input(arenaInput({ x: -Math.sign(before.x) }));
  await until('ada walks', async () => Math.abs(place(bob, 0).x - before.x) > 1);
  const tick = ada.state.tick;

  await node.kill();
  await until('both notice', async () => ada.status === 'offline' && bob.status === 'offline');
  assert.equal(ada.input(0), false, 'no input is made up while nobody hears it');
  await node.start();
  await until('both are back', async () => ada.status === 'online' && bob.status === 'online');
  await until('the match goes on', async () => ada.state.tick > tick + 10 && bob.state.tick > tick + 10);
  assert.deepEqual([ada.room.seat, bob.room.seat, ada.match.epoch], [0, 1, 1]);
  const after = place(bob, 1);
  bob.input(arenaInput({ y: -Math.sign(after.y) }));
  await until('bob walks', async () => Math.abs(place(ada, 1).y - after.y) > 1);
});

test('a cut connection goes on with its session: what was asked for is done once, and the room is shown', { timeout: 60_000 }, async (context) => {
  const { enter } = await scene(context);
  const sockets = [];
  class Cut extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const ada = await enter('ada', { WebSocket: Cut });
  const bob = await enter('bob');
  await ada.join('friday', { create: { ...DUEL, seats: 3 } });
  await bob.join('friday');
  const heard = [];
  ada.on('event:chat', ({ text }) => heard.push(text));
  bob.chat('one');
  await until('ada hears', async () => heard.length === 1);
  sockets.at(-1).close();
  ada.chat('two');
  ada.ready();
  ada.chat('three');
  let shown = null;
  ada.on('joined', (room) => {
    shown = room;
  });
  await until('ada is back', async () => ada.resumes === 1 && heard.length === 3);
  ada.chat('four');
  await until('ada hears herself', async () => heard.at(-1) === 'four');
  assert.deepEqual(heard, ['one', 'two', 'three', 'four'], 'each once, in their order');
  assert.deepEqual(shown.members.map(({ name }) => name), ['ada', 'bob']);
});

test('a request that is refused says why, and a watcher sees the match', { timeout: 60_000 }, async (context) => {
  const { enter } = await scene(context);
  const ada = await enter('ada');
  await assert.rejects(ada.join('nowhere'), { name: 'FramekeepError' });
  await ada.join('friday', { create: DUEL });
  const eve = await enter('eve');
  const watched = await eve.join('friday', { spectate: true });
  assert.equal(watched.seat, 255);
  await (await enter('bob')).join('friday');
  await until('eve sees two players', async () => place(eve, 0) && place(eve, 1));
  assert.ok(eve.sample(), 'there is something to draw');
});

test('a song is heard to its line: inputs for a tick ahead are in time', { timeout: 60_000 }, async (context) => {
  const { enter } = await scene(context);
  const ada = await enter('ada', { viewsHz: 60 });
  await ada.join('solo', { create: { game: 'rhythm', seats: 1 } });
  await until('notes come', async () => ada.state?.bodies.size > 0);
  const pressed = Math.ceil(ada.tick()) + 12;
  for (let tick = pressed; tick < pressed + 40; tick += 1) ada.input(1, tick);
  await until('the lane is pressed', async () =>
    [...ada.state.bodies.values()].some((body) => body.kind === 2 && body.x === 0));
});

test('guests come back as the same player, and a foreign word is no guest', { timeout: 60_000 }, async (context) => {
  const { node, enter } = await scene(context);
  const ada = await enter('ada');
  const again = await enter('ada', { guest: ada.guest });
  assert.equal(again.player, ada.player);
  await until('the first link is closed', async () => ada.status === 'closed');
  assert.equal(ada.reason, 'taken_over');
  const stranger = await enter('eve', { guest: 'AAAA' });
  assert.notEqual(stranger.guest, 'AAAA');
  await assert.rejects(enter('', {}), { code: 'out_of_range' });
  assert.ok((await fetch(`${node.url}/healthz`)).ok);
});

test('the past of a running match is told to whoever may watch it', { timeout: 60_000 }, async (context) => {
  const { node, enter } = await scene(context);
  const ask = async (path, how) => {
    const reply = await fetch(`${node.url}/api/v1/${path}`, how);
    return { status: reply.status, ...(await reply.json()) };
  };
  for (const [room, create] of [['friday', DUEL], ['closed', { ...DUEL, spectators_max: 0 }], ['secret', { ...DUEL, code: 'xyzzy' }]]) {
    const ada = await enter(`ada ${room}`);
    const bob = await enter(`bob ${room}`);
    await ada.join(room, { create, code: create.code });
    await bob.join(room, { code: create.code });
    await until('they play', async () => ada.state?.tick > 20);
  }
  const past = await ask('rooms/friday/views?ticks=10');
  assert.deepEqual([past.reason, past.game, past.disagrees_at, past.next], ['running', 'arena', null, 10]);
  assert.deepEqual([past.views[0].tick, past.views[0].whole, past.views.length, past.hashes.length], [0, true, 11, 11]);
  assert.deepEqual(past.players.map(({ name }) => name), ['ada friday', 'bob friday']);
  const rest = await ask('rooms/friday/views?from=10&ticks=5');
  assert.equal(rest.hashes[0], past.hashes[10]);
  assert.equal((await ask('rooms/closed/views')).code, 'spectators_full');
  assert.equal((await ask('rooms/secret/views')).code, 'wrong_code');
  assert.equal((await ask('rooms/nowhere/views')).status, 404);
  assert.equal((await ask('replays/views', { method: 'POST', body: 'FKREPLAY, says who?' })).code, 'unplayable');
  assert.equal((await ask('replays/..%2fsecret.fkr/views')).status, 404);
  const room = await ask('rooms/friday');
  assert.deepEqual(room.members.map(({ seat, name, transport }) => [seat, name, transport]),
    [[0, 'ada friday', 'websocket'], [1, 'bob friday', 'websocket']]);
});

test('a connection without a session is told why it ends, and only a refused ticket is final', { timeout: 60_000 }, async (context) => {
  const { node, enter } = await scene(context, ['websocket.authenticate_within_s=1', 'websocket.resume_within_s=1']);
  const reasonOf = (first) => new Promise((resolve) => {
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/ws`, 'framekeep.v1.json');
    socket.onopen = () => first && socket.send(JSON.stringify(first));
    socket.onmessage = ({ data }) => {
      const { closing } = JSON.parse(data).messages.find((message) => message.closing) ?? {};
      if (closing) resolve(closing.reason);
    };
  });
  assert.equal(await reasonOf(null), 'too_late');
  assert.equal(await reasonOf({ resume: { token: 'AAAAAAAAAAAAAAAAAAAAAA' } }), 'unknown_session');
  assert.equal(await reasonOf({ authenticate: { ticket: 'nonsense' } }), 'unauthorized');
  // A phone in a tunnel: the session is over when it says who it is.
  const sockets = [];
  class Slow extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }

    send(text) {
      if (sockets.indexOf(this) === 1) setTimeout(() => this.readyState === 1 && super.send(text), 2_500);
      else super.send(text);
    }
  }
  const ada = await enter('ada', { WebSocket: Slow });
  await ada.join('friday', { create: DUEL });
  const heard = [];
  ada.on('status', (status) => heard.push(status));
  sockets[0].close();
  await until('ada is back', async () => ada.status === 'online' && sockets.length > 2);
  assert.deepEqual(heard, ['offline', 'online']);
});
