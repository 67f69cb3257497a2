// Bots of the page: each is a guest with a link of its own, and a name that says what it is.

import { Framekeep } from '../framekeep.js';
import { Brain } from './brain.js';
import { botName } from './names.js';

export class BotCrew {
  constructor(url) {
    this.url = url;
    /** @type {Framekeep[]} */
    this.bots = [];
  }

  get size() {
    return this.bots.length;
  }

  /** Sends one more bot into a room. */
  async add(room, code = '') {
    const taken = this.bots.map((bot) => bot.name);
    const name = botName(taken);
    const link = new Framekeep({ url: this.url, name, viewsHz: 15, follow: false });
    link.name = name;
    this.bots.push(link);
    const brain = new Brain(Math.random, 0.3 + 0.4 * Math.random());
    let last = null;
    link.on('started', () => {
      last = null;
    });
    link.on('status', () => {
      last = null;
    });
    link.on('state', (state) => {
      if (link.match?.ended || link.room?.seat === 255) return;
      const bits = brain.input(state, link.match?.seat ?? link.room?.seat);
      if (bits !== last && link.input(bits)) last = bits;
    });
    // A bot has no business leading a room.
    link.on('room', (view) => this.#handOver(link, view));
    try {
      await link.connect();
      await link.join(room, { code });
    } catch (error) {
      this.#remove(link);
      throw error;
    }
    return link;
  }

  #handOver(link, room) {
    const own = room.members.find((member) => member.player === link.player);
    const person = room.members.find((member) => member.connected && !/\[bot\]/.test(member.name));
    if (own?.host && person) link.request({ hand_over: { player: person.player } });
  }

  #remove(link) {
    link.close();
    this.bots = this.bots.filter((bot) => bot !== link);
  }

  /** Takes the last bot out again. */
  removeOne() {
    const link = this.bots.at(-1);
    if (link) this.#remove(link);
  }

  /** Fills the free seats of a room; gives how many came. */
  async fill(room) {
    let came = 0;
    for (let free = room.seats - room.members.length; free > 0; free -= 1) {
      const bot = await this.add(room.name).catch(() => null);
      if (!bot) break;
      came += 1;
    }
    return came;
  }

  /** Takes all of them out. */
  close() {
    for (const bot of [...this.bots]) this.#remove(bot);
  }
}
