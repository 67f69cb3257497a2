// `Node`, the built server as a process of its own: started on free ports, killed without a word, started again.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The binary of a tool: where FRAMEKEEP_BIN_DIR says, or the newest of where cargo puts it. */
export function binary(name) {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
  const folders = process.env.FRAMEKEEP_BIN_DIR
    ? [process.env.FRAMEKEEP_BIN_DIR]
    : [join(target, 'debug'), join(target, 'release')];
  const found = folders.map((folder) => join(folder, name)).filter((path) => existsSync(path));
  if (!found.length) throw new Error(`build ${name} first: it is in none of ${folders.join(', ')}`);
  return found.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

export class Node {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'framekeep-web-'));
    this.data = join(this.folder, 'data');
    this.addresses = { udp: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' };
    this.adminToken = 'admin-token-of-a-test-0123456789';
    /** Further variables. */
    this.env = {};
  }

  /** Starts it, with further settings; the second time where it was before. */
  async start(settings = this.settings ?? []) {
    this.settings = settings;
    const { udp, http, admin } = this.addresses;
    const args = ['serve', '--udp', udp, '--http', http, '--admin', admin, '--data', this.data, '--log', 'warn'];
    for (const setting of settings) args.push('--set', setting);
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FRAMEKEEP')));
    Object.assign(env, this.env, { FRAMEKEEP_ADMIN_TOKEN: this.adminToken });
    this.child = spawn(binary('framekeep'), args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const banner = await new Promise((resolve, reject) => {
      let text = '';
      this.child.stdout.on('data', (part) => {
        text += part;
        if (text.includes('try: ')) resolve(text);
      });
      this.child.once('exit', (code) => reject(new Error(`the server did not start: ${code}\n${text}`)));
    });
    for (const name of ['udp', 'http', 'admin']) {
      const line = new RegExp(`^\\s*${name}\\s+(?:http://)?([\\d.]+:\\d+)`, 'm').exec(banner);
      // A gateway has no UDP.
      if (line) [, this.addresses[name]] = line;
    }
    this.url = `http://${this.addresses.http}`;
    await until('the server is ready', async () => (await fetch(`${this.url}/readyz`)).ok);
    return this;
  }

  /** Ends it as a power cut would. */
  async kill() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }

  /** Ends it as an impatient operator would: it says good-bye and gives its matches up. */
  async stop() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await until('it drains', async () => (await (await fetch(`${this.url}/api/v1/node`)).json()).draining);
    this.child.kill('SIGTERM');
    await gone;
  }

  /** Ends it and removes its data. */
  async remove() {
    if (this.child) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Asks again and again until it is so. */
export async function until(what, isSo, withinMs = 30_000) {
  const end = performance.now() + withinMs;
  for (;;) {
    const so = await isSo().catch(() => false);
    if (so) return so;
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
