// Tickets, and what is thrown where there is none.

/** Something the server would not do. */
export class FramekeepError extends Error {
  /** @param {string} code one word for programs */
  constructor(code, text) {
    super(text || code);
    this.name = 'FramekeepError';
    this.code = code;
  }
}

/** Asks for a ticket as a guest: as the one whose word `guest` is, or as somebody new. */
async function mintGuest({ url, name, spectator, fetch }, guest, patienceMs) {
  const body = JSON.stringify({ name, ...(guest ? { guest } : {}), ...(spectator ? { spectator } : {}) });
  const headers = { 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(patienceMs);
  const reply = await fetch(`${url}/api/v1/tickets`, { method: 'POST', headers, body, signal });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new FramekeepError(answer.code ?? `http_${reply.status}`, answer.detail);
  return answer;
}

/** The ticket of a new session at `url`, and the word of the guest whose it is. */
export async function getTicket(options, guest, isUsed, patienceMs) {
  const { ticket, url } = options;
  if (typeof ticket === 'function') {
    const got = await ticket(url);
    if (!got) throw new FramekeepError('empty_ticket', 'the function `ticket` gave none');
    return { ticket: got };
  }
  // A guest's ticket instead would make the player somebody else.
  if (ticket && isUsed) {
    throw new FramekeepError('ticket_used', 'the session is over and its ticket used: only a function gets another');
  }
  if (ticket) return { ticket };
  const minted = await mintGuest(options, guest, patienceMs).catch((error) => {
    if (error.code !== 'unknown_guest') throw error;
    return mintGuest(options, null, patienceMs);
  });
  return { ticket: minted.websocket.ticket, guest: minted.guest };
}
