// The pages in a real browser: a player moves with a bot over UDP in the same room, the server is killed and the page
// plays on; the dashboard lists the room, draws it, and goes back in its past.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { Framekeep } from '../../assets/web/framekeep.js';
import { Chromium, WITHOUT } from './chromium.mjs';
import { Node, binary, until } from './node.mjs';
import { Nodes, WITHOUT_REDIS } from './nodes.mjs';

const LONG = { skip: WITHOUT, timeout: 180_000 };
const PICTURES = process.env.FRAMEKEEP_PICTURES;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A node and a browser, both gone at the end of the test. */
async function scene(context, settings = []) {
  const node = new Node();
  context.after(() => node.remove());
  await node.start(settings);
  const browser = await Chromium.start();
  context.after(() => browser.close());
  return { node, browser };
}

/** Bots over UDP in a room; gone at the end of the test. */
function bots(context, node, room, count) {
  const args = ['--addr', node.addresses.udp, '--data', node.data, '--room', room, '--seats', String(count), '--seconds', '120'];
  const child = spawn(binary('framekeep-swarm'), args, { stdio: 'ignore' });
  context.after(() => child.kill('SIGKILL'));
}

/** Where the own player is drawn: what the page shows, not what the server knows. */
const OWN = `(() => { const { link } = globalThis.framekeep; const drawn = link.sample();
  const own = drawn?.bodies.find((body) => body.kind === 0 && body.seat === link.match.seat);
  return own ? { x: own.x, y: own.y, tick: drawn.tick } : null; })()`;

/** Whether a canvas shows more than one colour. */
const isPainted = (selector) => `(() => { const canvas = document.querySelector('${selector}');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set(); for (let at = 0; at < data.length; at += 4 * 97) colours.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
  return colours.size > 6; })()`;

/** Leads the player to where it can go, by the keyboard, until it has moved. */
async function walk(page, what) {
  const before = await until('the player is drawn', () => page.value(OWN));
  const [code, key] = before.x > 0 ? ['KeyA', 'a'] : ['KeyD', 'd'];
  await page.key(code, true, key);
  await until(what, async () => {
    const now = await page.value(OWN);
    return now && Math.abs(now.x - before.x) > 1.5;
  });
  await page.key(code, false, key);
}

async function picture(page, name) {
  if (PICTURES) await page.picture(join(PICTURES, `${name}.png`));
}

