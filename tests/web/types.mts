// A program against framekeep.d.ts. It is checked, never run: each line that is wrong has to be refused.

import { Framekeep, FramekeepError, Outbox, Pulse, arenaInput } from '../../assets/web/framekeep.js';
import type { Drawn, Room, State, Status } from '../../assets/web/framekeep.js';

export async function play(canvas: (drawn: Drawn) => void): Promise<string[]> {
  const link = new Framekeep({ url: 'http://127.0.0.1:7780', name: 'ada', ticket: async () => 'a ticket' });
  const status: Status = link.status;
  const same: Framekeep = await link.connect();
  const room: Room = await same.join('friday', { create: { game: 'arena', seats: 2, start: 'host' } });
  const off: () => void = link.on('state', (state: State) => state.bodies.get(1)?.halfWidth);
  link.on('event:chat', (event) => event.text.length);
  link.on('refused', ({ to, code }) => (to === 1 ? code : undefined));
  link.on('*', (message, type) => [message, type.length]);
  const ended = await link.once('ended', ({ winner }) => winner === 0);
  const number: number = link.chat('hello') + link.ready() + link.request({ lock: { locked: true } });
  const heard: boolean = link.input(arenaInput({ x: 1, aim: 0.5, shoot: true }), link.state?.tick);
  const drawn = link.sample();
  if (drawn) canvas(drawn);
  off();
  const { rttMs, delayMs, reason } = link;
  const cause: string | null = link.cause;
  const said = new Outbox().renew({ join: {} }).map(({ id, said: was }) => `${id} ${was}`);
  if (new Pulse().isLost(performance.now())) throw new FramekeepError('late', 'too late');
  return [status, room.phase, ended.hash, `${number} ${heard} ${rttMs} ${delayMs} ${reason} ${cause}`, ...said];
}

export function mistakes(link: Framekeep): void {
  // @ts-expect-error a name of a message that there is not
  link.on('sate', () => undefined);
  // @ts-expect-error a game's name is missing
  void link.join('friday', { create: { seats: 2 } });
  // @ts-expect-error only the link itself changes it
  link.status = 'online';
  // @ts-expect-error there are three rules
  void link.join('friday', { create: { game: 'arena', seats: 2, start: 'never' } });
  // @ts-expect-error there may be no cause
  link.cause.length;
  // @ts-expect-error chat says words
  link.chat(5);
  // @ts-expect-error the winner may be nobody
  link.on('ended', ({ winner }) => winner.toFixed());
  // @ts-expect-error a state has a map of bodies, not a list
  link.on('state', ({ bodies }) => bodies[0].x);
  // @ts-expect-error an option that there is not
  void new Framekeep({ adress: 'http://127.0.0.1:7780' });
}
