// What a player may ask for in a room: methods of the link, which gives the number of the request.

export const requests = {
  /** Says whether the player is ready. */
  ready(ready = true) {
    return this.request({ ready: { ready } });
  },

  /** Chooses what is played on; only the host may. */
  choose(content) {
    return this.request({ choose: { content } });
  },

  /** Starts the match; only the host may. */
  start() {
    return this.request({ start: {} });
  },

  /** Wants the same room to play again. */
  rematch() {
    return this.request({ play_again: {} });
  },

  /** Says something to everybody in the room. */
  chat(text) {
    return this.request({ chat: { text } });
  },

  /** Keeps a free seat for a player for a while; only the host may. */
  reserve(player) {
    return this.request({ reserve: { player } });
  },

  /** Sends a player away, for good with `ban`; only the host may. */
  kick(player, { ban = false } = {}) {
    return this.request({ kick: { player, ban } });
  },

  /** Makes another player the host. */
  handOver(player) {
    return this.request({ hand_over: { player } });
  },

  /** Lets nobody else in, or everybody again; only the host may. */
  lock(locked = true) {
    return this.request({ lock: { locked } });
  },

  /** Gives the match up. */
  abort() {
    return this.request({ abort: {} });
  },

  /** Closes the room for everybody; only the host may. */
  closeRoom() {
    return this.request({ close_room: {} });
  },
};