test('somebody plays in the browser with a bot over UDP, also after the server was killed', LONG, async (context) => {
  const { node, browser } = await scene(context);
  // A room for three: the page, a bot over UDP and one more of them.
  const opener = new Framekeep({ url: node.url, name: 'opener' });
  context.after(() => opener.close());
  await opener.connect();
  await opener.join('friday', { create: { game: 'arena', content: 'foundry', seats: 4, spectators_max: 4 } });
  const page = await browser.page();
  await page.open(`${node.url}/play?room=friday`);
  await page.until('the room is known', `document.getElementById('invited-what').innerText.includes('waiting')`);
  await page.click('#invited-join');
  await page.until('the page has a seat', 'globalThis.framekeep?.link.room?.seat === 1');
  bots(context, node, 'friday', 2);
  await page.until('the match runs', 'globalThis.framekeep.link.state !== null');
  await walk(page, 'the player walks');
  assert.match(await page.text('#scores'), /opener/);
  await picture(page, 'playing');

  const dashboard = await browser.page({ width: 1_400, height: 1_000 });
  await dashboard.open(`${node.url}/`);
  await dashboard.until('the room is listed', `document.querySelector('table.rooms')?.innerText.includes('friday')`);
  assert.match(await dashboard.text('table.rooms'), /friday\s+arena · foundry\s+playing\s+4\/4/);
  await picture(dashboard, 'rooms');
  await dashboard.click('table.rooms tbody a');
  await dashboard.until('the match is drawn', isPainted('canvas.scene'));
  await dashboard.until('there is a past', `Number(document.querySelector('.seek').max) - Number(document.querySelector('.seek').min) > 45`);
  const listed = `[...document.querySelectorAll('.events li')].map((row) => row.innerText.replace(/\\s+/g, ' '))`;
  const happened = async (what, pattern) => until(what, async () => (await dashboard.value(listed)).some((row) => pattern.test(row)));
  await happened('what was before the page came is listed', /^\d+:\d\d:\d\d.* opener took seat 0$/);
  await happened('and leads to its place in the match', /^0:00\.0 the match started$/);
  await dashboard.until('it is marked on the bar', `document.querySelectorAll('.marks .mark.match').length === 1`);
  await picture(dashboard, 'room');
  const ways = `[...document.querySelectorAll('.seats tbody tr')].map((row) => row.innerText.replace(/\\s+/g, ' '))`;
  await until('everybody\'s way is known', async () => (await dashboard.value(ways)).filter((row) => / \d+ ms \d+ % -?\d+ ms/.test(row)).length === 4);
  await dashboard.until('the bar goes back to the beginning', `Number(document.querySelector('.seek').min) <= 1`);
  const past = await dashboard.value(`(() => { const bar = document.querySelector('.seek'); bar.value = Number(bar.min) + 10;
    bar.dispatchEvent(new Event('input')); return Number(bar.value); })()`);
  await dashboard.until('the past is shown', `document.querySelector('.place').innerText.endsWith('tick ${past}')`);
  assert.equal(await dashboard.value(`document.querySelector('.live').getAttribute('aria-pressed')`), 'false');
  const note = `document.querySelector('.timeline + .hint').innerText`;
  await dashboard.until('and the note says so', `/^In the past: 0:00 of \\d+:\\d\\d\\. /.test(${note})`);
  await dashboard.value(`document.querySelector('.live').click(); document.querySelector('canvas.scene').focus(); 1`);
  await dashboard.until('now is shown again', `${note}.startsWith('Live.')`);
  await dashboard.press('Home');
  await dashboard.until('a key goes to the past, too', `${note}.startsWith('In the past: 0:00 of ')`);

  const tick = (await page.value(OWN)).tick;
  await node.kill();
  await page.until('the page says so, gently', `document.getElementById('link').dataset.status === 'offline'`);
  assert.match(await page.text('#notice'), /seat is kept/);
  await dashboard.until('the dashboard says so as well', `/In the past: .* The connection is lost/.test(${note})`);
  await node.start();
  await page.until('it is back', `document.getElementById('link').dataset.status === 'online'`);
  await until('the match goes on', async () => (await page.value(OWN))?.tick > tick);
  await walk(page, 'the player walks on');
  await dashboard.open(`${node.url}/?again#/room/friday`);
  await happened('records tell of it to a page that comes after the restart', /^0:00\.0 the match started$/);
  await happened('and who was away', /^\d:\d\d\.\d opener (lost the link|is back)$/);
  await dashboard.until('both are marked', `['match', 'went'].every((kind) => document.querySelector('.marks .mark.' + kind))`);
  await dashboard.value(`document.querySelector('.events .when').click(); 1`);
  await dashboard.until('an event leads to its place', `${note}.startsWith('In the past: ')`);
  assert.equal(await page.value('globalThis.framekeep.link.match.epoch'), 1, 'it is the same match');
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(dashboard.complaints, []);
});

