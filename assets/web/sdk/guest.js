// A guest's ticket, and what is thrown where there is none.

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
export async function mintGuest({ url, name, spectator, fetch }, guest, patienceMs) {
  const body = JSON.stringify({ name, ...(guest ? { guest } : {}), ...(spectator ? { spectator } : {}) });
  const headers = { 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(patienceMs);
  const reply = await fetch(`${url}/api/v1/tickets`, { method: 'POST', headers, body, signal });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new FramekeepError(answer.code ?? `http_${reply.status}`, answer.detail);
  return answer;
}
