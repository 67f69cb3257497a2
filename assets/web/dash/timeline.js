// A match that can be watched from any of its ticks: a canvas, a bar to seek with, and buttons.

import { make } from '../play/dom.js';
import { RHYTHM } from '../sdk/games.js';
import { Interpolation } from '../sdk/interpolation.js';
import { NOBODY } from '../sdk/views.js';
import { ArenaScene } from '../play/arena.js';
import { RhythmScene } from '../play/rhythm.js';
import { clock } from './format.js';

/** States that are kept: ten minutes at 30 a second. */
const KEPT_MAX = 18_000;

/** Farther away than this, in ticks, was not played up to but jumped to. */
const JUMP_TICKS = 12;

/** Shows states that are pushed, the newest or any other. */
export class Timeline {
  /**
   * @param {{live?: boolean, onTick?: (state: object) => void, onPlace?: () => void, label: string}} options
   */
  constructor({ live = false, onTick = () => {}, onPlace = () => {}, label }) {
    Object.assign(this, { isLive: live, onTick, onPlace });
    this.states = [];
    this.names = new Map();
    this.rateHz = 30;
    this.at = 0;
    this.speed = 1;
    this.isPlaying = true;
    this.over = false;
    this.canvas = make('canvas', { class: 'scene', 'aria-label': label, role: 'img', tabindex: 0 });
    this.bar = make('input', { type: 'range', min: 0, max: 0, step: 1, value: 0, class: 'seek', 'aria-label': 'Tick',
      oninput: () => this.seek(Number(this.bar.value)) });
    this.marks = make('div', { class: 'marks', 'aria-hidden': 'true' });
    this.place = make('output', { class: 'place' }, '0:00.0');
    this.playButton = make('button', { onclick: () => this.toggle() }, 'Pause');
    this.liveButton = make('button', { class: 'live', hidden: !live, onclick: () => this.goLive() }, 'Live');
    const speeds = make('select', { 'aria-label': 'Speed', onchange: () => { this.speed = Number(speeds.value); } },
      ...[0.25, 0.5, 1, 2, 4].map((speed) => make('option', { value: speed, selected: speed === 1 }, `${speed}×`)));
    const step = (ticks, label, sign) => make('button', { class: 'icon', 'aria-label': label, title: label, onclick: () => this.step(ticks) }, sign);
    this.element = make('div', { class: 'timeline' }, this.canvas,
      make('div', { class: 'controls' }, this.playButton, step(-1, 'One state back', '‹'), step(1, 'One state on', '›'),
        make('div', { class: 'track' }, this.bar, this.marks), this.place, speeds, this.liveButton));
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Begins to draw. */
  start(game) {
    if (this.scene) return;
    this.game = game;
    const link = { rttMs: 0, match: { tick_rate_hz: 30 }, tick: () => this.at, input: () => false };
    this.scene = game === 'rhythm'
      ? new RhythmScene(this.canvas, { link, sound: { note() {}, miss() {} }, plays: false })
      : new ArenaScene(this.canvas, { follows: false });
    const frame = (nowMs) => {
      if (this.over) return;
      this.#frame(nowMs);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  end() {
    this.over = true;
    this.scene?.end?.();
  }

  /** Another match begins. */
  clear() {
    this.states = [];
    this.at = 0;
    this.scene?.clear();
    this.pushed = null;
  }

  push(state) {
    const last = this.states.at(-1);
    if (last && state.tick <= last.tick) return;
    this.states.push(state);
    if (this.states.length > KEPT_MAX) this.states.shift();
    if (this.states.length === 1) this.at = state.tick;
    this.bar.max = state.tick;
  }

  /** States of before; those that are there already are left as they are. */
  prepend(states) {
    const first = this.states[0]?.tick ?? Infinity;
    const earlier = states.filter(({ tick }) => tick < first);
    this.states.unshift(...earlier.slice(-Math.max(0, KEPT_MAX - this.states.length)));
  }

  /** Marks events below the bar: `{tick, kind, title}` each; a click shows the tick. */
  mark(events) {
    this.marks.replaceChildren(...events.map(({ tick, kind, title }) =>
      make('i', { class: `mark ${kind}`, title, style: { '--tick': tick }, onclick: () => this.seek(tick) })));
  }

  get first() {
    return this.states[0]?.tick ?? 0;
  }

  get last() {
    return this.states.at(-1)?.tick ?? 0;
  }

  seek(tick) {
    this.isLive = false;
    this.isPlaying = false;
    this.at = Math.max(this.first, Math.min(this.last, tick));
    this.#show();
  }

  step(count) {
    const index = this.#index(this.at);
    const next = this.states[Math.max(0, Math.min(this.states.length - 1, index + count))];
    if (next) this.seek(next.tick);
  }

  toggle() {
    this.isPlaying = !this.isPlaying;
    if (!this.isPlaying) this.isLive = false;
    else if (this.at >= this.last) this.at = this.first;
    this.#show();
  }

  goLive() {
    this.isLive = true;
    this.isPlaying = true;
    this.#show();
  }

  #key(event) {
    if (event.target.closest('select, button, input:not(.seek)')) return;
    const keys = { ' ': () => this.toggle(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
      Home: () => this.seek(this.first), End: () => this.seek(this.last) };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** The last state that is not after a tick. */
  #index(tick) {
    let [low, high] = [0, this.states.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.states[middle].tick <= tick) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #frame(nowMs) {
    const seconds = Math.min(0.25, (nowMs - (this.drawnMs ?? nowMs)) / 1_000);
    this.drawnMs = nowMs;
    if (!this.states.length) return this.#drawNothing(nowMs);
    // Live is a moment behind, so that there is always something to go on to.
    const goal = this.last - 0.12 * this.rateHz;
    if (this.isLive) this.at = Math.abs(goal - this.at) > this.rateHz ? goal : this.at + seconds * this.rateHz + (goal - this.at) * 0.05;
    else if (this.isPlaying) this.at += seconds * this.rateHz * this.speed;
    if (this.at >= this.last && !this.isLive) {
      this.at = this.last;
      this.isPlaying = this.isPlaying && this.grows === true;
    }
    this.at = Math.max(this.first, Math.min(this.last, this.at));
    this.#draw(nowMs);
    return this.#show();
  }

  #draw(nowMs) {
    const index = this.#index(this.at);
    const state = this.states[index];
    const after = this.states[index + 1];
    this.#feed(index);
    if (this.game === 'rhythm') {
      this.scene.chart.see(after ?? state);
      const keys = [...state.bodies.values()].filter((body) => body.kind === RHYTHM.key && body.seat !== NOBODY);
      this.scene.pressed = [0, 1, 2, 3].map((lane) => (keys.some((body) => Math.round(body.x) === lane) ? 1 : 0));
      return this.scene.draw(nowMs);
    }
    const between = new Interpolation();
    between.push(state);
    if (after) between.push(after);
    this.scene.draw(between.at(this.at), { names: this.names, content: this.content, nowMs });
    return undefined;
  }

  /** What happened since what was drawn last is shown, unless it was jumped over. */
  #feed(index) {
    const { tick } = this.states[index];
    if (this.pushed === tick) return;
    const jumped = this.pushed === null || this.pushed === undefined || tick < this.pushed || tick - this.pushed > JUMP_TICKS * Math.max(1, this.speed);
    if (jumped) this.scene.clear();
    const from = jumped ? index : this.#index(this.pushed) + 1;
    for (let next = from; next <= index; next += 1) this.scene.push(this.states[next]);
    this.pushed = tick;
    this.onTick(this.states[index]);
  }

  #drawNothing(nowMs) {
    if (this.game === 'rhythm') this.scene.draw(nowMs);
    else this.scene.draw({ tick: 0, bodies: [], scores: [], ticksLeft: 0 }, { content: this.content, nowMs });
  }

  #show() {
    const tick = Math.round(this.at);
    this.bar.min = this.first;
    this.bar.max = this.last;
    this.marks.style.setProperty('--first', this.first);
    this.marks.style.setProperty('--length', Math.max(1, this.last - this.first));
    this.bar.value = tick;
    this.bar.setAttribute('aria-valuetext', `tick ${tick} of ${this.last}`);
    const text = `${clock(tick, this.rateHz)} · tick ${tick}`;
    if (this.place.textContent !== text) this.place.textContent = text;
    const word = this.isPlaying ? 'Pause' : 'Play';
    if (this.playButton.textContent !== word) this.playButton.textContent = word;
    this.liveButton.setAttribute('aria-pressed', String(this.isLive));
    this.onPlace();
  }
}