test('somebody plays with two fingers on a telephone', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page({ width: 844, height: 390, touch: true });
  await page.open(`${node.url}/play`);
  await page.value(`document.getElementById('floor').value = 'pit'; document.getElementById('players').value = '2'`);
  await page.tap('[data-play=arena]');
  await page.until('the match runs', 'globalThis.framekeep?.link.state !== null');
  const before = await until('the player is drawn', () => page.value(OWN));
  // The left thumb pulls towards where there is room, and stays.
  const sign = before.x > 0 ? -1 : 1;
  const left = (far) => ({ id: 1, x: 200 + sign * far, y: 260 });
  const right = (far) => ({ id: 2, x: 640 + sign * far, y: 260 });
  await page.touch('touchStart', [left(0)]);
  for (const far of [15, 35, 60]) await page.touch('touchMove', [left(far)]);
  await until('the player walks that way', async () => {
    const now = await page.value(OWN);
    return now && (now.x - before.x) * sign > 1.5;
  });
  const shots = `(() => { const { link } = globalThis.framekeep; return link.sample()?.bodies
    .filter((body) => body.kind === 1 && body.seat === link.match.seat).length ?? 0; })()`;
  await page.touch('touchStart', [left(60), right(0)]);
  await page.touch('touchMove', [left(60), right(60)]);
  await page.until('the right thumb shoots', `${shots} > 0`);
  await picture(page, 'touch');
  await page.touch('touchEnd', []);
  await page.until('no finger is there any more', 'globalThis.framekeep.controls.shownSticks.length === 0');
  await page.until('and the shots fly away', `${shots} === 0`);
  assert.deepEqual(page.complaints, []);
});

test('a page says that its server was shut down, and finds it again', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page();
  await page.open(`${node.url}/play`);
  await page.value(`document.getElementById('floor').value = 'pit'; document.getElementById('players').value = '2'`);
  await page.click('[data-play=arena]');
  await page.until('the match runs', 'globalThis.framekeep?.link.state !== null');
  await node.stop();
  await page.until('the page knows', `document.getElementById('link').dataset.status === 'offline'`);
  assert.match(await page.text('#notice'), /^The server was shut down\. This page goes on trying/);
  await picture(page, 'shut-down');
  await node.start();
  await page.until('the lobby says what became of the room', `document.getElementById('trouble').innerText.includes('shut down, and the room with it')`);
  assert.deepEqual(page.complaints, []);
});

test('where messages are packed a browser plays as before, with fewer bytes', LONG, async (context) => {
  const { node, browser } = await scene(context, ['websocket.compression=deflate']);
  const page = await browser.page();
  await page.send('Network.enable');
  await page.open(`${node.url}/play`);
  await page.value(`document.getElementById('floor').value = 'pit'; document.getElementById('players').value = '3'`);
  await page.click('[data-play=arena]');
  await page.until('the match runs', 'globalThis.framekeep?.link.state !== null');
  await walk(page, 'the player walks');
  const heard = page.heard.filter(({ method }) => method === 'Network.webSocketFrameReceived').map(({ params }) => params.response);
  assert.ok(heard.length > 20 && heard.every(({ payloadData }) => payloadData.startsWith('{"messages"')), 'all of it is unpacked');
  const answer = page.heard.find(({ method }) => method === 'Network.webSocketHandshakeResponseReceived').params.response;
  const agreed = Object.entries(answer.headers).find(([name]) => name.toLowerCase() === 'sec-websocket-extensions')?.[1];
  assert.match(agreed ?? '', /^permessage-deflate; client_no_context_takeover; server_max_window_bits=12$/);
  const metrics = await (await fetch(`${node.url}/metrics`)).text();
  const [plain, packed] = ['plain', 'packed'].map((state) => Number(new RegExp(`deflated_bytes_total{state="${state}"} (\\d+)`).exec(metrics)[1]));
  assert.ok(packed > 0 && packed < plain / 2, `${packed} of ${plain} bytes`);
  assert.deepEqual(page.complaints, []);
});

test('somebody plays at once against bots, a friend takes the seat of one, and a rematch begins', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page();
  await page.open(`${node.url}/play`);
  await page.value(`document.getElementById('floor').value = 'pit'; document.getElementById('players').value = '3'`);
  await page.click('[data-play=arena]');
  await page.until('three play', `globalThis.framekeep?.link.state && document.querySelectorAll('#scores li').length === 3`);
  assert.equal(await page.value(`globalThis.framekeep.members.filter(({ name }) => / \\[bot\\]/.test(name)).length`), 2);
  const friend = await browser.page({ width: 390, height: 844, touch: true, dark: false });
  await friend.open(await page.value('location.href'));
  await friend.until('the room is known', `document.getElementById('invited-what').innerText.includes('3 of 3')`);
  await friend.click('#invited-join');
  await friend.until('the friend has a seat', 'globalThis.framekeep?.link.room?.seat < 3', 60_000);
  assert.equal(await page.value(`globalThis.framekeep.members.filter(({ name }) => / \\[bot\\]/.test(name)).length`), 1);
  await page.value(`globalThis.framekeep.link.request({ abort: {} })`);
  await page.until('the results are there', `!document.getElementById('results').hidden`);
  await picture(page, 'results');
  await page.click('#again');
  await page.until('another match runs', 'globalThis.framekeep.link.match.epoch === 2 && !globalThis.framekeep.link.match.ended');
  assert.deepEqual([page.complaints, friend.complaints], [[], []]);
});

