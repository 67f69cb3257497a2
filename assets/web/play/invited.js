// What is known of a room that somebody was invited to.

/** How long the server may take to answer. */
const PATIENCE_MS = 8_000;

/** When it is asked again that could not say, if it did not say when, in seconds. */
const AGAIN_S = 3;

/** Who does not answer where several nodes have rooms. */
const AWAY = { node_away: 'The node that has the room does not answer', store_away: 'The server cannot find out where the room is' };

/**
 * Looks a room up. Only a server that says so makes a room one that is gone: one that is busy, or not to be reached,
 * has said nothing of it.
 *
 * @param {string} room
 * @param {typeof fetch} [ask]
 * @returns {Promise<{is: 'open', view: object} | {is: 'gone'} | {is: 'unknown', againMs: number, why: string}>}
 */
export async function lookUp(room, ask = (...args) => fetch(...args)) {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const reply = await ask(`/api/v1/rooms/${encodeURIComponent(room)}`, { signal });
    if (reply.status === 404) return { is: 'gone' };
    if (reply.ok) return { is: 'open', view: await reply.json() };
    const seconds = Number(reply.headers.get('retry-after')) || AGAIN_S;
    const { code } = await reply.json().catch(() => ({}));
    const why = AWAY[code] ?? ([429, 503].includes(reply.status) ? 'The server is busy' : 'The server cannot say whether the room is open');
    return { is: 'unknown', againMs: seconds * 1_000, why };
  } catch {
    return { is: 'unknown', againMs: AGAIN_S * 1_000, why: 'The server does not answer' };
  }
}

/** What to call the place of a room: with its game, so that it can be opened again as what it was. */
export function pathOf(room, game) {
  return `/play?room=${encodeURIComponent(room)}${game === 'rhythm' ? '&game=rhythm' : ''}`;
}

/** The room and the game of such a place. */
export function invitationOf(search) {
  const asked = new URLSearchParams(search);
  return { room: asked.get('room'), game: asked.get('game') === 'rhythm' ? 'rhythm' : 'arena' };
}
