// Numbers as people read them.

/** A number with at most three digits that count: 1.23 k, 45.6 M. */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const steps = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  const [by, sign] = steps.find(([least]) => Math.abs(value) >= least) ?? [1, ''];
  const part = value / by;
  const digits = Math.abs(part) >= 100 || (Number.isInteger(part) && by === 1) ? 0 : Math.abs(part) >= 10 ? 1 : 2;
  return `${part.toFixed(digits)}${sign ? ` ${sign}` : ''}`;
}

export function bytes(value) {
  return value === null || value === undefined ? '–' : `${short(value)}B`.replace(/ ?B$/, value >= 1e3 ? 'B' : ' B');
}

/** Seconds as µs, ms or s. */
export function seconds(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value < 1e-3) return `${short(value * 1e6)} µs`;
  if (value < 1) return `${short(value * 1e3)} ms`;
  return `${short(value)} s`;
}

/** Alerts about times, and about shares; all others are about how many there are. */
const TIMES = new Set(['slow_ticks', 'tick_spike', 'late_frames', 'slow_network', 'slow_cleanup', 'silence']);
const SHARES = new Set(['lossy_network']);

/** The value of an alert as it began, or its threshold. */
export function measured(alert, what) {
  const value = alert[what];
  if (TIMES.has(alert.name)) return value === 0 ? '0 s' : seconds(value);
  return SHARES.has(alert.name) && value !== null ? `${short(value * 100)} %` : short(value);
}

/** A moment from now on, or before: 4 min, 12 s ago. */
export function until(unixMs, nowMs = Date.now()) {
  if (!unixMs) return '–';
  const left = (unixMs - nowMs) / 1_000;
  const text = span(Math.abs(left));
  return left >= 0 ? `in ${text}` : `${text} ago`;
}

/** A length of time: 12 s, 4 min, 3 h, 2 d. */
export function span(value) {
  if (value < 60) return `${Math.round(value)} s`;
  if (value < 3_600) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Math.round(value / 3_600)} h`;
  return `${Math.round(value / 86_400)} d`;
}

/** Ticks as minutes and seconds, and tenths unless only whole ones are wanted. */
export function clock(ticks, rateHz = 30, digits = 1) {
  // Cut off rather than rounded: no minute has sixty seconds.
  const tenths = Math.floor((Math.max(0, ticks) / rateHz) * 10 + 1e-6);
  const rest = tenths % 600;
  const seconds = digits ? (rest / 10).toFixed(1).padStart(4, '0') : String(Math.floor(rest / 10)).padStart(2, '0');
  return `${Math.floor(tenths / 600)}:${seconds}`;
}