test('a room that is gone is opened again as what it was, and a busy server makes none', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page();
  await page.open(`${node.url}/play?room=karaoke&game=rhythm`);
  await page.until('the page knows', `document.getElementById('invited-what').innerText.includes('not open any more')`);
  await page.click('#invited-join');
  await page.until('it is a song again', `globalThis.framekeep?.link.room?.game === 'rhythm'`);
  await page.until('the link says so', `location.search === '?room=karaoke&game=rhythm'`);
  const friend = await browser.page();
  await friend.open(`${node.url}/play`);
  await friend.value(`(() => { globalThis.fetch = async () => new Response('{}', { status: 429 }); return true; })()`);
  const found = await friend.value(`import('/play/invited.js').then(({ lookUp }) => lookUp('karaoke')).then(({ is }) => is)`);
  assert.equal(found, 'unknown');
});

test('a song is played with keys, and the server counts what the page does', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page();
  await page.open(`${node.url}/play`);
  await page.click('[data-play=rhythm]');
  await page.until('notes come down', 'globalThis.framekeep?.scene?.chart.notes.size > 0');
  assert.ok(await page.value(isPainted('#stage')));
  // A player who is never wrong: each note is struck in the frame in which it meets the line.
  await page.value(`(() => { const codes = ['KeyD', 'KeyF', 'KeyJ', 'KeyK']; const { scene } = globalThis.framekeep;
    const send = (type, lane) => dispatchEvent(new KeyboardEvent(type, { code: codes[lane] }));
    const down = new Map();
    const frame = () => { const now = (scene.now(performance.now()) ?? 0) * 8;
      for (const [note, lane] of down) if (now > note.end + 4) { send('keyup', lane); down.delete(note); }
      for (const note of scene.chart.notes.values()) if (note.fate === 'coming' && note.at <= now && ![...down.values()].includes(note.lane)) { send('keydown', note.lane); down.set(note, note.lane); }
      requestAnimationFrame(frame); };
    requestAnimationFrame(frame); })()`);
  await page.until('a run of eight', 'globalThis.framekeep.scene.chart.best >= 8', 60_000);
  await picture(page, 'song');
  await page.until('the server has heard it', `globalThis.framekeep.link.scores[0]?.combo >= 5`, 60_000);
  assert.deepEqual(page.complaints, []);
});

test('a replay is seen from any tick, with its hashes', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page();
  await page.open(`${node.url}/#/replays`);
  const bytes = readFileSync(join(ROOT, 'assets/replays/courtyard_duel.fkr')).toString('base64');
  await page.until('the page is there', `document.querySelector('#file') !== null`);
  await page.value(`(() => { const input = document.querySelector('#file'); const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob('${bytes}'), (c) => c.charCodeAt(0));
    transfer.items.add(new File([bytes], 'duel.fkr')); input.files = transfer.files; input.dispatchEvent(new Event('change')); })()`);
  await page.until('it says on what', `[...document.querySelectorAll('.about .tag')].some((tag) => tag.innerText === 'courtyard')`);
  await page.until('it was played again', `document.querySelector('.proof')?.innerText.includes('the recorded one')`, 60_000);
  await page.value(`(() => { const bar = document.querySelector('.seek'); bar.value = 300; bar.dispatchEvent(new Event('input')); })()`);
  await page.until('tick 300 is shown', `document.querySelector('.place').innerText.endsWith('tick 300')`);
  await page.until('with its hash', `/^[0-9a-f]{16}$/.test(document.querySelector('main code').innerText)`);
  assert.ok(await page.value(isPainted('canvas.scene')));
  await picture(page, 'replay');
  assert.deepEqual(page.complaints, []);
});

