// Names for rooms, guests and bots.

const ADJECTIVES = ['amber', 'bold', 'brisk', 'calm', 'coral', 'dusty', 'early', 'fuzzy', 'gold', 'happy', 'jolly', 'late',
  'lucky', 'mellow', 'nimble', 'quick', 'quiet', 'rusty', 'salty', 'silver', 'sunny', 'swift', 'tidy', 'wild'];
const ANIMALS = ['badger', 'beetle', 'crane', 'dingo', 'falcon', 'ferret', 'gecko', 'heron', 'ibex', 'jackal', 'koala', 'lemur',
  'lynx', 'marten', 'newt', 'otter', 'panda', 'quail', 'raven', 'seal', 'stork', 'tapir', 'vole', 'wombat'];
const BOTS = ['Bolt', 'Cog', 'Dot', 'Fizz', 'Gizmo', 'Nut', 'Pixel', 'Rivet', 'Servo', 'Sprocket', 'Tik', 'Zip'];

const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** A name for a room that can be read out over a telephone. */
export function roomName() {
  return `${pick(ADJECTIVES)}-${pick(ANIMALS)}-${10 + Math.floor(Math.random() * 90)}`;
}

/** A name for somebody who has not said one. */
export function guestName() {
  const word = pick(ANIMALS);
  return word[0].toUpperCase() + word.slice(1);
}

/** The name of a bot, which everybody can see to be one. */
export function botName(taken = []) {
  const free = BOTS.filter((name) => !taken.includes(`${name} [bot]`));
  return `${pick(free.length ? free : BOTS)} [bot]`;
}

/** Whether a name is a bot's, and the name without that. */
export function readName(name) {
  const isBot = / \[bot\]( \(\d+\))?$/.test(name);
  return { isBot, name: isBot ? name.replace(/ \[bot\]/, '') : name };
}
