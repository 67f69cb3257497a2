// The SDK against several real servers: rooms move between them, and nodes die.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ARENA, Framekeep, arenaInput } from '../../assets/web/framekeep.js';
import { until } from './node.mjs';
import { Nodes, WITHOUT_REDIS } from './nodes.mjs';

const DUEL = { game: 'arena', content: 'pit', seats: 2, spectators_max: 2 };
const OVER_REDIS = { skip: WITHOUT_REDIS, timeout: 120_000 };
const TICK_MS = 1_000 / 30;

/** Nodes and players of them, all gone at the end of the test. */
async function scene(context, how) {
  const nodes = new Nodes();
  const players = [];
  context.after(async () => {
    players.forEach((player) => player.close());
    await nodes.remove();
  });
  await nodes.start(how.roles?.length ?? 2, how);
  const enter = async (nth, name, options) => {
    const backoff = { firstMs: 100, longestMs: 800 };
    const player = new Framekeep({ url: nodes.all[nth].url, name, backoff, ...options });
    players.push(player);
    await player.connect();
    return watched(player);
  };
  return { nodes, enter };
}

/** Notes what a player hears. */
function watched(player) {
  Object.assign(player, { chats: [], events: [], statuses: [], begun: 0, shownAt: 0, pauseMs: 0, ticks: [] });
  player.on('event:chat', ({ text }) => player.chats.push(text));
  player.on('event', ({ number }) => player.events.push(number));
  player.on('status', (status) => player.statuses.push(status));
  player.on('started', () => { player.begun += 1; });
  player.on('state', ({ tick }) => {
    const now = performance.now();
    if (player.shownAt) player.pauseMs = Math.max(player.pauseMs, now - player.shownAt);
    player.shownAt = now;
    player.ticks.push(tick);
  });
  return player;
}

const place = (player, seat) => [...(player.state?.bodies.values() ?? [])]
  .find((body) => body.kind === ARENA.player && body.seat === seat);

/** Two who play and one who watches. */
async function match(enter, at = 0) {
  const [ada, bob, eve] = [await enter(at, 'ada'), await enter(at, 'bob'), await enter(at, 'eve')];
  await ada.join('friday', { create: DUEL });
  await bob.join('friday');
  await eve.join('friday', { spectate: true });
  const all = [ada, bob, eve];
  await until('all see the match', async () => all.every((player) => player.state?.tick > 5));
  return all;
}

for (const redis of [false, true]) {
  const how = redis ? 'of a cluster over Redis' : 'that list each other';
  const skip = redis && WITHOUT_REDIS;
  test(`a room goes to and fro between nodes ${how}, and nobody loses anything`, { skip, timeout: 120_000 }, async (context) => {
    const { nodes, enter } = await scene(context, { redis });
    const all = await match(enter);
    const [ada, bob, eve] = all;
    let said = 0;
    const talk = setInterval(() => bob.chat(`${said++}`), 200);
    context.after(() => clearInterval(talk));
    for (const [from, to] of [[0, 1], [1, 0], [0, 1]]) {
      all.forEach((player) => Object.assign(player, { pauseMs: 0, shownAt: 0 }));
      const before = place(ada, 0);
      const way = -Math.sign(before.x) || 1;
      ada.input(arenaInput({ x: way }));
      await nodes.move('friday', from, to);
      const tick = ada.state.tick;
      await until('all have followed', async () => all.every((player) => player.url === nodes.all[to].url));
      await until('the match goes on', async () => all.every((player) => player.state.tick > tick + 15));
      assert.ok((place(eve, 0).x - before.x) * way > 0.5, 'what ada holds down counts there');
      ada.input(0);
      for (const player of all) {
        context.diagnostic(`pause ${(player.pauseMs / TICK_MS - 1).toFixed(1)} ticks`);
        assert.ok(player.pauseMs < 20 * TICK_MS, `a pause of ${player.pauseMs} ms`);
      }
    }
    clearInterval(talk);
    const expected = [...Array(said).keys()].map(String);
    await until('all is heard', async () => all.every((player) => player.chats.length >= said));
    for (const player of all) {
      assert.deepEqual(player.chats, expected, 'each once, in its order');
      assert.deepEqual(player.events, [...new Set(player.events)].sort((a, b) => a - b), 'no event twice');
      assert.deepEqual(player.ticks, [...new Set(player.ticks)].sort((a, b) => a - b), 'no state twice');
      assert.deepEqual([player.statuses, player.begun], [[], 1]);
    }
    assert.deepEqual([ada.room.seat, bob.room.seat, eve.room.seat], [0, 1, 255]);
  });
}

