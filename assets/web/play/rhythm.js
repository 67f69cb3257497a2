// Draws a song: notes come down four lanes to a line.

import { palette } from '../ui/colours.js';
import { Chart, EIGHTHS } from './chart.js';
import { Keyer } from './keyer.js';

const LANE_KEYS = { KeyD: 0, KeyF: 1, KeyJ: 2, KeyK: 3, Digit1: 0, Digit2: 1, Digit3: 2, Digit4: 3, ArrowLeft: 0,
  ArrowDown: 1, ArrowUp: 2, ArrowRight: 3 };

export const LANE_NAMES = ['D', 'F', 'J', 'K'];

/** How far ahead is seen, in ticks of 1/30 s. */
const AHEAD_TICKS = 54;

const WORDS = { perfect: 'Perfect', great: 'Great', good: 'Good', miss: 'Miss' };

export class RhythmScene {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{link: import('../framekeep.js').Framekeep, sound: import('./sound.js').Sound, plays?: boolean}} parts
   */
  constructor(canvas, { link, sound, plays = true }) {
    Object.assign(this, { canvas, link, sound, plays });
    this.context = canvas.getContext('2d');
    this.chart = new Chart();
    this.keyer = new Keyer((bits, tick) => this.link.input(bits, tick));
    this.colours = palette();
    // Where lanes are tapped, letters of a keyboard say nothing.
    this.hasKeys = !matchMedia('(pointer: coarse)').matches;
    this.abort = new AbortController();
    this.sparks = [];
    this.clear();
    const { signal } = this.abort;
    document.addEventListener('themechange', () => {
      this.colours = palette();
    }, { signal });
    addEventListener('keydown', (event) => this.#key(event, true), { signal });
    addEventListener('keyup', (event) => this.#key(event, false), { signal });
    addEventListener('blur', () => [0, 1, 2, 3].forEach((lane) => this.#press(lane, false)), { signal });
    this.fingers = new Map();
    canvas.addEventListener('pointerdown', (event) => this.#touch(event), { signal });
    for (const type of ['pointerup', 'pointercancel']) canvas.addEventListener(type, (event) => this.#lift(event), { signal });
  }

  end() {
    this.abort.abort();
  }

  /** Whether it plays or watches from now on: who watched may get a seat. */
  seat(plays) {
    if (plays === this.plays) return;
    this.plays = plays;
    // What is shown moves to where keys can still be in time, at once.
    this.lead = null;
    this.keyer.clear();
    this.pressed = [0, 0, 0, 0];
  }

  clear() {
    this.chart.clear();
    this.keyer.clear();
    this.pressed = [0, 0, 0, 0];
    this.lit = [0, 0, 0, 0];
    this.verdict = null;
    this.lead = null;
    this.sounded = new Set();
    this.sparks = [];
    this.frameMs = 20;
  }

  push(state) {
    this.chart.see(state);
  }

  /** What is shown, in ticks: ahead of the server by the round trip and a little. */
  now(nowMs) {
    const tick = this.link.tick(nowMs);
    if (tick === null) return null;
    const periodMs = 1_000 / (this.link.match?.tick_rate_hz ?? 30);
    // The way there and back, the longest frames of this page, in which a tick's keys wait, and a little.
    const wayMs = (this.link.rttMs ?? 20) * 1.25 + this.frameMs;
    const wanted = this.plays ? 2.2 + Math.min(18, wayMs / periodMs) : 0;
    // It moves slowly: nobody sees the song run faster.
    this.lead = this.lead === null ? wanted : this.lead + Math.max(-0.01, Math.min(0.01, wanted - this.lead));
    return tick + this.lead;
  }

  #key(event, isDown) {
    const lane = LANE_KEYS[event.code];
    if (!this.plays || lane === undefined || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.('input, textarea, select')) return;
    event.preventDefault();
    this.#press(lane, isDown);
  }

  #touch(event) {
    if (!this.plays) return;
    const { left, width } = this.#track();
    const lane = Math.floor(((event.offsetX - left) / width) * 4);
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    const near = Math.max(0, Math.min(3, lane));
    this.fingers.set(event.pointerId, near);
    this.#press(near, true);
  }

  #lift(event) {
    const lane = this.fingers.get(event.pointerId);
    if (lane === undefined) return;
    this.fingers.delete(event.pointerId);
    this.#press(lane, false);
  }

  #press(lane, isDown) {
    const nowMs = performance.now();
    const tick = this.now(nowMs);
    if (Boolean(this.pressed[lane]) === isDown || tick === null || this.link.match?.ended) return;
    this.pressed[lane] = isDown ? 1 : 0;
    this.keyer.set(lane, isDown, tick);
    if (!isDown) {
      if (this.chart.release(lane, tick * EIGHTHS)) this.#judge('miss', lane, nowMs);
      return;
    }
    const { judgement, note, early } = this.chart.strike(lane, tick * EIGHTHS);
    this.#judge(judgement, lane, nowMs, early);
    if (note) {
      this.sounded.add(note.id);
      this.sound.note(lane, true);
      this.#spark(lane, judgement);
    } else {
      this.sound.miss();
    }
  }

  #judge(judgement, lane, atMs, early = 0) {
    this.verdict = { judgement, lane, atMs, early };
  }

  #spark(lane, judgement) {
    const count = { perfect: 16, great: 10, good: 6 }[judgement];
    for (let index = 0; index < count; index += 1) {
      this.sparks.push({ lane, x: 0, y: 0, vx: (Math.random() - 0.5) * 420, vy: -120 - Math.random() * 360, age: 0,
        life: 0.35 + Math.random() * 0.35 });
    }
    this.lit[lane] = performance.now();
  }

  /** Where the track is, in CSS pixels. */
  #track() {
    const { clientWidth, clientHeight } = this.canvas;
    const width = Math.min(clientWidth * 0.94, clientHeight * 0.72, 520);
    return { left: (clientWidth - width) / 2, width, line: clientHeight * 0.84, top: clientHeight * 0.06 };
  }

  /** Draws the song as it is now. */
  draw(nowMs) {
    const tick = this.now(nowMs);
    const { canvas, context, colours } = this;
    const pixels = Math.min(globalThis.devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(canvas.clientWidth * pixels), Math.round(canvas.clientHeight * pixels)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    context.setTransform(pixels, 0, 0, pixels, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    const seconds = Math.min(0.1, (nowMs - (this.drawnAt ?? nowMs)) / 1_000);
    this.drawnAt = nowMs;
    this.frameMs = Math.max(this.frameMs * 0.995, Math.min(250, seconds * 1_000));
    if (tick !== null && !this.link.match?.ended) this.#pass(tick, nowMs);
    const track = this.#track();
    this.#paintTrack(track, nowMs, tick);
    if (tick !== null) this.#paintNotes(track, tick);
    this.#paintLine(track, nowMs);
    this.#paintSparks(track, seconds);
    if (this.plays) this.#paintVerdict(track, nowMs);
  }

  #pass(tick, nowMs) {
    if (this.plays) this.keyer.pass(tick);
    const at = tick * EIGHTHS;
    for (const note of this.chart.notes.values()) {
      if (note.at > at || this.sounded.has(note.id)) continue;
      this.sounded.add(note.id);
      if (at - note.at < 60) this.sound.note(note.lane, false);
    }
    if (!this.plays) return;
    for (const note of this.chart.pass(at)) {
      if (note.fate === 'missed') this.#judge('miss', note.lane, nowMs);
      else this.#spark(note.lane, 'great');
    }
  }

  /** Where something that is due in so many ticks is drawn: how far down, and how much smaller. */
  #depth(track, ticks) {
    const size = 1 / (1 + Math.max(-8, ticks) * 0.032);
    const far = 1 / (1 + AHEAD_TICKS * 0.032);
    const y = track.top + ((size - far) / (1 - far)) * (track.line - track.top);
    return { y, size };
  }

  #x(track, lane, size) {
    return track.left + track.width / 2 + (lane - 2) * (track.width / 4) * size;
  }

  #paintTrack(track, nowMs, tick) {
    const { context, colours } = this;
    const [top, low] = [this.#depth(track, AHEAD_TICKS), this.#depth(track, -6)];
    const edge = (lane) => [[this.#x(track, lane, top.size), top.y], [this.#x(track, lane, low.size), low.y]];
    const [[a, b], [c, d]] = [edge(0), edge(4)];
    context.fillStyle = colours.floor;
    poly(context, [a, b, d, c]);
    for (let lane = 0; lane < 4; lane += 1) {
      const since = (nowMs - this.lit[lane]) / 260;
      const glow = this.pressed[lane] ? 0.2 : Math.max(0, 0.28 * (1 - since));
      if (glow <= 0) continue;
      const [[e, f], [g, h]] = [edge(lane), edge(lane + 1)];
      const fade = context.createLinearGradient(0, track.line, 0, track.top);
      fade.addColorStop(0, alpha(colours.seat(LANE_COLOURS[lane]), glow * 1.6));
      fade.addColorStop(1, alpha(colours.seat(LANE_COLOURS[lane]), 0));
      context.fillStyle = fade;
      poly(context, [e, f, h, g]);
    }
    context.strokeStyle = colours.line;
    for (let lane = 0; lane <= 4; lane += 1) {
      const [from, to] = edge(lane);
      context.lineWidth = lane % 4 === 0 ? 3 : 1;
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    }
    if (tick === null) return;
    // Bars every half second: the eye has something to hold on to.
    for (let bar = Math.ceil(tick / 15) * 15; bar < tick + AHEAD_TICKS; bar += 15) {
      const { y, size } = this.#depth(track, bar - tick);
      context.globalAlpha = 0.6 * size;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(this.#x(track, 0, size), y);
      context.lineTo(this.#x(track, 4, size), y);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  #paintNotes(track, tick) {
    const { context, colours } = this;
    const shown = [...this.chart.notes.values()].filter((note) => note.fate !== 'hit' || note.end / EIGHTHS > tick);
    shown.sort((a, b) => b.at - a.at);
    for (const note of shown) {
      const colour = colours.seat(LANE_COLOURS[note.lane]);
      const isLost = note.fate === 'missed' || note.fate === 'dropped' || note.fate === 'past';
      const isHeld = note.fate === 'held';
      const ticks = isHeld ? 0 : note.at / EIGHTHS - tick;
      if (ticks > AHEAD_TICKS || (!note.isHold && ticks < -6) || note.fate === 'hit') continue;
      context.globalAlpha = isLost ? 0.25 : 1;
      if (note.isHold) {
        const until = Math.min(AHEAD_TICKS, note.end / EIGHTHS - tick);
        if (until < -6) continue;
        const [near, far] = [this.#depth(track, ticks), this.#depth(track, until)];
        context.fillStyle = alpha(colour, isHeld ? 0.75 : 0.42);
        const [left, right] = [note.lane + 0.24, note.lane + 0.76];
        poly(context, [[this.#x(track, left, near.size), near.y], [this.#x(track, left, far.size), far.y],
          [this.#x(track, right, far.size), far.y], [this.#x(track, right, near.size), near.y]]);
      }
      this.#paintHead(track, note.lane, ticks, colour);
    }
    context.globalAlpha = 1;
  }

  #paintHead(track, lane, ticks, colour) {
    const { context } = this;
    const { y, size } = this.#depth(track, ticks);
    const [left, right] = [this.#x(track, lane + 0.08, size), this.#x(track, lane + 0.92, size)];
    const high = Math.max(4, track.width * 0.055 * size);
    context.fillStyle = this.colours.shade;
    round(context, left, y - high / 2 + high * 0.28, right - left, high, high / 2.4);
    context.fillStyle = colour;
    round(context, left, y - high / 2, right - left, high, high / 2.4);
    context.fillStyle = 'rgb(255 255 255 / 55%)';
    round(context, left + (right - left) * 0.12, y - high * 0.32, (right - left) * 0.76, high * 0.2, high * 0.1);
  }

  #paintLine(track, nowMs) {
    const { context, colours } = this;
    context.textAlign = 'center';
    for (let lane = 0; lane < 4; lane += 1) {
      const [left, right] = [this.#x(track, lane + 0.06, 1), this.#x(track, lane + 0.94, 1)];
      const high = track.width * 0.075;
      const isDown = this.pressed[lane];
      const hit = Math.max(0, 1 - (nowMs - this.lit[lane]) / 180);
      context.lineWidth = 3 + 3 * hit;
      context.strokeStyle = colours.seat(LANE_COLOURS[lane]);
      context.fillStyle = isDown ? alpha(colours.seat(LANE_COLOURS[lane]), 0.55) : alpha(colours.paper, 0.72);
      context.beginPath();
      context.roundRect(left - 4 * hit, track.line - high / 2 - 4 * hit, right - left + 8 * hit, high + 8 * hit, high / 2.4);
      context.fill();
      context.stroke();
      if (!this.plays || !this.hasKeys) continue;
      context.fillStyle = colours.soft;
      context.font = '600 15px system-ui, sans-serif';
      context.fillText(LANE_NAMES[lane], (left + right) / 2, track.line + high / 2 + 26);
    }
  }

  #paintSparks(track, seconds) {
    const { context, colours } = this;
    for (const spark of this.sparks) {
      spark.age += seconds;
      spark.vy += 900 * seconds;
      spark.x += spark.vx * seconds;
      spark.y += spark.vy * seconds;
      context.globalAlpha = Math.max(0, 1 - spark.age / spark.life);
      context.fillStyle = colours.seat(LANE_COLOURS[spark.lane]);
      context.fillRect(this.#x(track, spark.lane + 0.5, 1) + spark.x - 3, track.line + spark.y - 3, 6, 6);
    }
    context.globalAlpha = 1;
    this.sparks = this.sparks.filter((spark) => spark.age < spark.life);
  }

  #paintVerdict(track, nowMs) {
    const { context, colours, chart, verdict } = this;
    const middle = track.left + track.width / 2;
    context.textAlign = 'center';
    if (chart.combo > 2) {
      context.globalAlpha = 0.9;
      context.fillStyle = colours.ink;
      context.font = `800 ${track.width * 0.2}px 'Big Shoulders', 'Arial Narrow', sans-serif`;
      context.fillText(String(chart.combo), middle, track.line - track.width * 0.52);
      context.fillStyle = colours.soft;
      context.font = '600 14px system-ui, sans-serif';
      context.fillText('in a row', middle, track.line - track.width * 0.46);
    }
    const age = verdict ? (nowMs - verdict.atMs) / 520 : 1;
    if (age < 1) {
      const tone = { perfect: colours.accent, great: colours.good, good: colours.seat(2), miss: colours.bad };
      context.globalAlpha = 1 - age * age;
      context.fillStyle = tone[verdict.judgement];
      const grow = 1 + 0.25 * Math.max(0, 1 - age * 5);
      context.font = `800 ${track.width * 0.085 * grow}px 'Big Shoulders', 'Arial Narrow', sans-serif`;
      context.fillText(WORDS[verdict.judgement], middle, track.line - track.width * 0.25);
    }
    context.globalAlpha = 1;
  }
}

/** Lanes have the colours of these seats. */
const LANE_COLOURS = [0, 3, 1, 2];

function poly(context, points) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.fill();
}

function round(context, x, y, width, height, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.fill();
}

/** A colour #rrggbb, seen through. */
function alpha(colour, part) {
  return `${colour}${Math.round(Math.max(0, Math.min(1, part)) * 255).toString(16).padStart(2, '0')}`;
}
