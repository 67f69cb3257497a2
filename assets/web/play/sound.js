// Sounds, made when they are needed: no files. Silent until somebody has touched the page.

/** A scale without wrong notes. */
const LANES = [220, 277.18, 329.63, 440];

export class Sound {
  constructor() {
    this.context = null;
    this.on = read();
  }

  /** Browsers let pages sound only after a touch. */
  wake() {
    if (!this.on) return;
    const Audio = globalThis.AudioContext;
    if (!this.context && Audio) {
      this.context = new Audio();
      this.master = this.context.createGain();
      this.master.gain.value = 0.25;
      const limit = this.context.createDynamicsCompressor();
      this.master.connect(limit).connect(this.context.destination);
    }
    this.context?.resume?.();
  }

  toggle() {
    this.on = !this.on;
    try {
      localStorage.setItem('framekeep.sound', this.on ? 'on' : 'off');
    } catch {
      // It holds for this page.
    }
    if (this.on) this.wake();
    else this.context?.suspend?.();
    return this.on;
  }

  /** A tone that slides and fades. */
  #tone({ from, to = from, lasts = 0.12, type = 'triangle', loud = 0.5, wait = 0 }) {
    if (!this.on || this.context?.state !== 'running') return;
    const begin = this.context.currentTime + wait;
    const oscillator = this.context.createOscillator();
    const gain = this.context.createGain();
    oscillator.type = type;
    oscillator.frequency.setValueAtTime(from, begin);
    oscillator.frequency.exponentialRampToValueAtTime(Math.max(20, to), begin + lasts);
    gain.gain.setValueAtTime(loud, begin);
    gain.gain.exponentialRampToValueAtTime(0.001, begin + lasts);
    oscillator.connect(gain).connect(this.master);
    oscillator.start(begin);
    oscillator.stop(begin + lasts + 0.02);
  }

  #noise(lasts, loud, pitch) {
    if (!this.on || this.context?.state !== 'running') return;
    const { context } = this;
    this.grain ??= grain(context);
    const source = context.createBufferSource();
    source.buffer = this.grain;
    const filter = context.createBiquadFilter();
    filter.type = 'bandpass';
    filter.frequency.value = pitch;
    const gain = context.createGain();
    gain.gain.setValueAtTime(loud, context.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.001, context.currentTime + lasts);
    source.connect(filter).connect(gain).connect(this.master);
    source.start(0, Math.random() * 0.5, lasts);
  }

  shot(own) {
    this.#tone({ from: own ? 720 : 520, to: 180, lasts: 0.09, type: 'square', loud: own ? 0.16 : 0.05 });
  }

  hit(own) {
    this.#noise(0.12, own ? 0.9 : 0.4, own ? 500 : 1_400);
    if (own) this.#tone({ from: 160, to: 70, lasts: 0.15, type: 'sawtooth', loud: 0.3 });
  }

  out(own) {
    this.#noise(0.4, 0.9, 300);
    this.#tone({ from: own ? 300 : 200, to: 45, lasts: 0.45, type: 'sawtooth', loud: 0.4 });
  }

  point() {
    this.#tone({ from: 660, lasts: 0.1, loud: 0.4 });
    this.#tone({ from: 990, lasts: 0.18, loud: 0.4, wait: 0.08 });
  }

  pickup() {
    [520, 660, 780].forEach((from, index) => this.#tone({ from, lasts: 0.1, loud: 0.25, type: 'sine', wait: index * 0.05 }));
  }

  count(last) {
    this.#tone({ from: last ? 880 : 440, lasts: last ? 0.35 : 0.14, loud: 0.5 });
  }

  end(won) {
    const notes = won ? [523, 659, 784, 1_047] : [392, 349, 311, 262];
    notes.forEach((from, index) => this.#tone({ from, lasts: 0.28, loud: 0.4, wait: index * 0.13 }));
  }

  /** A note of a song: plucked where it was struck, faint where it was only due. */
  note(lane, struck) {
    const from = LANES[lane % 4] * (struck ? 2 : 1);
    this.#tone({ from, lasts: struck ? 0.3 : 0.16, loud: struck ? 0.45 : 0.12, type: struck ? 'triangle' : 'sine' });
  }

  miss() {
    this.#tone({ from: 110, to: 80, lasts: 0.12, type: 'square', loud: 0.1 });
  }
}

function read() {
  try {
    return localStorage.getItem('framekeep.sound') !== 'off';
  } catch {
    return true;
  }
}

function grain(context) {
  const buffer = context.createBuffer(1, context.sampleRate, context.sampleRate);
  const data = buffer.getChannelData(0);
  for (let index = 0; index < data.length; index += 1) data[index] = Math.random() * 2 - 1;
  return buffer;
}
