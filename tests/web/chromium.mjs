// `Chromium`, the browser without a window, driven over its own protocol: nothing has to be installed but Chromium.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './node.mjs';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where Chromium is, or undefined. */
export const CHROMIUM = PLACES.find((path) => path && existsSync(path));

/** Said loudly where the tests are skipped. */
export const WITHOUT = CHROMIUM ? false : 'SKIPPED: there is no Chromium here; install it, or set CHROMIUM to its path';

const FLAGS = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-extensions', '--disable-dev-shm-usage', '--hide-scrollbars', '--mute-audio',
  '--autoplay-policy=no-user-gesture-required', '--remote-debugging-port=0'];

export class Chromium {
  static async start() {
    const browser = new Chromium();
    browser.folder = mkdtempSync(join(tmpdir(), 'framekeep-chromium-'));
    // In a container without user namespaces there is no sandbox to be had; the pages are our own.
    const flags = process.getuid?.() === 0 ? ['--no-sandbox', ...FLAGS] : FLAGS;
    browser.child = spawn(CHROMIUM, [...flags, `--user-data-dir=${browser.folder}`, 'about:blank'], { stdio: 'ignore' });
    const file = join(browser.folder, 'DevToolsActivePort');
    const text = await until('Chromium listens', async () => readFileSync(file, 'utf8').includes('\n') && readFileSync(file, 'utf8'));
    const [port, path] = text.split('\n');
    browser.socket = new WebSocket(`ws://127.0.0.1:${port}${path.trim()}`);
    browser.waiting = new Map();
    browser.pages = new Map();
    browser.lastId = 0;
    await new Promise((resolve, reject) => Object.assign(browser.socket, { onopen: resolve, onerror: reject }));
    browser.socket.onmessage = ({ data }) => browser.#hear(JSON.parse(data));
    return browser;
  }

  #hear(message) {
    const { id, error, result, method, params, sessionId } = message;
    if (!id) return this.pages.get(sessionId)?.hear(method, params);
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    return error ? reject(new Error(error.message)) : resolve(result);
  }

  send(method, params = {}, sessionId) {
    this.lastId += 1;
    const id = this.lastId;
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** A new page of a size, dark or light. */
  async page({ width = 1_280, height = 800, dark = true, touch = false, scale = 1 } = {}) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: scale, mobile: touch });
    await page.send('Emulation.setTouchEmulationEnabled', { enabled: touch });
    await page.send('Emulation.setFocusEmulationEnabled', { enabled: true });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await page.send('Emulation.setEmulatedMedia', { features });
    return page;
  }

  async close() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    // Asked nicely it ends its helpers as well, which write into the folder.
    this.socket.send(JSON.stringify({ id: 0, method: 'Browser.close' }));
    await gone;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

class Page {
  constructor(browser, sessionId) {
    Object.assign(this, { browser, sessionId });
    /** What the page complained of: exceptions, errors on the console, refusals of the content policy. */
    this.complaints = [];
    /** What was heard of its network, where somebody has asked for that. */
    this.heard = [];
  }

  hear(method, params) {
    if (method.startsWith('Network.')) this.heard.push({ method, params });
    if (method === 'Runtime.exceptionThrown') {
      const { exception, text } = params.exceptionDetails;
      this.complaints.push(exception?.description ?? text);
    }
    const isError = method === 'Runtime.consoleAPICalled' && params.type === 'error';
    if (isError) this.complaints.push(params.args.map((arg) => arg.value ?? arg.description).join(' '));
    const isLog = method === 'Log.entryAdded' && params.entry.level === 'error';
    // While the server is dead nothing can be loaded from it, and Chromium says so.
    if (isLog && params.entry.source !== 'network') this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  async open(url) {
    await this.send('Page.navigate', { url });
    await this.until('the page is there', 'document.readyState === "complete"');
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', asked);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  until(what, expression, withinMs = 30_000) {
    return until(what, () => this.value(expression), withinMs);
  }

  /** The text of an element. */
  text(selector) {
    return this.value(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  }

  /** Where an element is that stays there from one look to the next: what moves between a look and a press is not pressed. */
  async #middleOf(selector) {
    const find = `(() => { const found = document.querySelector(${JSON.stringify(selector)});
      found?.scrollIntoView({ block: 'center', behavior: 'instant' }); const box = found?.getBoundingClientRect();
      return box && box.width ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : null; })()`;
    let before = null;
    return until(`${selector} can be pressed`, async () => {
      const at = await this.value(find);
      const isStill = at && before?.x === at.x && before.y === at.y;
      before = at;
      return isStill && at;
    });
  }

  async click(selector) {
    const at = await this.#middleOf(selector);
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
    }
  }

  async key(code, isDown, key = code) {
    await this.send('Input.dispatchKeyEvent', { type: isDown ? 'keyDown' : 'keyUp', code, key });
  }

  async press(code, key = code) {
    await this.key(code, true, key);
    await this.key(code, false, key);
  }

  /** Fingers that come down, move or are lifted (`touchStart`, `touchMove`, `touchEnd`): all that are there, `{id, x, y}` each. */
  async touch(type, touchPoints) {
    await this.send('Input.dispatchTouchEvent', { type, touchPoints });
  }

  /** A short touch of an element. */
  async tap(selector) {
    const at = await this.#middleOf(selector);
    await this.touch('touchStart', [{ id: 0, ...at }]);
    await this.touch('touchEnd', []);
  }

  /** A picture of what is seen, as a PNG file. */
  async picture(path) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    writeFileSync(path, Buffer.from(data, 'base64'));
  }
}
