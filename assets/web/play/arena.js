// Draws the arena on a canvas.

import { ARENA } from '../sdk/games.js';
import { palette } from '../ui/colours.js';
import { Camera, floorOf } from './camera.js';
import { Particles } from './particles.js';
import { ArenaWatcher } from './watcher.js';

const TURN = 2 * Math.PI;

/** Letters of a name that are drawn. */
const NAME_LETTERS = 16;

/** A match of the arena, as it is seen. */
export class ArenaScene {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{onEvent?: (event: object) => void, follows?: boolean, inset?: number, floor?: object}} [options]
   */
  constructor(canvas, { onEvent = () => {}, follows = true, inset = 0, floor = null } = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.onEvent = onEvent;
    Object.assign(this, { follows, inset, ownFloor: floor });
    this.camera = new Camera();
    this.particles = new Particles();
    this.watcher = new ArenaWatcher();
    this.colours = palette();
    this.clear();
    document.addEventListener('themechange', () => {
      this.colours = palette();
    });
  }

  clear() {
    this.waiting = [];
    this.facing = new Map();
    this.flash = new Map();
    this.trails = [];
    this.watcher.clear();
    this.particles.clear();
    this.drawnAt = null;
  }

  /** A state has arrived; what happened in it is shown when it is drawn. */
  push(state) {
    this.waiting.push(state);
    if (this.waiting.length > 240) this.waiting.shift();
  }

  /**
   * Draws a state.
   * @param {import('../framekeep.js').Drawn} drawn
   * @param {{seat?: number, aim?: number, names?: Map<number, string>, content?: string, nowMs: number}} how
   */
  draw(drawn, how) {
    const seconds = Math.min(0.1, (how.nowMs - (this.drawnAt ?? how.nowMs)) / 1_000);
    this.drawnAt = how.nowMs;
    while (this.waiting.length && this.waiting[0].tick <= drawn.tick + 0.001) {
      for (const event of this.watcher.see(this.waiting.shift())) this.#happen(event, how);
    }
    this.floor = this.ownFloor ?? floorOf(how.content, drawn, this.floorIs === how.content ? this.floor : null);
    this.floorIs = how.content;
    this.camera.fit(this.canvas, this.floor, this);
    const players = drawn.bodies.filter((body) => body.kind === ARENA.player);
    const own = players.find((body) => body.seat === how.seat);
    this.camera.follow(own ?? (this.follows ? players[0] : null), seconds);
    this.particles.step(seconds);
    this.#turn(players, seconds);
    this.#trail(players, seconds);
    this.#paint(drawn, players, own, how);
  }

  #happen(event, how) {
    const colour = this.colours.seat(event.seat);
    const isOwn = event.seat === how.seat || event.by === how.seat;
    if (event.type === 'shot') {
      this.facing.set(event.seat, { angle: event.angle, keep: 0.5 });
      this.particles.burst(event.x, event.y, colour, { count: 3, speed: 3, life: 0.14, size: 0.09 });
    } else if (event.type === 'hit') {
      this.flash.set(event.seat, how.nowMs + 130);
      this.particles.burst(event.x, event.y, this.colours.seat(event.by), { count: 12, speed: 8 });
      this.particles.burst(event.x, event.y, this.colours.ink, { count: 5, speed: 5, life: 0.25, size: 0.1 });
      this.particles.ring(event.x, event.y, colour, { to: 1, life: 0.25 });
      if (event.seat === how.seat) this.camera.shake = Math.min(3, this.camera.shake + 1.4);
    } else if (event.type === 'out') {
      this.particles.shards(event.x, event.y, colour);
      this.particles.ring(event.x, event.y, colour, { to: 3.4, life: 0.6, width: 0.3 });
      this.particles.ring(event.x, event.y, this.colours.ink, { to: 2, life: 0.35, width: 0.12 });
      if (isOwn) this.camera.shake = Math.min(5, this.camera.shake + 3);
    } else if (event.type === 'back') {
      this.particles.ring(event.x, event.y, colour, { from: 2.4, to: 0.4, life: 0.4, width: 0.12 });
    } else if (event.type === 'pickup') {
      this.particles.burst(event.x, event.y, this.#pickupColour(event.kind), { count: 14, speed: 5, life: 0.5 });
    } else if (event.type === 'score' && event.delta > 0) {
      this.particles.word(event.x, event.y + 0.9, `+${event.delta}`, colour, 1.1);
    }
    this.onEvent(event);
  }

  /** Players look where they shoot, else where they go. */
  #turn(players, seconds) {
    for (const body of players) {
      const now = this.facing.get(body.seat) ?? { angle: body.x > 0 ? Math.PI : 0, keep: 0 };
      const went = now.x === undefined ? 0 : Math.hypot(body.x - now.x, body.y - now.y);
      now.keep -= seconds;
      if (now.keep <= 0 && went > 0.01 && went < 2) now.angle = Math.atan2(body.y - now.y, body.x - now.x);
      const off = ((((now.angle - (now.shown ?? now.angle) + Math.PI) % TURN) + TURN) % TURN) - Math.PI;
      now.shown = (now.shown ?? now.angle) + off * (1 - Math.exp(-16 * seconds));
      now.speed = seconds > 0 ? went / seconds : 0;
      Object.assign(now, { x: body.x, y: body.y });
      this.facing.set(body.seat, now);
    }
  }

  /** Whoever dashes leaves shadows. */
  #trail(players, seconds) {
    for (const ghost of this.trails) ghost.left -= seconds;
    this.trails = this.trails.filter((ghost) => ghost.left > 0);
    for (const body of players) {
      const { speed } = this.facing.get(body.seat);
      if (speed > 10 && speed < 40) this.trails.push({ x: body.x, y: body.y, seat: body.seat, left: 0.25 });
    }
  }

  #pickupColour(kind) {
    if (kind === ARENA.health) return this.colours.good;
    return kind === ARENA.shield ? this.colours.seat(2) : this.colours.seat(3);
  }

  #paint(drawn, players, own, how) {
    const { context, colours } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.camera.apply(context);
    this.#paintFloor();
    const of = (kind) => drawn.bodies.filter((body) => body.kind === kind);
    const machines = [...of(ARENA.belt), ...of(ARENA.gate), ...of(ARENA.rotor)];
    const solid = [...of(ARENA.wall), ...of(ARENA.pillar), ...of(ARENA.crate), ...machines];
    context.fillStyle = colours.shade;
    for (const body of solid) this.#shape(body, 0.22, -0.26);
    for (const body of players) this.#disc(body.x + 0.14, body.y - 0.2, body.halfWidth);
    for (const kind of [ARENA.health, ARENA.shield, ARENA.rapid]) of(kind).forEach((body) => this.#paintPickup(body, how));
    for (const body of solid) this.#paintSolid(body);
    for (const ghost of this.trails) {
      context.globalAlpha = ghost.left;
      context.fillStyle = colours.seat(ghost.seat);
      this.#disc(ghost.x, ghost.y, 0.5);
    }
    context.globalAlpha = 1;
    for (const shot of of(ARENA.shot)) this.#paintShot(shot);
    if (own && how.aim !== undefined) this.#paintAim(own, how.aim);
    for (const body of players) this.#paintPlayer(body, body === own, how, drawn.tick);
    this.particles.draw(context);
    this.#paintNames(players, how);
  }

  #paintFloor() {
    const { context, colours } = this;
    const { halfWidth: w, halfHeight: h } = this.floor;
    context.fillStyle = colours.wall;
    roundRect(context, -w - 0.5, -h - 0.75, 2 * w + 1, 2 * h + 1.25, 0.6);
    context.fillStyle = colours.wallTop;
    roundRect(context, -w - 0.5, -h - 0.5, 2 * w + 1, 2 * h + 1, 0.55);
    context.fillStyle = colours.floor;
    roundRect(context, -w, -h, 2 * w, 2 * h, 0.2);
    context.fillStyle = colours.grid;
    // A board of squares, hardly seen: speed shows against it.
    for (let x = -Math.floor(w / 2); x <= w / 2; x += 1) {
      for (let y = -Math.floor(h / 2); y <= h / 2; y += 1) {
        if ((x + y) % 2 === 0) continue;
        const left = Math.max(-w, 2 * x - 1);
        const low = Math.max(-h, 2 * y - 1);
        context.fillRect(left, low, Math.min(w, 2 * x + 1) - left, Math.min(h, 2 * y + 1) - low);
      }
    }
    context.strokeStyle = colours.line;
    context.lineWidth = 0.08;
    context.beginPath();
    context.arc(0, 0, 2.6, 0, TURN);
    context.moveTo(0, -h);
    context.lineTo(0, h);
    context.stroke();
    // The shade that the upper wall throws.
    context.fillStyle = colours.shade;
    context.fillRect(-w, h - 0.22, 2 * w, 0.22);
    context.fillRect(-w, -h, 0.18, 2 * h - 0.22);
  }

  #disc(x, y, radius) {
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, TURN);
    this.context.fill();
  }

  #shape(body, dx, dy, less = 0) {
    if (body.kind === ARENA.pillar) this.#disc(body.x + dx, body.y + dy, body.halfWidth - less);
    else {
      const [w, h] = [body.halfWidth - less, body.halfHeight - less];
      this.#turned(body, dx, dy, () => roundRect(this.context, -w, -h, 2 * w, 2 * h, 0.14));
    }
  }

  /** Draws around the middle of a body, turned as it is. */
  #turned(body, dx, dy, draw) {
    const { context } = this;
    context.save();
    context.translate(body.x + dx, body.y + dy);
    context.rotate(body.angle);
    draw();
    context.restore();
  }

  /** Side and top of what does not move by itself. */
  #paints(kind) {
    const { colours } = this;
    const pick = (dark, light) => (colours.dark ? dark : light);
    if (kind === ARENA.crate) return [pick('#6d5230', '#a97b3c'), pick('#9a7745', '#d9a962')];
    if (kind === ARENA.rotor) return [pick('#4c3478', '#7a5ab8'), pick('#7a5ab8', '#a98be0')];
    if (kind === ARENA.belt) return [pick('#5d5426', '#8f8238'), pick('#8f8238', '#c4b65c')];
    if (kind === ARENA.gate) return [pick('#1f5c56', '#3c8a82'), pick('#3c8a82', '#6cbdb4')];
    return [colours.wall, colours.wallTop];
  }

  #paintSolid(body) {
    const { context } = this;
    const [side, top] = this.#paints(body.kind);
    context.fillStyle = side;
    this.#shape(body, 0, -0.12);
    context.fillStyle = top;
    this.#shape(body, 0, 0.08, 0.02);
    if (body.kind !== ARENA.crate && body.kind !== ARENA.gate) return;
    context.strokeStyle = side;
    context.lineWidth = 0.09;
    const [w, h] = [body.halfWidth * 0.72, body.halfHeight * 0.72];
    this.#turned(body, 0, 0.08, () => {
      context.beginPath();
      if (body.kind === ARENA.crate) {
        context.rect(-w, -h, 2 * w, 2 * h);
        context.moveTo(-w, -h);
        context.lineTo(w, h);
      } else {
        // Arrow heads in the way through.
        for (let x = -w; x <= w; x += 0.6) {
          context.moveTo(x - 0.15, -h);
          context.lineTo(x, h);
          context.lineTo(x + 0.15, -h);
        }
      }
      context.stroke();
    });
  }

  #paintPickup(body, how) {
    const { context } = this;
    const beat = Math.sin(how.nowMs / 260 + body.id);
    const lift = 0.12 + 0.06 * beat;
    context.fillStyle = this.colours.shade;
    this.#disc(body.x + 0.06, body.y - 0.12, 0.34);
    context.fillStyle = this.#pickupColour(body.kind);
    this.#disc(body.x, body.y + lift, 0.42);
    context.fillStyle = context.strokeStyle = this.colours.dark ? '#10201a' : '#ffffff';
    context.save();
    context.translate(body.x, body.y + lift);
    if (body.kind === ARENA.health) {
      context.fillRect(-0.075, -0.24, 0.15, 0.48);
      context.fillRect(-0.24, -0.075, 0.48, 0.15);
    } else if (body.kind === ARENA.shield) {
      path(context, [[-0.2, 0.2], [0.2, 0.2], [0.2, -0.04], [0, -0.26], [-0.2, -0.04]]);
    } else {
      path(context, [[0.06, 0.28], [-0.2, -0.05], [-0.02, -0.05], [-0.06, -0.28], [0.2, 0.06], [0.02, 0.06]]);
    }
    context.restore();
  }

  #paintShot(shot) {
    const { context, colours } = this;
    const [dx, dy] = [Math.cos(shot.angle), Math.sin(shot.angle)];
    context.lineCap = 'round';
    context.strokeStyle = colours.seat(shot.seat);
    for (const [length, width, alpha] of [[1.15, 0.2, 0.22], [0.7, 0.28, 0.4], [0.3, 0.36, 1]]) {
      context.globalAlpha = alpha;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(shot.x, shot.y);
      context.lineTo(shot.x - dx * length, shot.y - dy * length);
      context.stroke();
    }
    context.globalAlpha = 1;
    context.fillStyle = colours.dark ? '#ffffff' : '#fffdf6';
    this.#disc(shot.x, shot.y, 0.12);
  }

  #paintAim(own, aim) {
    const { context } = this;
    context.fillStyle = this.colours.seat(own.seat);
    for (let step = 0; step < 6; step += 1) {
      context.globalAlpha = 0.5 - step * 0.075;
      const distance = 1.15 + step * 0.48;
      this.#disc(own.x + Math.cos(aim) * distance, own.y + Math.sin(aim) * distance, 0.07);
    }
    context.globalAlpha = 1;
  }

  #paintPlayer(body, isOwn, how, tick) {
    const { context, colours } = this;
    const colour = colours.seat(body.seat);
    const { x, y, halfWidth: radius } = body;
    const look = isOwn && how.aim !== undefined ? how.aim : this.facing.get(body.seat)?.shown ?? 0;
    const player = this.watcher.players.get(body.seat);
    const isHit = (this.flash.get(body.seat) ?? 0) > how.nowMs;
    if (isOwn) {
      context.strokeStyle = colours.ink;
      context.globalAlpha = 0.35;
      context.lineWidth = 0.06;
      context.setLineDash([0.28, 0.2]);
      context.lineDashOffset = -how.nowMs / 900;
      context.beginPath();
      context.arc(x, y, radius + 0.42, 0, TURN);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    }
    // The barrel, the body, the face.
    context.strokeStyle = colours.dark ? '#0b1210' : '#17211d';
    context.lineCap = 'round';
    context.lineWidth = 0.26;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + Math.cos(look) * (radius + 0.2), y + Math.sin(look) * (radius + 0.2));
    context.stroke();
    context.fillStyle = isHit ? '#ffffff' : colour;
    this.#disc(x, y, radius);
    context.lineWidth = 0.07;
    context.strokeStyle = colours.dark ? 'rgb(0 0 0 / 45%)' : 'rgb(20 20 20 / 55%)';
    context.beginPath();
    context.arc(x, y, radius - 0.02, 0, TURN);
    context.stroke();
    for (const side of [-1, 1]) {
      const ex = x + Math.cos(look + side * 0.62) * radius * 0.52;
      const ey = y + Math.sin(look + side * 0.62) * radius * 0.52;
      context.fillStyle = '#ffffff';
      this.#disc(ex, ey, 0.145);
      context.fillStyle = '#101614';
      this.#disc(ex + Math.cos(look) * 0.055, ey + Math.sin(look) * 0.055, 0.075);
    }
    if (player) this.#paintHealth(body, player, tick, how);
  }

  #paintHealth(body, player, tick, how) {
    const { context, colours } = this;
    const radius = body.halfWidth + 0.18;
    const part = Math.max(0, player.health) / 100;
    if (part < 1) {
      context.lineWidth = 0.12;
      context.lineCap = 'butt';
      context.strokeStyle = colours.line;
      arc(context, body, radius, 0, 1);
      context.strokeStyle = part > 0.45 ? colours.good : colours.bad;
      arc(context, body, radius, 0, part);
    }
    if (player.shieldUntil > tick) {
      context.strokeStyle = colours.seat(2);
      context.globalAlpha = 0.6 + 0.3 * Math.sin(how.nowMs / 90);
      context.lineWidth = 0.1;
      context.beginPath();
      for (let side = 0; side <= 6; side += 1) {
        const angle = (side / 6) * TURN + how.nowMs / 1_400;
        context.lineTo(body.x + Math.cos(angle) * (radius + 0.16), body.y + Math.sin(angle) * (radius + 0.16));
      }
      context.stroke();
      context.globalAlpha = 1;
    }
  }

  #paintNames(players, how) {
    const { context, camera, colours } = this;
    context.setTransform(camera.pixels, 0, 0, camera.pixels, 0, 0);
    context.font = `600 ${Math.max(11, Math.min(14, camera.scale * 0.42))}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.lineJoin = 'round';
    for (const body of players) {
      const name = shortened(how.names?.get(body.seat) ?? '');
      if (!name) continue;
      const place = camera.toScreen(body.x, body.y - 0.95);
      const stands = camera.toScreen(body.x, body.y);
      // Whoever stands at the edge is named, and nobody who is out of sight.
      if (stands.x < 0 || stands.x > camera.width || stands.y < 0 || stands.y > camera.height) continue;
      const half = context.measureText(name).width / 2 + 2;
      place.x = Math.max(half, Math.min(camera.width - half, place.x));
      place.y = Math.min(camera.height - 20, place.y);
      context.lineWidth = 3;
      context.strokeStyle = colours.floor;
      context.strokeText(name, place.x, place.y + 8);
      context.fillStyle = body.seat === how.seat ? colours.ink : colours.soft;
      context.fillText(name, place.x, place.y + 8);
    }
  }
}

/** A name as it stands below its player: those of neighbours are to be read as well. */
function shortened(name) {
  const letters = [...name];
  return letters.length > NAME_LETTERS ? `${letters.slice(0, NAME_LETTERS - 1).join('')}…` : name;
}

function arc(context, body, radius, from, to) {
  context.beginPath();
  context.arc(body.x, body.y, radius, Math.PI / 2 + from * TURN, Math.PI / 2 + to * TURN);
  context.stroke();
}

function roundRect(context, x, y, width, height, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.fill();
}

function path(context, points) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.fill();
}
