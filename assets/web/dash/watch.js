// Asks the node again and again how it is, and tells whoever wants to know.

import { ViewDecoder } from '../sdk/views.js';
import { Change, Series, parse } from './metrics.js';

const EVERY_MS = 1_000;
const METRICS_EVERY = 2;

/** Ticks of the past that are asked for at once. */
const PIECE = 900;

/** What the charts of the node show: a title, a unit, and lines with what they are read from. */
export const CHARTS = [
  { id: 'tick', title: 'Work of a turn', unit: 's', lines: [
    ['p50', (c) => c.quantile('framekeep_tick_seconds', 0.5)], ['p99', (c) => c.quantile('framekeep_tick_seconds', 0.99)]] },
  { id: 'late', title: 'Lateness of frames', unit: 's', lines: [
    ['p50', (c) => c.quantile('framekeep_frame_lateness_seconds', 0.5)],
    ['p99', (c) => c.quantile('framekeep_frame_lateness_seconds', 0.99)]] },
  { id: 'players', title: 'Players, watchers, rooms that play', unit: '', lines: [
    ['players', (c) => c.value('framekeep_players')], ['watchers', (c) => c.value('framekeep_watchers')],
    ['playing', (c) => c.value('framekeep_rooms', { phase: 'playing' })]] },
  { id: 'links', title: 'Links', unit: '', lines: [
    ['UDP', (c) => c.value('framekeep_links', { transport: 'udp' })],
    ['WebSocket', (c) => c.value('framekeep_links', { transport: 'websocket' })]] },
  { id: 'packets', title: 'Packets a second', unit: '', lines: [
    ['UDP in', (c) => c.rate('framekeep_datagrams_total', { direction: 'in' })],
    ['UDP out', (c) => c.rate('framekeep_datagrams_total', { direction: 'out' })],
    ['views', (c) => c.rate('framekeep_state_views_total')]] },
  { id: 'bytes', title: 'Bytes a second', unit: 'B', lines: [
    ['UDP in', (c) => c.rate('framekeep_udp_bytes_total', { direction: 'in' })],
    ['UDP out', (c) => c.rate('framekeep_udp_bytes_total', { direction: 'out' })],
    ['web in', (c) => c.rate('framekeep_websocket_bytes_total', { direction: 'in' })],
    ['web out', (c) => c.rate('framekeep_websocket_bytes_total', { direction: 'out' })]] },
  { id: 'webout', title: 'Bytes a second to browsers, by kind', unit: 'B', lines: ['view', 'event', 'room', 'control']
    .map((kind) => [kind, (c) => c.rate('framekeep_websocket_bytes_total', { kind, direction: 'out' })]) },
  { id: 'webin', title: 'Bytes a second from browsers, by kind', unit: 'B', lines: ['input', 'request', 'control']
    .map((kind) => [kind, (c) => c.rate('framekeep_websocket_bytes_total', { kind, direction: 'in' })]) },
  { id: 'kinds', title: 'Bytes a second over UDP, of play and of talk', unit: 'B', lines: [['play', 'in'], ['play', 'out'], ['control', 'in'], ['control', 'out']]
    .map(([kind, direction]) => [`${kind} ${direction}`, (c) => c.rate('framekeep_payload_bytes_total', { kind, direction })]) },
  { id: 'rtt', title: 'Round trip', unit: 's', lines: [
    ['UDP p50', (c) => c.quantile('framekeep_udp_rtt_seconds', 0.5)],
    ['UDP p99', (c) => c.quantile('framekeep_udp_rtt_seconds', 0.99)],
    ['web p50', (c) => c.quantile('framekeep_websocket_rtt_seconds', 0.5)],
    ['web p99', (c) => c.quantile('framekeep_websocket_rtt_seconds', 0.99)]] },
  { id: 'loss', title: 'Packets lost or late, and sent again, a second', unit: '', lines: [
    ['lost in', (c) => c.rate('framekeep_play_packets_lost_total', { direction: 'in' })],
    ['lost out', (c) => c.rate('framekeep_play_packets_lost_total', { direction: 'out' })],
    ['copies', (c) => c.rate('framekeep_play_packets_copied_total')]] },
  { id: 'journal', title: 'Journal: durable after', unit: 's', lines: [
    ['p50', (c) => c.quantile('framekeep_journal_durable_seconds', 0.5)],
    ['p99', (c) => c.quantile('framekeep_journal_durable_seconds', 0.99)]] },
  { id: 'inputs', title: 'Inputs that did not arrive in time', unit: '', lines: ['repeated', 'absent', 'late', 'early'].map((fate) =>
    [fate, (c) => c.rate('framekeep_inputs_total', { fate })]) },
  { id: 'rollbacks', title: 'Frames a second, and at most how many roll a client back', unit: '', lines: [
    ['frames', (c) => c.rate('framekeep_frames_total')], ['may roll back', (c) => c.rate('framekeep_frames_changed_total')]] },
  { id: 'desyncs', title: 'Desyncs, and hashes that differed', unit: '', lines: [
    ['desyncs', (c) => c.rate('framekeep_desyncs_total')],
    ['differed', (c) => c.rate('framekeep_state_hashes_total', { result: 'differed' })]] },
  { id: 'cleanup', title: 'Cleanups a second, by tier', unit: '', lines: ['user', 'session', 'room'].map((tier) =>
    [tier, (c) => c.rate('framekeep_cleanups_total', { tier })]) },
];

