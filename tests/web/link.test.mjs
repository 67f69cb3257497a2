// The link where the real server is slow, busy, gone or of another mind.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Pretend, room, settled, welcome } from './pretend.mjs';

/** The connection is cut, and the next one is open. */
async function cut(server) {
  server.socket.close();
  await server.pass(50);
  server.socket.open();
}

test('a resume that comes too late is said again with the same token', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  await cut(server);
  server.socket.tell({ closing: { reason: 'too_late' } });
  await server.pass(50);
  server.socket.open();
  assert.equal(server.socket.of('resume')[0].resume.token, 'a token');
  server.socket.tell({ resumed: { last_id: 0 } });
  assert.deepEqual([link.heard, link.resumes, server.minted], [['connecting', 'online', 'offline', 'online'], 1, 1]);
});

for (const [name, ...told] of [
  ['a session that is over', { error: { code: 'unknown_session' } }, { closing: { reason: 'unknown_session' } }],
  ['a server that calls a late resume unauthorized', { closing: { reason: 'unauthorized' } }],
]) {
  test(`${name} is followed by another, with a new ticket`, async (context) => {
    const server = new Pretend(context);
    const link = await server.welcome();
    await cut(server);
    server.socket.tell(...told);
    await server.pass(50);
    server.socket.open();
    assert.equal(server.socket.of('authenticate')[0].authenticate.ticket, 'ticket 2');
    server.socket.tell(welcome());
    assert.equal(link.status, 'online');
    assert.ok(!link.heard.includes('closed'));
  });
}

test('a ticket that is refused ends the link, also after a lost session', async (context) => {
  const server = new Pretend(context);
  const first = server.link();
  const connected = assert.rejects(first.connect(), { code: 'unauthorized' });
  await settled();
  server.socket.open().tell({ closing: { reason: 'unauthorized' } });
  await connected;
  const second = await server.welcome();
  await cut(server);
  server.socket.tell({ closing: { reason: 'unknown_session' } });
  await server.pass(50);
  server.socket.open().tell({ closing: { reason: 'unauthorized' } });
  assert.deepEqual([second.status, second.reason], ['closed', 'unauthorized']);
});

test('a link knows whether its server was shut down, is restarted, or is gone without a word', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  for (const [reason, again] of [['restarting', 'resume'], ['shutting_down', 'authenticate'], ['a_word_of_tomorrow', 'authenticate']]) {
    server.socket.tell({ closing: { reason } });
    assert.deepEqual([link.status, link.cause], ['offline', reason]);
    await server.pass(50);
    server.socket.open();
    assert.equal(server.socket.of(again).length, 1, `${reason}: ${again}`);
    server.socket.tell(again === 'resume' ? { resumed: { last_id: 0 } } : welcome());
    assert.deepEqual([link.status, link.cause], ['online', null]);
  }
  server.socket.close();
  assert.deepEqual([link.status, link.cause], ['offline', null]);
});

test('a busy server is asked again, also for a first session', async (context) => {
  const server = new Pretend(context);
  const link = server.link({ ticket: 'of a game' });
  const connected = link.connect();
  await settled();
  for (const reason of ['busy', 'too_late', 'busy']) {
    server.socket.open().tell({ error: { code: reason } }, { closing: { reason } });
    await server.pass(50);
  }
  server.socket.open().tell(welcome());
  await connected;
  assert.deepEqual([server.sockets.length, link.status], [4, 'online']);
});

test('a page whose timers run once a minute keeps its connection, and notices when it is lost', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  for (let minute = 0; minute < 30; minute += 1) await server.pass(60_000, 2_000);
  assert.deepEqual([server.sockets.length, link.heard.at(-1)], [1, 'online']);
  server.answersPings = false;
  await server.pass(60_000, 2_000);
  // A pong that is late by a minute of sleep is not missed after one beat.
  await server.pass(60_000, 2_000);
  assert.equal(link.status, 'online');
  await server.pass(2_000);
  assert.equal(link.status, 'offline');
});

test('silence ends a connection after eight seconds, whether or not it was ever open', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  server.answersPings = false;
  for (let beat = 0; beat < 4; beat += 1) await server.pass(2_000);
  assert.equal(link.status, 'online');
  for (let beat = 0; beat < 2; beat += 1) await server.pass(2_000);
  assert.equal(link.status, 'offline');
  const before = server.sockets.length;
  for (let beat = 0; beat < 6; beat += 1) await server.pass(2_000);
  assert.ok(server.sockets.length > before, 'one that is not made is given up');
});