test('operators sign in with a token that stays in the tab', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page({ width: 390, height: 844, touch: true });
  await page.open(`${node.url}/#/operators`);
  const sign = async (token) => {
    await page.value(`document.getElementById('token').value = '${token}'; document.getElementById('port').value = 'http://${node.addresses.admin}'`);
    await page.click('.sign button.main');
  };
  await page.until('the form is there', `document.getElementById('token') !== null`);
  const drain = `[...document.querySelectorAll('main button')].find((one) => one.innerText === 'Drain this node')`;
  assert.deepEqual(await page.value(`[${drain}.disabled, ${drain}.title !== '']`), [true, true]);
  await sign('a-wrong-token-0123456789');
  await page.until('it is refused', `document.querySelector('main').innerText.includes('Not signed in')`);
  await sign(node.adminToken);
  await page.until('it is taken', `document.querySelector('main').innerText.includes('Signed in for this tab')`);
  await page.until('the node can be drained', `!${drain}.disabled`);
  assert.equal(await page.value(`JSON.stringify(localStorage).includes('${node.adminToken}')`), false);
  assert.deepEqual(page.complaints, []);
});

/** A match of four with names as long as they may be, sealed, and another one that waits in the same room. */
async function longNames(context, node) {
  const room = 'W'.repeat(32);
  const links = [];
  for (let seat = 0; seat < 4; seat += 1) {
    const link = new Framekeep({ url: node.url, name: String(seat).repeat(20) + 'm'.repeat(12) });
    context.after(() => link.close());
    await link.connect();
    const started = seat === 3 ? link.once('started') : null;
    await link.join(room, seat ? {} : { create: { game: 'arena', seats: 4, spectators_max: 4 } });
    await started;
    links.push(link);
  }
  // A match that is given up within three seconds is not kept.
  await links[0].once('state', ({ tick }) => tick > 100, 30_000);
  links[0].abort();
  return until('the match is sealed', async () => (await (await fetch(`${node.url}/api/v1/results`)).json()).results[0]?.replay)
    .then((replay) => ({ room, replay, links }));
}

