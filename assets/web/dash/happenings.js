// What happened in a room or a match: how it reads, and a list of it that leads to its place on the timeline.

import { make } from '../play/dom.js';
import { clock } from './format.js';

/** Longest list. */
const SHOWN_MAX = 300;

/** What is shown elsewhere: every second, or as the phase of the room. */
const HIDDEN = new Set(['leaderboard', 'scores', 'countdown', 'phase']);

const MARKS = { started: 'match', finished: 'match', aborted: 'match', joined: 'came', link_back: 'came', present: 'came', left: 'went', link_lost: 'went',
  absent: 'went', gave_up: 'went' };

const LEFT = { removed: 'was sent away', lost: 'did not come back', idle: 'was idle for too long', room_closed: 'left: the room was closed',
  elsewhere: 'left: the room is at another node' };

/** What an event is marked as: match, came, went, kick, game or, where it is not worth a mark, nothing. */
export function markOf(event) {
  if (event.kind === 'left' && event.reason === 'removed') return 'kick';
  return MARKS[event.kind] ?? (event.isOfGame ? 'game' : '');
}

/** An event of a room as a sentence; `names` are those of the seats. */
export function sentence(event, names = new Map()) {
  const seat = (number) => names.get(number) ?? `seat ${number}`;
  const who = event.name || (event.seat === undefined ? '' : seat(event.seat)) || 'somebody';
  const { fields = {} } = event;
  switch (event.kind) {
    case 'joined': return `${who} took seat ${event.seat}`;
    case 'watching': return `${who} watches`;
    case 'left': return `${who} ${LEFT[event.reason] ?? 'left'}`;
    case 'link_lost': return `${who} lost the link`;
    case 'link_back': return `${who} is back`;
    case 'absent': return `${who} fell silent`;
    case 'present': return `${who} is heard again`;
    case 'reserved': return `a seat is kept${event.name ? ` for ${event.name}` : ''}`;
    case 'released': return 'a seat is not kept any more';
    case 'ready': return `${who} is ${event.flag ? '' : 'not '}ready`;
    case 'content_chosen': return `next on ${event.text || 'the default'}`;
    case 'started': return 'the match started';
    case 'gave_up': return `${who} gave up`;
    case 'aborted': return `${event.name || 'the server'} gave the match up for all`;
    case 'finished': return ending(event, seat);
    case 'host_changed': return `${who} is host`;
    case 'locked': return event.flag ? 'the room is locked' : 'the room is open again';
    case 'closing_soon': return `the room closes in ${Math.round((event.in_ms ?? 0) / 1_000)} s`;
    case 'elsewhere': return `a room of this name is at ${event.text || 'another node'}, and that one stays`;
    case 'closed': return `the room is closed${event.reason ? `: ${event.reason}` : ''}`;
    case 'chat': return `${event.name || 'the server'}: ${event.text}`;
    case 'knocked_out': return fields.by === event.seat ? `${who} went out by their own shot` : `${seat(fields.by)} knocked ${who} out`;
    case 'combo_broken': return `${who}’s run of ${fields.combo} broke`;
    default: return [event.kind.replaceAll('_', ' '), who, ...Object.entries(fields).map(([name, value]) => `${name} ${value}`)].join(' · ');
  }
}

function ending({ ended, winner = ended?.winner, reason = ended?.reason }, seat) {
  if (winner !== undefined && winner !== null) return `the match is over: ${seat(winner)} won`;
  return `the match is over${reason && reason !== 'outcome' ? `: ${reason}` : ''}`;
}

/** The list of events, the newest first. */
export class Happenings {
  /** @param {{empty: string, onSeek: (tick: number) => void}} options */
  constructor({ empty, onSeek }) {
    this.onSeek = onSeek;
    this.known = new Map();
    this.names = new Map();
    this.rateHz = 30;
    this.turns = 0;
    this.match = null;
    this.element = make('ol', { class: 'events', 'aria-label': 'Events' }, make('li', { class: 'hint' }, empty));
  }

  /**
   * Events of a room, with their `number` in it and `at` (ms since 1970), and the `match` of which they are or, where they
   * are told as they happen, the `turn`; or such as playing again has found (`isOfGame`).
   */
  add(events) {
    const shown = events.filter(({ kind }) => !HIDDEN.has(kind));
    for (const event of shown) this.known.set(event.number ? `n${event.number}` : `${event.tick} ${event.kind} ${event.seat}`, event);
    if (shown.length) this.show();
  }

  /** Another match: places of the one before cannot be gone to any more, and what was found in its states is gone. */
  turn() {
    for (const [key, event] of this.known) if (event.isOfGame) this.known.delete(key);
    this.turns += 1;
    this.match = null;
    this.show();
  }

  /** Which match is shown; gives whether that was not known. */
  is(match) {
    if (this.match === match) return false;
    this.match = match;
    this.show();
    return true;
  }

  /** What is marked of the match that is shown. */
  marks() {
    return this.#sorted().filter((event) => this.#hasPlace(event) && markOf(event))
      .map((event) => ({ tick: event.tick, kind: markOf(event), title: `${clock(event.tick, this.rateHz)} ${sentence(event, this.names)}` }));
  }

  /** Numbers of matches come again, their names do not. */
  #hasPlace({ tick, match, turn }) {
    if (tick === undefined || tick === null) return false;
    return match === undefined ? turn === undefined || turn === this.turns : match !== null && match === this.match;
  }

  #sorted() {
    return [...this.known.values()].sort((a, b) => b.at - a.at || (b.number ?? 0) - (a.number ?? 0));
  }

  show() {
    const events = this.#sorted();
    for (const key of [...this.known.keys()].slice(0, Math.max(0, this.known.size - SHOWN_MAX))) this.known.delete(key);
    if (!events.length) return;
    this.element.replaceChildren(...events.slice(0, SHOWN_MAX).map((event) => this.#row(event)));
  }

  #row(event) {
    const place = this.#hasPlace(event) ? clock(event.tick, this.rateHz) : null;
    const time = new Date(event.at).toLocaleTimeString();
    const when = place === null ? make('time', {}, time)
      : make('button', { class: 'when', title: `${time}: show it`, onclick: () => this.onSeek(event.tick) }, place);
    return make('li', { 'data-kind': event.kind }, make('i', { class: `mark ${markOf(event) || 'plain'}`, 'aria-hidden': 'true' }), when,
      make('span', {}, sentence(event, this.names)));
  }
}