test('a ticket that is used up makes nobody a guest', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome({ ticket: 'of a game' });
  const errors = [];
  link.on('error', ({ code }) => errors.push(code));
  await cut(server);
  server.socket.tell({ error: { code: 'unknown_session' } }, { closing: { reason: 'unknown_session' } });
  await server.pass(50);
  assert.deepEqual([link.status, link.reason, errors, server.minted], ['closed', 'ticket_used',
    ['unknown_session', 'ticket_used'], 0]);
  let given = 0;
  const other = await server.welcome({ ticket: async () => `ticket of a game ${(given += 1)}` });
  await cut(server);
  server.socket.tell({ closing: { reason: 'unknown_session' } });
  await server.pass(50);
  server.socket.open().tell(welcome());
  assert.deepEqual([other.status, given, server.minted], ['online', 2, 0]);
  await assert.rejects(server.link({ ticket: async () => '' }).connect(), { code: 'empty_ticket' });
});

test('a handler that throws is told of, and keeps nobody from hearing', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  const [reported, heard, before] = [[], [], globalThis.reportError];
  globalThis.reportError = (error) => reported.push(error.message);
  context.after(() => {
    globalThis.reportError = before;
  });
  link.on('event', ({ text }) => {
    if (text === 'one') throw new Error('not that one');
  });
  link.on('event:chat', ({ text }) => heard.push(text));
  const chats = ['one', 'two', 'three'].map((text, index) => ({ id: index + 1, event: { kind: 'chat', text } }));
  server.socket.tell(...chats);
  assert.deepEqual([heard, reported], [['one', 'two', 'three'], ['not that one']]);
});

test('a lost session: what was said is told as lost, what was not is said after the seat is asked for', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  const refused = [];
  link.on('refused', ({ to, code }) => refused.push([to, code]));
  const joined = link.join('friday', { code: 'xyzzy' });
  server.socket.tell({ id: 1, ack: 2, ...room('friday') });
  await joined;
  const said = link.ready();
  const answer = assert.rejects(link.join('elsewhere'), { code: 'lost' });
  server.socket.close();
  const [first, second] = [link.chat('hello'), link.start()];
  await server.pass(50);
  server.socket.open().tell({ closing: { reason: 'unknown_session' } });
  await server.pass(50);
  server.socket.open();
  // What is asked for as soon as the link is back comes after what waited.
  link.on('status', (status) => status === 'online' && link.chat('back'));
  server.socket.tell(welcome());
  await answer;
  assert.deepEqual(refused, [[said, 'lost'], [said + 1, 'lost']]);
  const requests = server.socket.said.filter(({ id }) => id);
  assert.deepEqual(requests.map(({ id, join, chat, start }) => [id, join?.room ?? chat?.text ?? start]),
    [[first - 1, 'friday'], [first, 'hello'], [second, {}], [second + 1, 'back']]);
  assert.equal(requests[0].join.code, 'xyzzy', 'the place that was had, not the one that was asked for');
});

test('a request that a busy server refuses is told of, and a seat is asked for again', async (context) => {
  const server = new Pretend(context);
  const link = await server.welcome();
  const refused = [];
  link.on('refused', ({ to, code }) => refused.push([to, code]));
  const joined = assert.rejects(link.join('friday'), { code: 'busy' });
  server.socket.tell({ id: 1, ack: 2, refused: { to: 2, code: 'busy', text: 'later' } });
  await joined;
  assert.deepEqual(refused, [[2, 'busy']]);
  const again = link.join('friday');
  server.socket.tell({ id: 2, ack: 3, ...room('friday') });
  await again;
  await cut(server);
  server.socket.tell({ closing: { reason: 'unknown_session' } });
  await server.pass(50);
  server.socket.open().tell(welcome());
  const [{ id }] = server.socket.of('join');
  server.socket.tell({ id: 1, ack: id, refused: { to: id, code: 'busy', text: 'later' } });
  await server.pass(2_000);
  assert.deepEqual([server.socket.of('join').length, link.room.name], [2, 'friday']);
});

