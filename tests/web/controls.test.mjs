import assert from 'node:assert/strict';
import test from 'node:test';

import { Controls } from '../../assets/web/play/controls.js';

/** Keyboard and surface without a page; gives what happens to them. */
function scene(context) {
  const handlers = {};
  const listen = (type, handler) => {
    (handlers[type] ??= []).push(handler);
  };
  globalThis.addEventListener = listen;
  context.after(() => delete globalThis.addEventListener);
  const surface = { addEventListener: listen, clientWidth: 400, setPointerCapture() {} };
  const camera = { toWorld: (x, y) => ({ x: x / 10, y: -y / 10 }) };
  const controls = new Controls(surface, camera);
  const target = { closest: () => null };
  const happen = (type, event) => handlers[type].forEach((handler) => handler({ target, preventDefault() {}, ...event }));
  return { controls, key: (type, code) => happen(type, { code }), point: (type, event) => happen(`pointer${type}`, event) };
}

const player = (seat, x, y) => ({ kind: 0, seat, x, y });
const drawn = { bodies: [player(0, 0, 0), player(1, 0, 5)] };

test('keys walk, and without a mouse the nearest opponent is aimed at', (context) => {
  const { controls, key } = scene(context);
  key('keydown', 'KeyW');
  key('keydown', 'ArrowLeft');
  key('keydown', 'Space');
  assert.deepEqual(controls.read(drawn, 0), { x: -1, y: 1, aim: Math.PI / 2, shoot: true, dash: false });
  key('keyup', 'KeyW');
  key('keyup', 'Space');
  assert.deepEqual(controls.read(drawn, 0), { x: -1, y: 0, aim: Math.PI / 2, shoot: false, dash: false });
});

test('a key that was pressed between two frames counts once', (context) => {
  const { controls, key } = scene(context);
  key('keydown', 'ShiftLeft');
  key('keyup', 'ShiftLeft');
  assert.equal(controls.read(drawn, 0).dash, true);
  assert.equal(controls.read(drawn, 0).dash, false);
});

test('the mouse aims and shoots', (context) => {
  const { controls, point } = scene(context);
  point('down', { pointerType: 'mouse', button: 0, offsetX: 40, offsetY: 40 });
  const { aim, shoot } = controls.read(drawn, 0);
  assert.deepEqual([Math.round((aim * 180) / Math.PI), shoot], [-45, true]);
});

test('the left thumb walks in eight ways, the right one aims and shoots', (context) => {
  const { controls, point } = scene(context);
  point('down', { pointerType: 'touch', pointerId: 1, offsetX: 100, offsetY: 300 });
  point('move', { pointerType: 'touch', pointerId: 1, offsetX: 150, offsetY: 260 });
  point('down', { pointerType: 'touch', pointerId: 2, offsetX: 300, offsetY: 300 });
  point('move', { pointerType: 'touch', pointerId: 2, offsetX: 260, offsetY: 300 });
  const { x, y, aim, shoot } = controls.read(drawn, 0);
  assert.deepEqual([x, y, aim, shoot], [1, 1, Math.PI, true]);
  point('up', { pointerType: 'touch', pointerId: 1 });
  point('up', { pointerType: 'touch', pointerId: 2 });
  const after = controls.read(drawn, 0);
  assert.deepEqual([after.x, after.y, after.shoot], [0, 0, false]);
});

test('who is knocked out does not shoot', (context) => {
  const { controls, key } = scene(context);
  key('keydown', 'Space');
  assert.equal(controls.read({ bodies: [player(1, 0, 5)] }, 0).shoot, false);
});
