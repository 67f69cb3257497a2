import assert from 'node:assert/strict';
import test from 'node:test';

import { showCluster } from '../../assets/web/dash/cluster.js';

/** An element that knows what is in it. */
class Element {
  children = [];
  style = { setProperty() {} };

  constructor(tag) {
    this.tag = tag;
  }

  append(...children) {
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = children;
  }

  setAttribute() {}

  get text() {
    return this.children.map((child) => child.text ?? String(child)).join(' ');
  }

  /** Everything of a tag, however deep. */
  all(tag) {
    return this.children.filter((child) => child instanceof Element)
      .flatMap((child) => [...(child.tag === tag ? [child] : []), ...child.all(tag)]);
  }
}

globalThis.document = { createElement: (tag) => new Element(tag) };

const ME = { id: '01', name: 'eu1', udp: '127.0.0.1:4000', region: '', players: 3, rooms: 1, tick_us_p99: 90, memory_mib: 40 };
const SEEN = { node: '01', coordinator: '01', epoch: 7, directory: 1, matches_per_min: 4, redis_away_ms: 0, no_rooms: false, nodes: [ME], queues: [] };
const queue = (mode, players) => ({ game: 'arena', mode, tick_rate_hz: 0, tickets: players, players, formed: 0, wait_ms_p50: 1_500, wait_ms_p99: null });

/** What the page shows of an answer. */
async function shown(answer) {
  const element = new Element('main');
  let end;
  const asked = new Promise((resolve) => {
    globalThis.fetch = async () => ({ ok: true, json: async () => { setImmediate(resolve); return answer; } });
    end = showCluster(element);
  });
  await asked;
  end();
  return { tables: element.all('h2').map(({ text }) => text), hints: element.all('p').map(({ text }) => text),
    rows: element.all('table').map((table) => table.all('tr').slice(1).map(({ text }) => text)), text: element.text };
}

test('a cluster whose nodes are well shows them and the queues of all, and nothing else', async () => {
  const page = await shown({ together: { ...SEEN, queues: [queue('duel', 3)] }, moves: [] });
  assert.deepEqual(page.tables, ['Nodes', 'Queues']);
  assert.deepEqual(page.hints, []);
  assert.match(page.rows[0][0], /^eu1 .* coordinator, this one$/);
  assert.equal(page.rows[1][0], 'arena · duel 3 3 0 1.50 s –');
});

test('a node that matches alone shows its own queues besides those of all, even where nobody waits', async () => {
  const away = { ...SEEN, redis_away_ms: 9_000, alone_ms: 5_000, queues: [queue('duel', 3)] };
  const page = await shown({ together: { ...away, own_queues: [queue('pairs', 1)] }, moves: [] });
  assert.deepEqual(page.tables, ['Nodes', 'Queues', 'Queues of this node, which has matched alone for 5 s']);
  assert.match(page.hints[0], /^Redis has not answered for 9 s/);
  assert.deepEqual(page.rows.slice(1), [['arena · duel 3 3 0 1.50 s –'], ['arena · pairs 1 1 0 1.50 s –']]);
  const empty = await shown({ together: away, moves: [] });
  assert.deepEqual(empty.rows.at(-1), []);
  assert.equal(empty.tables.length, 3);
});

test('it is said when no node can have a room, and when a node is no cluster', async () => {
  const full = await shown({ together: { ...SEEN, no_rooms: true }, moves: [] });
  assert.match(full.hints[0], /^No node can have a room for a match/);
  const single = await shown({ moves: [] });
  assert.deepEqual([single.tables, single.hints.length], [[], 1]);
  assert.match(single.hints[0], /^This node works alone/);
});