test('a link that is closed and opened while a ticket is fetched has one connection', async (context) => {
  const server = new Pretend(context);
  const waiting = [];
  const link = server.link({ ticket: () => new Promise((resolve) => waiting.push(resolve)) });
  const first = assert.rejects(link.connect(), { code: 'bye' });
  link.close();
  const second = link.connect();
  waiting.forEach((give, index) => give(`ticket ${index + 1}`));
  await first;
  await settled();
  assert.equal(server.sockets.length, 1);
  server.socket.open().tell(welcome());
  await second;
  assert.equal(server.socket.of('authenticate')[0].authenticate.ticket, 'ticket 2');
});

test('a connection that opens after it was given up says nothing', async (context) => {
  const server = new Pretend(context);
  const link = server.link({ ticket: 'of a game' });
  const connected = assert.rejects(link.connect(), { code: 'bye' });
  await settled();
  const { socket } = server;
  link.close();
  await connected;
  socket.open();
  assert.deepEqual(socket.said, []);
});

test('an address that is none is told at once', async (context) => {
  const server = new Pretend(context);
  const WebSocket = function Socket() {
    throw new SyntaxError('not an address');
  };
  await assert.rejects(server.link({ WebSocket, ticket: 'of a game' }).connect(), { code: 'no_socket' });
});

const MOVED = { room: 'friday', tick: 90, url: 'http://other/', ticket: 'of the other' };

/** A link in a room, and the second one that it opens where the room goes; `first` and `second` are its sockets. */
async function moving(context) {
  const server = new Pretend(context);
  const link = await server.welcome();
  const joined = link.join('friday');
  const first = server.socket;
  first.tell({ id: 1, ack: 2, ...room('friday', { event: 7 }) });
  await joined;
  link.input(5);
  first.tell({ id: 2, moved: MOVED });
  const second = server.socket.open();
  assert.deepEqual(second.said[0].authenticate.ticket, 'of the other');
  second.tell(welcome(link.player, 'another token'));
  assert.deepEqual(second.said[1].input.bits, 5, 'what is held down is held down there');
  return { server, link, first, second };
}

test('a room that moves is followed once the first link is over, and what was not done is asked for there', async (context) => {
  const { link, first, second } = await moving(context);
  const heard = [];
  link.on('*', (value, type) => heard.push(type));
  const [done, open] = [link.chat('one'), link.chat('two')];
  second.tell({ id: 1, ...room('friday', { event: 8 }) }, { id: 2, event: { number: 8, kind: 'scores', scores: [] } });
  assert.deepEqual(heard, [], 'the first has not said everything');
  first.tell({ id: 3, event: { number: 8, kind: 'chat', text: 'zero' } }, { ack: done, closing: { reason: 'moved' } });
  assert.deepEqual(heard.filter((type) => type !== 'pong'), ['event', 'event:chat', 'room', 'followed']);
  assert.deepEqual(second.of('chat').map(({ id, chat }) => [id, chat.text]), [[open, 'two']]);
  assert.deepEqual([link.status, link.url, first.readyState], ['online', 'http://other', 3]);
});

test('a second link that ends leaves the first alone, and a first that breaks leaves open what was done', async (context) => {
  const { server, link, first, second } = await moving(context);
  second.tell({ closing: { reason: 'moved' } });
  assert.deepEqual([link.status, first.readyState, second.readyState], ['online', 1, 3]);
  first.tell({ id: 3, moved: MOVED });
  const third = server.socket.open().tell(welcome(link.player, 'a third token'));
  const refused = [];
  link.on('refused', ({ code }) => refused.push(code));
  link.chat('perhaps');
  first.close();
  third.tell({ id: 1, ...room('friday', { event: 9 }) });
  assert.deepEqual([refused, link.status, third.of('chat').length], [['lost'], 'online', 0]);
});

test('a room that is nowhere once both links are over is looked for where it was', async (context) => {
  const { server, link, first, second } = await moving(context);
  first.tell({ closing: { reason: 'moved' } });
  second.close();
  assert.equal(link.status, 'offline');
  await server.pass(50);
  const again = server.socket.open();
  assert.equal(again.of('authenticate')[0].authenticate.ticket, 'ticket 2');
  again.tell(welcome());
  assert.equal(again.of('join')[0].join.room, 'friday');
});
