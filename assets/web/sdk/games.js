// Inputs of the games that ship with the server, packed as docs/GAMES.md says.

/** The eight ways to walk by the signs of x and y (up is positive). */
const WALK = new Map([['1,0', 1], ['1,1', 2], ['0,1', 3], ['-1,1', 4], ['-1,0', 5], ['-1,-1', 6], ['0,-1', 7], ['1,-1', 8]]);

/** Kinds of bodies in a view of the arena. */
export const ARENA = { player: 0, shot: 1, crate: 2, wall: 3, pillar: 4, health: 5, shield: 6, rapid: 7, rotor: 8, belt: 9, gate: 10 };

/** Kinds of bodies in a view of the rhythm game. */
export const RHYTHM = { note: 0, hold: 1, key: 2 };

/**
 * What a player of the arena does: where to walk, `x` and `y` from -1 to 1, where to aim in radians counter-clockwise
 * from the right, whether to shoot and to dash.
 */
export function arenaInput({ x = 0, y = 0, aim = 0, shoot = false, dash = false }) {
  const walk = WALK.get(`${Math.sign(x)},${Math.sign(y)}`) ?? 0;
  const step = ((Math.round((aim / (2 * Math.PI)) * 32) % 32) + 32) % 32;
  return walk | (step << 4) | (shoot ? 1 << 9 : 0) | (dash ? 1 << 10 : 0);
}

/** What a player of the rhythm game does: the lanes that are pressed as bits, and when in the tick they changed. */
export function rhythmInput(lanes, offsetEighths = 0) {
  return (lanes & 15) | ((offsetEighths & 7) << 4);
}