test('no page is wider than a telephone, and the keyboard reaches what can be done', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const { room, replay, links } = await longNames(context, node);
  const paths = ['/play', `/play?room=${room}`, `/play?room=${'M'.repeat(32)}`, '/', '/#/node', '/#/cluster', `/#/room/${room}`, '/#/replays',
    `/#/replay/${encodeURIComponent(replay)}`, '/#/operators'];
  for (const path of paths) {
    const page = await browser.page({ width: 360, height: 740, touch: true });
    await page.open(`${node.url}${path}`);
    await page.until('something is there', `document.querySelector('main:not([hidden])')?.innerText.trim().length > 5`);
    const filled = { '/': 'table.rooms tbody a', '/#/replays': 'table.rooms tbody a' }[path] ?? (/room\/|replay\//.test(path) ? '.seats tbody tr' : 'main');
    await page.until('it is filled', `document.querySelector('${filled}') !== null`);
    assert.ok(await page.value('document.documentElement.scrollWidth <= 360'), `${path} is too wide`);
    await picture(page, `narrow-${paths.indexOf(path)}`);
    const cut = `[...document.querySelectorAll('nav a, table.rooms')].filter((one) => one.offsetParent)
      .filter((one) => { const { left, right } = one.getBoundingClientRect(); return left < 0 || right > 360; }).map((one) => one.innerText)`;
    assert.deepEqual(await page.value(cut), [], `${path}: nothing of it is out of sight`);
    const unnamed = `[...document.querySelectorAll('button, input, select, a')].filter((one) => one.offsetParent !== null)
      .filter((one) => !(one.innerText?.trim() || one.getAttribute('aria-label') || one.labels?.length)).map((one) => one.outerHTML)`;
    assert.deepEqual(await page.value(unnamed), [], `${path}: everything has a name`);
    assert.deepEqual(page.complaints, [], path);
  }
  const guest = await browser.page({ width: 360, height: 740, touch: true });
  await guest.open(`${node.url}/play?room=${room}`);
  links[3].leave();
  await until('a seat is free', async () => links[0].room.members.length === 3);
  await guest.until('the room is known', `document.getElementById('invited-what').innerText.includes('of 4 here')`);
  const moves = `['One moment.', 'Arena, 3 of 4 here. The match is running: you come in at once.'].map((text) => {
    document.getElementById('invited-what').textContent = text; const { x, y } = document.getElementById('invited-join').getBoundingClientRect();
    return x + ' ' + y; })`;
  const [first, last] = await guest.value(moves);
  assert.equal(first, last, 'the button does not move away from whoever is about to press it');
  await guest.click('#invited-join');
  await guest.until('the guest is at the table', `document.querySelectorAll('#scores li').length === 4`);
  await picture(guest, 'narrow-table');
  const wide = `[...document.querySelectorAll('.card, .members li, #scores li')].filter((one) => one.offsetParent)
    .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > 360).map((one) => one.outerHTML)`;
  assert.deepEqual(await guest.value(wide), [], 'names fit what they stand on');
  const page = await browser.page({ width: 1_280, height: 800, dark: false });
  await page.open(`${node.url}/#/replays`);
  await page.until('the list is there', `document.querySelector('a[download]') !== null`);
  await picture(page, 'replays');
  assert.ok(await page.value(`document.querySelector('a[download]').getBoundingClientRect().right < 1280`), 'a replay can be downloaded');
});

test('the dashboard shows a page for every path, and a player is kicked at the second question', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const opener = new Framekeep({ url: node.url, name: 'opener' });
  context.after(() => opener.close());
  await opener.connect();
  await opener.join('friday', { create: { game: 'arena', seats: 2, spectators_max: 4 } });
  const page = await browser.page({ width: 1_400, height: 1_000 });
  await page.open(`${node.url}/#/room/%E0%A4%A`);
  await page.until('a path that is no encoding is shown as it is', `document.querySelector('#view h1')?.innerText === '%E0%A4%A'`);
  await page.value(`sessionStorage.setItem('framekeep.operator', '${node.adminToken}');
    sessionStorage.setItem('framekeep.operators-port', 'http://${node.addresses.admin}'); location.hash = '#/room/friday'; 1`);
  const kick = `document.querySelector('.seats button')`;
  const again = async (what) => {
    await page.value(`document.querySelector('.seats tbody tr').dataset.old = 'yes'; 1`);
    await page.until(what, `document.querySelector('.seats tbody tr') && !document.querySelector('.seats tbody tr').dataset.old`);
  };
  await page.until('there is somebody to kick', `${kick}?.innerText === 'Kick'`);
  await page.value(`${kick}.focus(); 1`);
  await again('the seats are shown anew');
  assert.equal(await page.value(`document.activeElement === ${kick}`), true, 'the button keeps its place');
  await page.value(`${kick}.click(); 1`);
  await again('the seats are shown anew after the question');
  assert.equal(await page.value(`${kick}.innerText`), 'Sure?');
  await page.value(`${kick}.click(); 1`);
  await page.until('the player is sent away', `document.querySelector('#view').innerText.includes('opener is sent away')`);
});

