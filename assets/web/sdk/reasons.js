// What the words of a server mean to a link.

/** Why the server closes a connection for good: connecting again would be no better. */
export const FINAL = new Set(['taken_over', 'kicked', 'idle', 'faulty', 'too_large', 'bye']);

/** Why it closes one without a word on the session: the token is as good as before, also with a server that starts anew. */
export const PASSING = new Set(['busy', 'too_late', 'restarting']);

/** Refusals of a ticket that pass. */
export const PASSING_HTTP = /^(http_5|busy|too_fast|no_ticket)/;

/** Refusals of a room that is asked for again at another node: it may come up there. */
export const COMING_UP = /^(no_such_room|room_lost|shutting_down)$/;

/** What was asked for in a session that was lost: nobody knows whether it was done. */
export const LOST = { code: 'lost', text: 'the session was lost: it may have been done or not' };