test('the players of a node that is killed are told within 6 s that their room is lost, at another node', OVER_REDIS, async (context) => {
  const { nodes, enter } = await scene(context, { redis: true });
  const all = await match(enter);
  const left = [];
  all.forEach((player) => player.on('left', ({ reason }) => left.push([player, reason, performance.now()])));
  await nodes.all[0].kill();
  const killed = performance.now();
  await until('all are told', async () => left.length === all.length);
  for (const [player, reason, at] of left) {
    context.diagnostic(`told after ${((at - killed) / 1_000).toFixed(1)} s`);
    assert.ok(at - killed < 6_000, `told after ${at - killed} ms`);
    assert.deepEqual([reason, player.status, player.url], ['lost', 'online', nodes.all[1].url]);
  }
  const room = await all[0].join('saturday', { create: { ...DUEL, seats: 2 } });
  assert.equal(room.seat, 0, 'and they play on there');
});

test('where others take the rooms of a node that is killed, players follow by themselves', OVER_REDIS, async (context) => {
  const { nodes, enter } = await scene(context, { redis: true, heirs: true });
  const all = await match(enter);
  const ids = all.map((player) => player.player);
  const tick = all[0].state.tick;
  await nodes.all[0].kill();
  const killed = performance.now();
  await until('all are back', async () => all.every((player) => player.status === 'online' && player.state.tick > tick + 60));
  context.diagnostic(`back and 60 ticks on after ${((performance.now() - killed) / 1_000).toFixed(1)} s`);
  const [ada, bob, eve] = all;
  assert.deepEqual(all.map((player) => player.player), ids);
  assert.deepEqual([ada.room.seat, bob.room.seat, eve.room.seat], [0, 1, 255]);
});

test('the players of a gateway that is stopped come back to their seats through another one', OVER_REDIS, async (context) => {
  const { nodes, enter } = await scene(context, { redis: true, roles: ['game', 'gateway', 'gateway'] });
  const all = await match(enter, 1);
  const [ids, causes, left] = [all.map((player) => player.player), [], []];
  for (const player of all) {
    player.on('status', (status) => status === 'offline' && causes.push(player.cause));
    player.on('left', ({ reason }) => left.push(reason));
  }
  const [epoch, tick] = [all[0].match.epoch, all[0].state.tick];
  nodes.all[1].child.kill('SIGTERM');
  const stopped = performance.now();
  await until('all are back', async () => all.every((player) => player.url === nodes.all[2].url && player.state?.tick > tick));
  context.diagnostic(`back after ${((performance.now() - stopped) / 1_000).toFixed(1)} s`);
  await until('the match goes on', async () => all.every((player) => player.state.tick > tick + 60));
  const [ada, bob, eve] = all;
  assert.deepEqual(all.map((player) => player.player), ids);
  assert.deepEqual([ada.room.seat, bob.room.seat, eve.room.seat, ada.match.epoch], [0, 1, 255, epoch]);
  assert.deepEqual([left, [...new Set(causes)]], [[], ['restarting']], 'nothing is said to be lost');
  ada.input(arenaInput({ x: 1 }));
  ada.chat('here again');
  await until('what they do is heard', async () => [bob, eve].every((player) => player.chats.includes('here again')));
});