test('an operator watches a room that lets nobody watch', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const [ada, bob] = ['ada', 'bob'].map((name) => new Framekeep({ url: node.url, name }));
  context.after(() => [ada, bob].forEach((link) => link.close()));
  await Promise.all([ada.connect(), bob.connect()]);
  await ada.join('den', { create: { game: 'arena', seats: 2, code: 'sesame' } });
  await bob.join('den', { code: 'sesame' });
  await until('they play', async () => ada.state !== null);
  const page = await browser.page({ width: 1_400, height: 1_000 });
  await page.open(`${node.url}/#/room/den`);
  const note = `document.querySelector('.timeline + .hint')?.innerText`;
  await page.until('a stranger does not', `${note}?.includes('Operators may: sign in as one.')`);
  await page.value(`sessionStorage.setItem('framekeep.operator', '${node.adminToken}');
    sessionStorage.setItem('framekeep.operators-port', 'http://${node.addresses.admin}'); 1`);
  await page.open(`${node.url}/?signed-in#/room/den`);
  await page.until('it is drawn', isPainted('canvas.scene'));
  await page.until('and says as whom', `${note}.startsWith('Live, watched as an operator; those in the room see that.')`);
  await page.until('its past is there', `Number(document.querySelector('.seek').min) <= 1 && document.querySelector('.marks .mark.match') !== null`);
  await until('those in the room see it', async () => ada.room.watchers.some(({ name }) => name === 'Operator'));
  await page.until('who is in it is told, with the way of each, and what holds it', `[...document.querySelectorAll('.seats [data-seat]')]
    .filter((row) => /\\d+ ms/.test(row.innerText)).length === 2 && !/private|Nothing/.test(document.querySelector('.holds').innerText)`);
  const lines = `[...document.querySelectorAll('.events time')].map((time) => { const range = document.createRange();
    range.selectNodeContents(time); return range.getClientRects().length; })`;
  assert.match(String(await page.value(lines)), /^1(,1)*$/, 'each time is in one line');
  await picture(page, 'operator');
  assert.deepEqual(page.complaints, []);
});

test('who watches goes on seeing the past of a room that is locked', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const [ada, bob] = ['ada', 'bob'].map((name) => new Framekeep({ url: node.url, name }));
  context.after(() => [ada, bob].forEach((link) => link.close()));
  await Promise.all([ada.connect(), bob.connect()]);
  await ada.join('den', { create: { game: 'arena', seats: 2, spectators_max: 4 } });
  await bob.join('den');
  await until('they play', async () => ada.state !== null);
  const page = await browser.page({ width: 1_400, height: 1_000 });
  await page.open(`${node.url}/#/room/den`);
  await page.until('it is drawn', isPainted('canvas.scene'));
  ada.lock();
  await until('it is locked', async () => (await (await fetch(`${node.url}/api/v1/rooms/den`)).json()).locked);
  assert.equal((await fetch(`${node.url}/api/v1/rooms/den/views`)).status, 422, 'a stranger is told nothing');
  await page.value(`globalThis.asked = []; globalThis.before = fetch; globalThis.fetch = async (...how) => {
    const reply = await before(...how); if (/den\\/views/.test(how[0])) asked.push(reply.status); return reply; }; 1`);
  await page.until('the page asks for what happened since', 'asked.length > 0');
  assert.deepEqual(await page.value('asked'), [200]);
  assert.deepEqual(page.complaints, []);
});

