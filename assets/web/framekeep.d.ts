// Types of framekeep.js. Messages have the fields of `framekeep.proto`, as JSON writes them.

export interface Options {
  /** The address of the server, such as `http://127.0.0.1:7780`; in a page, where the page came from. */
  url?: string;
  /** What others call the player, 1 to 32 bytes. Default "guest". */
  name?: string;
  /**
   * A WebSocket ticket of a game's back end, or what gets one; without it the server is asked for a guest's. A ticket is
   * good for one session: if that is lost the link ends with `ticket_used`, and only a function gets another. It is told
   * the address of the server that the ticket is for.
   */
  ticket?: string | ((url: string) => Promise<string>);
  /** What an earlier guest was given with the message `guest`, to be the same player again. */
  guest?: string | null;
  /** A guest who watches and never plays. */
  spectator?: boolean;
  /** State views a second, 1 to 60. Default 30. */
  viewsHz?: number;
  /** How far in the past `sample` draws; by itself from views and jitter if it is null. */
  delayMs?: number | null;
  /** Whether the link follows a room that goes on at another node. Default true. */
  follow?: boolean;
  /**
   * How long a room is asked for at other nodes after its own is gone, in milliseconds, before it is lost. By default as the
   * server says in `welcome`: 4,500, or 15,000 where other nodes open its rooms again.
   */
  lostAfterMs?: number | null;
  backoff?: { firstMs?: number; longestMs?: number; random?: () => number };
  WebSocket?: typeof WebSocket;
  fetch?: typeof fetch;
  now?: () => number;
}

export interface RoomOptions {
  game: string;
  /** Empty for the game's default. */
  content?: string;
  seats: number;
  tick_rate_hz?: number;
  start?: 'full' | 'ready' | 'host';
  code?: string;
  spectators_max?: number;
  /** `lockstep` waits a moment for inputs that are late. */
  commit?: 'deadline' | 'lockstep';
}

export interface JoinOptions {
  /** What the room is to be like if it does not exist; without it only an existing one is joined. */
  create?: RoomOptions;
  code?: string;
  spectate?: boolean;
}

export interface Member {
  seat: number;
  player: string;
  name: string;
  connected: boolean;
  host: boolean;
  ready: boolean;
  out: boolean;
}

export interface Room {
  room: string | number;
  name: string;
  game: string;
  content: string;
  seats: number;
  /** The own seat; 255 for who watches. */
  seat: number;
  phase: 'waiting' | 'preparing' | 'ready' | 'playing' | 'finished' | 'closed';
  members: Member[];
  start: 'full' | 'ready' | 'host';
  locked: boolean;
  private: boolean;
  spectators: number;
  event: number;
  watchers: { player: string; name: string }[];
  kept: string[];
}

export interface Score {
  seat: number;
  score: number;
  combo: number;
  accuracy_permille: number;
}

export interface MatchEnded {
  epoch: number;
  ticks: number;
  hash: string;
  reason: 'outcome' | 'aborted' | 'failed';
  scores: number[];
  winner: number | null;
}

export interface RoomEvent {
  number: number;
  kind: string;
  player: string;
  name: string;
  seat: number | null;
  reason: string;
  text: string;
  flag: boolean;
  phase: string;
  in_ms: number;
  scores: Score[];
  ended: MatchEnded | null;
}

export interface MatchStarted {
  epoch: number;
  game: string;
  seats: number;
  seat: number;
  tick_rate_hz: number;
  input_bits: number;
  next: number;
  due_in_us: number;
  /** Set when it is over. */
  ended?: MatchEnded;
}

/** A thing to draw, in world units and radians. */
export interface Body {
  id: number;
  kind: number;
  seat: number;
  x: number;
  y: number;
  angle: number;
  halfWidth: number;
  halfHeight: number;
  rawX: number;
  rawY: number;
}

/** How the match was after a tick. */
export interface State {
  epoch: number;
  tick: number;
  ticksLeft: number;
  scores: number[];
  bodies: Map<number, Body>;
}

/** What is to be drawn now. */
export interface Drawn extends Omit<State, 'bodies'> {
  bodies: Body[];
}

export type Status = 'idle' | 'connecting' | 'online' | 'offline' | 'closed';

/** Where a room goes on. */
export interface Moved {
  room: string;
  tick: number;
  url: string;
  ticket: string;
}

