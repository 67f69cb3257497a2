// What /metrics says, and what follows from how it changes.

/**
 * Reads the text format of Prometheus.
 * @param {string} text
 * @returns {Map<string, {labels: Object<string, string>, value: number}[]>}
 */
export function parse(text) {
  const found = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value;
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return found;
}

/** Two looks at the metrics, some seconds apart. */
export class Change {
  constructor(before, now, elapsedS) {
    Object.assign(this, { before, now, elapsedS });
  }

  static #sum(metrics, name, labels) {
    const fits = (sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
    return (metrics?.get(name) ?? []).filter(fits).reduce((sum, { value }) => sum + value, 0);
  }

  /** The sum now, over all labels that are not named. */
  value(name, labels = {}) {
    return Change.#sum(this.now, name, labels);
  }

  /** How much it rises in a second; null at first, and after a restart of the server. */
  rate(name, labels = {}) {
    if (!this.before || this.elapsedS <= 0) return null;
    const rise = this.value(name, labels) - Change.#sum(this.before, name, labels);
    return rise < 0 ? null : rise / this.elapsedS;
  }

  /** The values of a label. */
  labels(name, label) {
    return [...new Set((this.now.get(name) ?? []).map(({ labels }) => labels[label]))];
  }

  /** A quantile of what a histogram has seen since the look before, in its unit; null if that is nothing. */
  quantile(name, part) {
    if (!this.before) return null;
    const earlier = new Map((this.before.get(`${name}_bucket`) ?? []).map(({ labels, value }) => [labels.le, value]));
    const buckets = (this.now.get(`${name}_bucket`) ?? [])
      .map(({ labels, value }) => ({ most: labels.le === '+Inf' ? Infinity : Number(labels.le), count: value - (earlier.get(labels.le) ?? 0) }))
      .sort((a, b) => a.most - b.most);
    const all = buckets.at(-1)?.count ?? 0;
    if (all <= 0) return null;
    const wanted = all * part;
    const index = buckets.findIndex(({ count }) => count >= wanted);
    const { most, count } = buckets[index];
    const below = buckets[index - 1] ?? { most: 0, count: 0 };
    if (most === Infinity) return below.most;
    return below.most + ((most - below.most) * (wanted - below.count)) / (count - below.count);
  }
}

/** A series of the last values, oldest first. */
export class Series {
  constructor(keys, most = 300) {
    this.most = most;
    this.keys = keys;
    this.times = [];
    this.values = keys.map(() => []);
  }

  push(timeS, values) {
    this.times.push(timeS);
    values.forEach((value, index) => this.values[index].push(value));
    if (this.times.length <= this.most) return;
    this.times.shift();
    this.values.forEach((list) => list.shift());
  }

  get data() {
    return [this.times, ...this.values];
  }

  last(index) {
    return this.values[index].at(-1) ?? null;
  }
}

/**
 * What a room's links carry a second, by kind, the most first: from two looks at how much it was so far. Null where
 * somebody has left meanwhile, with what was counted.
 */
export function rates(before, traffic, nowMs) {
  const kinds = new Map();
  for (const { kind, direction, bytes: count } of traffic ?? []) {
    const row = kinds.get(kind) ?? { kind, in: null, out: null, all: 0 };
    row.all += count;
    const earlier = before?.traffic?.find((one) => one.kind === kind && one.direction === direction)?.bytes ?? 0;
    const elapsedS = before ? (nowMs - before.at) / 1_000 : 0;
    if (elapsedS > 0 && count >= earlier) row[direction] = (count - earlier) / elapsedS;
    kinds.set(kind, row);
  }
  return [...kinds.values()].filter((row) => row.all > 0).sort((a, b) => b.all - a.all);
}