test('the page of a room at another node has its past, and nothing is drawn of a room that may not be watched', { ...LONG, skip: WITHOUT || WITHOUT_REDIS }, async (context) => {
  const nodes = new Nodes();
  context.after(() => nodes.remove());
  await nodes.start(2, { redis: true });
  const [home, other] = nodes.all;
  const browser = await Chromium.start();
  context.after(() => browser.close());
  const [ada, bob, eve] = ['ada', 'bob', 'eve'].map((name) => new Framekeep({ url: home.url, name }));
  context.after(() => [ada, bob, eve].forEach((link) => link.close()));
  for (const link of [ada, bob, eve]) await link.connect();
  await ada.join('friday', { create: { game: 'arena', seats: 2, spectators_max: 4 } });
  await bob.join('friday');
  await eve.join('den', { create: { game: 'arena', seats: 2, code: 'sesame' } });
  await until('they play', async () => ada.state?.tick > 40);
  const page = await browser.page({ width: 1_400, height: 1_000 });
  for (const room of ['friday', 'den']) await until('the directory has it', async () => (await fetch(`${other.url}/api/v1/rooms/${room}`)).ok);
  await page.open(`${other.url}/#/room/friday`);
  await page.until('it is drawn', isPainted('canvas.scene'));
  await page.until('its bar goes back to the beginning', `Number(document.querySelector('.seek').min) <= 1`);
  await page.until('what happened is marked and listed', `document.querySelector('.marks .mark.match') !== null
    && document.querySelector('.events').innerText.includes('the match started')`);
  await picture(page, 'elsewhere');
  const phone = await browser.page({ width: 360, height: 740, touch: true });
  await phone.open(`${other.url}/#/room/den`);
  await phone.until('a stranger sees why', `document.querySelector('.timeline + .hint')?.innerText.includes('cannot be watched without its code')`);
  assert.equal(await phone.value(`document.querySelector('.timeline').offsetParent`), null, 'there is no bar to go back with');
  await phone.until('and that those in it are not told', `document.querySelector('.seats tbody').innerText.includes('Who is in a private room')`);
  await picture(phone, 'private');
  assert.deepEqual([page.complaints, phone.complaints], [[], []]);
});

test('alerts say how much it was and how much it may be, and a waiting table shows nothing behind its card', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page({ width: 390, height: 844, touch: true, dark: false });
  await page.open(`${node.url}/#/node`);
  const alerts = [{ name: 'tick_spike', severity: 'critical', text: 'a turn took very long', value: 0.0542, threshold: 0.05 },
    { name: 'lossy_network', severity: 'warning', text: 'packets of clients are lost', value: 0.071, threshold: 0.05 },
    { name: 'panics', severity: 'critical', text: 'a game failed a match', value: 2, threshold: 0 }];
  await page.value(`{ const { fetch } = globalThis; globalThis.fetch = async (path, how) =>
    (String(path) === '/api/v1/alerts' ? Response.json(${JSON.stringify(alerts)}) : fetch(path, how)); } 1`);
  await page.until('they are shown', `document.querySelectorAll('#alerts li').length === 3`);
  assert.deepEqual((await page.text('#alerts')).split('\n'), ['tick_spike a turn took very long: 54.2 ms, 50 ms at most',
    'lossy_network packets of clients are lost: 7.10 %, 5 % at most', 'panics a game failed a match: 2, 0 at most']);
  await page.until('charts have a top', `document.querySelectorAll('.chart canvas').length > 0`);
  await picture(page, 'alerts');
  await page.open(`${node.url}/play`);
  await page.click('[data-invite=arena]');
  await page.until('the table waits', `!document.getElementById('waiting').hidden`);
  const shown = `['hint', 'dash'].map((id) => getComputedStyle(document.getElementById(id)).visibility)`;
  assert.deepEqual(await page.value(shown), ['hidden', 'hidden']);
  await picture(page, 'waiting');
  await page.click('#begin');
  await page.until('the match runs', 'globalThis.framekeep?.link.state !== null');
  assert.deepEqual(await page.value(shown), ['visible', 'visible']);
  assert.deepEqual(page.complaints, []);
});

test('a gateway\'s rooms page names the nodes that it did not hear', LONG, async (context) => {
  const { node, browser } = await scene(context);
  const page = await browser.page({ width: 1_000, height: 700 });
  await page.open(`${node.url}/`);
  await page.until('rooms are shown', `document.querySelector('main')?.innerText.includes('room')`);
  const words = `document.querySelector('main').innerText`;
  assert.equal(await page.value(`${words}.includes('without those of')`), false);
  // What a gateway answers when nodes stand still.
  await page.value(`{ const { fetch } = globalThis; globalThis.fetch = async (path, how) => {
    const reply = await fetch(path, how);
    if (!String(path).startsWith('/api/v1/rooms')) return reply;
    return Response.json({ ...await reply.json(), failed_nodes: ['eu2', '<b>eu3</b>'] });
  }; } 1`);
  await page.until('they are named', `${words}.includes('without those of eu2, <b>eu3</b>')`);
  assert.deepEqual(page.complaints, []);
});