/** What `on` can be asked for. */
export interface Messages {
  /** The link: "offline" means that it is coming back. */
  status: Status;
  /** It will be tried again in a while. */
  retry: { waitMs: number; tries: number };
  /** Keep this to be the same guest another time. */
  guest: string;
  welcome: { player: string; resume_token: string; resume_s: number; heartbeat_s: number;
    message_bytes_max: number; messages_per_s: number; others: string[];
    lost_after_ms: number };
  resumed: { last_id: number };
  joined: Room;
  room: Room;
  left: { reason: string; text?: string };
  event: RoomEvent;
  started: MatchStarted;
  ended: MatchEnded;
  /** A whole state, put together from the views. */
  state: State;
  view: object;
  /** `busy`, `too_fast`: ask again. `lost`: it was said in a session that is over, and may have been done or not. */
  refused: { to: number; code: string; text: string };
  error: { code: string; text: string };
  /** The room goes on at another node; the link follows by itself. */
  moved: Moved;
  /** It has followed: what comes now comes from there. */
  followed: { url: string; room?: string };
  /** Why the server closes the connection. Words that nobody knows mean that it is made again. */
  closing: { reason: string };
  pong: { nonce: number };
}

export class FramekeepError extends Error {
  readonly code: string;
  constructor(code: string, text?: string);
}

export class Framekeep {
  constructor(options?: Options);
  readonly status: Status;
  /** Why the link was closed for good: as in `closing`, or as in `error`. */
  readonly reason?: string;
  /**
   * What the server said as it closed the connection that is being made again, as in `closing`: with `shutting_down` its
   * matches were given up, with `restarting` they go on when it is back. Null while the link is online, and where the
   * connection broke without a word.
   */
  readonly cause: string | null;
  readonly player: string | null;
  readonly guest: string | null;
  readonly room: Room | null;
  readonly match: MatchStarted | null;
  readonly state: State | null;
  readonly scores: Score[];
  /** The address of the server, which is another one where a room was followed. */
  readonly url: string;
  /** The secret of the session, with which the HTTP API tells of rooms that let this client in; null while there is none. */
  readonly resumeToken: string | null;
  readonly rttMs: number | null;
  readonly delayMs: number;
  /** How often the session went on over a new connection. */
  readonly resumes: number;

  on<T extends keyof Messages>(type: T, handler: (message: Messages[T]) => void): () => void;
  on(type: `event:${string}`, handler: (event: RoomEvent) => void): () => void;
  on(type: '*', handler: (message: unknown, type: string) => void): () => void;
  once<T extends keyof Messages>(type: T, test?: (message: Messages[T]) => boolean, withinMs?: number): Promise<Messages[T]>;
  once(type: `event:${string}`, test?: (event: RoomEvent) => boolean, withinMs?: number): Promise<RoomEvent>;

  connect(): Promise<this>;
  close(): void;
  hurry(): void;

  join(room: string, options?: JoinOptions): Promise<Room>;
  // Requests give the numbers that `refused` names them by; no two requests of a link have the same.
  leave(): number;
  ready(ready?: boolean): number;
  choose(content: string): number;
  start(): number;
  rematch(): number;
  chat(text: string): number;
  reserve(player: string): number;
  kick(player: string, options?: { ban?: boolean }): number;
  handOver(player: string): number;
  lock(locked?: boolean): number;
  abort(): number;
  closeRoom(): number;
  request(body: object): number;
  input(bits: number | string, tick?: number): boolean;
  sync(): void;

  tick(nowMs?: number): number | null;
  sample(nowMs?: number): Drawn | null;
}

export const NOBODY: 255;
export const ARENA: { player: 0; shot: 1; crate: 2; wall: 3; pillar: 4; health: 5; shield: 6; rapid: 7 };
export const RHYTHM: { note: 0; hold: 1; key: 2 };
export function arenaInput(does: { x?: number; y?: number; aim?: number; shoot?: boolean; dash?: boolean }): number;
export function rhythmInput(lanes: number, offsetEighths?: number): number;

export class Backoff {
  constructor(options?: { firstMs?: number; longestMs?: number; random?: () => number });
  next(): number;
  reset(): void;
}
export interface Request {
  id: number;
  body: object;
  /** Set it once it was sent. */
  said: boolean;
}
export class Outbox {
  readonly lastId: number;
  readonly waiting: Request[];
  add(body: object): Request;
  done(id: number): void;
  after(id: number): Request[];
  /** A new session begins, with `first` if there is one; gives what was said in the old one. */
  renew(first?: object | null): Request[];
  /** A room is followed; gives what was said, unless it is sure that it was not done. */
  carry(isSure: boolean): Request[];
  clear(): void;
}
export class Inbox {
  readonly lastId: number;
  readonly unacknowledged: number;
  take(id: number): boolean;
  acknowledge(): number;
  clear(): void;
}
export class Pulse {
  readonly rttMs: number | null;
  begin(nowMs: number): void;
  heard(): void;
  /** To be asked at each beat. */
  isLost(nowMs: number): boolean;
  ping(nowMs: number): number;
  pong(nonce: number, nowMs: number): void;
}
export class ViewDecoder {
  apply(view: object): State | null;
  clear(): void;
}
export class Interpolation {
  readonly newest: State | null;
  push(state: State): void;
  at(tick: number): Drawn | null;
  clear(): void;
}
export class TickClock {
  readonly jitterMs: number;
  clear(rateHz: number): void;
  note(tick: number, nowMs: number): void;
  tick(nowMs: number): number | null;
}