export class Watch extends EventTarget {
  constructor() {
    super();
    this.rooms = [];
    this.node = null;
    this.alerts = [];
    this.change = null;
    this.series = new Map(CHARTS.map(({ id, lines }) => [id, new Series(lines.map(([name]) => name))]));
    this.turns = 0;
    this.up = null;
  }

  start() {
    const turn = async () => {
      const begun = performance.now();
      if (!document.hidden) await this.#look();
      setTimeout(turn, Math.max(250, EVERY_MS - (performance.now() - begun)));
    };
    turn();
  }

  async #look() {
    try {
      if (this.turns % METRICS_EVERY === 0) await this.#lookAtNode();
      this.rooms = await allRooms();
      this.up = true;
    } catch {
      this.up = false;
      this.metrics = null;
    }
    this.turns += 1;
    this.dispatchEvent(new Event('change'));
  }

  async #lookAtNode() {
    const [node, alerts, text] = await Promise.all([get('/api/v1/node'), get('/api/v1/alerts'), fetchText('/metrics')]);
    Object.assign(this, { node, alerts });
    const at = performance.now();
    const metrics = parse(text);
    this.change = new Change(this.metrics ?? null, metrics, (at - this.lookedAt) / 1_000);
    [this.metrics, this.lookedAt] = [metrics, at];
    for (const { id, lines } of CHARTS) {
      this.series.get(id).push(Date.now() / 1_000, lines.map(([, read]) => read(this.change)));
    }
    this.dispatchEvent(new Event('metrics'));
  }
}

/** The rooms of the node, page by page; no more than a table can show. `failed` are nodes whose rooms are missing. */
async function allRooms(most = 2_000) {
  const rooms = [];
  let after = '';
  do {
    const page = await get(`/api/v1/rooms?limit=500${after ? `&after=${encodeURIComponent(after)}` : ''}`);
    rooms.push(...page.rooms);
    rooms.total = page.total;
    rooms.failed = [...new Set([...rooms.failed ?? [], ...page.failed_nodes ?? []])];
    after = page.next ?? '';
  } while (after && rooms.length < most);
  return rooms;
}

/** A document of the API, asked for with the `token` of a session where there is one; an error says what the server said. */
export async function get(path, token = null) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const reply = await fetch(path, { headers, signal: AbortSignal.timeout(8_000) });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw Object.assign(new Error(answer.detail ?? `status ${reply.status}`), { status: reply.status });
  return answer;
}

/** States of a match that was played again, piece by piece; gives each piece to `take` until that says no. */
export async function pastOf(ask, take) {
  const decoder = new ViewDecoder();
  let from = null;
  do {
    const piece = await ask(`ticks=${PIECE}${from === null ? '' : `&from=${from}`}`);
    const states = piece.views.map((view) => decoder.apply(view)).filter(Boolean);
    if (take(piece, states) === false) return;
    // What cannot go on is over.
    from = piece.next === from ? null : piece.next;
  } while (from !== null);
}

async function fetchText(path) {
  const reply = await fetch(path, { signal: AbortSignal.timeout(8_000) });
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  return reply.text();
}
