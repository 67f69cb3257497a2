// Sparks, rings and words that live for a moment. A fixed number at most: the oldest go.

const MOST = 420;

export class Particles {
  constructor() {
    this.list = [];
    this.calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  }

  clear() {
    this.list = [];
  }

  #add(particle) {
    this.list.push({ age: 0, ...particle });
    if (this.list.length > MOST) this.list.splice(0, this.list.length - MOST);
  }

  /** Sparks in all directions. */
  burst(x, y, colour, { count = 14, speed = 6, life = 0.45, size = 0.13, drag = 4 } = {}) {
    if (this.calm) count = Math.ceil(count / 4);
    for (let index = 0; index < count; index += 1) {
      const way = Math.random() * 2 * Math.PI;
      const fast = speed * (0.3 + Math.random() * 0.9);
      this.#add({
        kind: 'spark', x, y, vx: Math.cos(way) * fast, vy: Math.sin(way) * fast, colour, drag,
        life: life * (0.6 + Math.random() * 0.7), size: size * (0.5 + Math.random()), spin: (Math.random() - 0.5) * 14,
      });
    }
  }

  /** Shards, as of something that broke. */
  shards(x, y, colour, count = 22) {
    if (this.calm) count = 6;
    for (let index = 0; index < count; index += 1) {
      const way = Math.random() * 2 * Math.PI;
      const fast = 3 + Math.random() * 9;
      this.#add({
        kind: 'shard', x, y, vx: Math.cos(way) * fast, vy: Math.sin(way) * fast, colour, drag: 2.6,
        life: 0.5 + Math.random() * 0.6, size: 0.12 + Math.random() * 0.2, spin: (Math.random() - 0.5) * 18,
      });
    }
  }

  /** A ring that grows. */
  ring(x, y, colour, { from = 0.3, to = 2.4, life = 0.45, width = 0.14 } = {}) {
    this.#add({ kind: 'ring', x, y, vx: 0, vy: 0, drag: 0, colour, life, from, to, width });
  }

  /** A word that rises. */
  word(x, y, text, colour, size = 0.8) {
    this.#add({ kind: 'word', x, y, vx: 0, vy: 1.6, drag: 1.5, colour, life: 0.95, text, size });
  }

  step(seconds) {
    for (const particle of this.list) {
      particle.age += seconds;
      const kept = Math.exp(-particle.drag * seconds);
      particle.vx *= kept;
      particle.vy *= kept;
      particle.x += particle.vx * seconds;
      particle.y += particle.vy * seconds;
    }
    this.list = this.list.filter((particle) => particle.age < particle.life);
  }

  /** Draws into a context whose units are the world's, y up. */
  draw(context) {
    for (const particle of this.list) {
      const left = 1 - particle.age / particle.life;
      context.globalAlpha = Math.min(1, left * 1.6);
      context.fillStyle = particle.colour;
      context.strokeStyle = particle.colour;
      if (particle.kind === 'ring') {
        const radius = particle.from + (particle.to - particle.from) * (1 - left * left);
        context.lineWidth = particle.width * left;
        context.beginPath();
        context.arc(particle.x, particle.y, radius, 0, 2 * Math.PI);
        context.stroke();
      } else if (particle.kind === 'word') {
        context.save();
        context.translate(particle.x, particle.y);
        context.scale(1, -1);
        context.font = `800 ${particle.size}px 'Big Shoulders', 'Arial Narrow', sans-serif`;
        context.textAlign = 'center';
        context.fillText(particle.text, 0, 0);
        context.restore();
      } else {
        context.save();
        context.translate(particle.x, particle.y);
        context.rotate(particle.spin * particle.age);
        const size = particle.size * (particle.kind === 'shard' ? 1 : left);
        if (particle.kind === 'shard') context.fillRect(-size / 2, -size / 4, size, size / 2);
        else context.fillRect(-size / 2, -size / 2, size, size);
        context.restore();
      }
    }
    context.globalAlpha = 1;
  }
}
