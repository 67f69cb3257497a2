// Who wants to hear what.

import { FramekeepError } from './guest.js';
import { report } from './later.js';

/** Handlers of messages, by type. */
export class Handlers {
  #all = new Map();

  /** Calls `handler` for each message of a type; gives a function that ends it. */
  on(type, handler) {
    if (!this.#all.has(type)) this.#all.set(type, new Set());
    this.#all.get(type).add(handler);
    return () => this.#all.get(type)?.delete(handler);
  }

  /** The next message of a type, for which `test` holds. */
  once(type, test, withinMs) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        off();
        settle(value);
      };
      const late = () => end(reject, new FramekeepError('late', `no ${type} within ${withinMs} ms`));
      const timer = setTimeout(late, withinMs);
      const off = this.on(type, (value) => test(value) && end(resolve, value));
    });
  }

  /** Tells all who want to hear of it. */
  emit(type, value) {
    for (const handler of [...(this.#all.get(type) ?? []), ...(this.#all.get('*') ?? [])]) {
      try {
        handler(value, type);
      } catch (error) {
        // What comes after it was heard as well, and is acknowledged.
        report(error);
      }
    }
  }
}
