// `Nodes`, several built servers that know each other, without a Redis or with one.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Node, until } from './node.mjs';

/** A port that is free now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Why tests with a Redis are skipped; false if there is one. */
export const WITHOUT_REDIS = spawnSync('redis-server', ['--version']).status === 0
  ? false : 'SKIPPED: there is no redis-server here';

export class Nodes {
  /**
   * Starts so many, each with a web address of its own that the others know; over a Redis if it is wanted, and with
   * `heirs` on one disk, where others take the rooms of a node that is gone; with `roles` if they do not all have rooms.
   */
  async start(count, { redis = false, heirs = false, roles = [] } = {}) {
    if (heirs) this.disk = mkdtempSync(join(tmpdir(), 'framekeep-web-disk-'));
    const names = [...Array(count).keys()].map((nth) => `eu${nth + 1}`);
    const ports = [];
    for (let nth = 0; nth < 2 * count + 1; nth += 1) ports.push(await freePort());
    const [peers, webs] = [ports.slice(0, count), ports.slice(count, 2 * count)];
    if (redis) await this.#startRedis(ports.at(-1));
    this.all = [];
    for (const [nth, name] of names.entries()) {
      const node = new Node();
      this.all.push(node);
      if (heirs) node.data = join(this.disk, name);
      node.addresses.http = `127.0.0.1:${webs[nth]}`;
      node.env = { FRAMEKEEP_KEY: 'c0ffee00'.repeat(8), FRAMEKEEP_CLUSTER_SECRET: 'a secret of several nodes' };
      const others = names.flatMap((other, at) => (at === nth ? [] : [`${other}=127.0.0.1:${peers[at]}`]));
      const known = redis ? `cluster.redis_url=redis://127.0.0.1:${ports.at(-1)}` : `cluster.peers=${others.join(',')}`;
      const role = roles[nth] ?? 'all';
      await node.start([`net.name=${name}`, known, `cluster.public_url=http://127.0.0.1:${webs[nth]}`, `cluster.role=${role}`,
        ...(role === 'gateway' ? [] : [`cluster.peer=127.0.0.1:${peers[nth]}`]),
        ...(heirs ? [`cluster.heirs=${this.disk}`] : [])]);
    }
    const fronts = this.all.filter((_, nth) => roles[nth] !== 'game');
    if (redis) await until('all are one cluster', async () => (await Promise.all(fronts.map((node) => this.seen(node))))
      .every((seen) => seen === count));
    return this;
  }

  async #startRedis(port) {
    const how = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.redis = spawn('redis-server', how, { stdio: 'ignore' });
  }

  /** How many nodes a node sees. */
  async seen(node) {
    const reply = await fetch(`${node.url}/api/v1/cluster`);
    return (await reply.json()).together?.nodes.length ?? 0;
  }

  /** Lets a room go from a node to another, and waits until it has. */
  async move(room, from, to) {
    const url = `http://${this.all[from].addresses.admin}/admin/v1/rooms/${room}/move`;
    const headers = { authorization: `Bearer ${this.all[from].adminToken}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ node: `eu${to + 1}` });
    const reply = await fetch(url, { method: 'POST', headers, body });
    if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
    await until('it has moved', async () => {
      const state = await (await fetch(url, { headers })).json();
      if (state.state === 'stayed') throw new Error(state.why);
      return state.state === 'moved';
    });
  }

  async remove() {
    for (const node of this.all ?? []) await node.remove();
    this.redis?.kill('SIGKILL');
    if (this.disk) rmSync(this.disk, { recursive: true, force: true });
  }
}
