// The first page: what can be played, with whom, and how to get there.

import { attract } from './attract.js';
import { $, make, remember } from './dom.js';
import { invitationOf, lookUp } from './invited.js';
import { guestName, roomName } from './names.js';
import { Table } from './table.js';

/** Seats of a room for a song: who does not come is not missed. */
const SINGERS = 8;

const TITLES = { courtyard: 'Courtyard', foundry: 'Foundry', pit: 'Pit', sunrise: 'Sunrise', clockwork: 'Clockwork' };

let stopAttract = () => {};

async function main() {
  $('name').value = remember('here', 'framekeep.name') ?? guestName();
  $('name').addEventListener('change', () => remember('here', 'framekeep.name', $('name').value.trim()));
  for (const button of document.querySelectorAll('[data-play]')) button.addEventListener('click', () => play(button.dataset.play));
  for (const button of document.querySelectorAll('[data-invite]')) button.addEventListener('click', () => open(button.dataset.invite));
  fillContents();
  const { room, game } = invitationOf(location.search);
  if (room && remember('tab', 'framekeep.room') === room) return enter(room);
  if (room) invite(room, game);
  else begin();
  return undefined;
}

function begin() {
  stopAttract();
  stopAttract = attract($('attract-arena'), $('attract-rhythm'));
}

/** The floors and songs of this server. */
async function fillContents() {
  const fallback = { arena: ['courtyard', 'foundry', 'pit'], rhythm: ['sunrise', 'clockwork'] };
  const node = await fetch('/api/v1/node').then((reply) => reply.json()).catch(() => null);
  for (const [id, game] of [['floor', 'arena'], ['song', 'rhythm']]) {
    const known = node?.games.find(({ name }) => name === game)?.contents.filter(Boolean) ?? fallback[game];
    $(id).replaceChildren(...known.map((name) => make('option', { value: name }, TITLES[name] ?? name)));
  }
  if (node && !node.guests) trouble('This server welcomes no guests: get a ticket from its game.');
}

/** Somebody was sent a link. */
function invite(room, game) {
  $('games').hidden = true;
  $('invited').hidden = false;
  document.querySelector('#welcome .lead').hidden = true;
  document.querySelector('#welcome h1').textContent = 'You are invited.';
  const join = $('invited-join');
  join.onclick = () => enter(room);
  const look = async () => {
    const found = await lookUp(room);
    // Whoever is in by now does not have to be told.
    if ($('lobby').hidden || $('invited').hidden) return;
    if (found.is === 'open') return showInvitation(found.view);
    showGame(game);
    if (found.is === 'unknown') {
      $('invited-what').textContent = `${found.why}: it is asked again in a moment. You can try to come in.`;
      return setTimeout(look, found.againMs);
    }
    $('invited-what').textContent = `The room “${room}” is not open any more.`;
    join.textContent = 'Open it again';
    join.onclick = () => enter(room, { create: options(game) });
    return undefined;
  };
  look();
}

function showInvitation(view) {
  showGame(view.game);
  const game = view.game === 'rhythm' ? 'Rhythm' : 'Arena';
  const state = view.phase === 'playing' ? 'The match is running: you come in at once.' : 'They are waiting for you.';
  $('invited-what').textContent = `${game}, ${view.connected} of ${view.seats} here. ${state}`;
}

/** A glimpse of the game behind the invitation; what is shown already goes on. */
function showGame(game) {
  const canvas = $('attract-invited');
  if (canvas.dataset.game === game) return;
  canvas.dataset.game = game;
  stopAttract();
  stopAttract = game === 'rhythm' ? attract(null, canvas) : attract(canvas, null);
}

function options(game, alone = false) {
  const seats = game === 'arena' ? Number($('players').value) : alone ? 1 : SINGERS;
  const content = $(game === 'arena' ? 'floor' : 'song').value ?? '';
  return { game, content, seats, spectators_max: 16, start: 'full' };
}

/** At once: against bots, or a song alone. */
function play(game) {
  return enter(roomName(), { create: options(game, true), atOnce: true });
}

/** A room that waits. */
function open(game) {
  return enter(roomName(), { create: options(game) });
}

async function enter(room, how = {}) {
  const name = $('name').value.trim() || guestName();
  remember('here', 'framekeep.name', name);
  $('trouble').hidden = true;
  stopAttract();
  const busy = document.querySelectorAll('#lobby button');
  busy.forEach((button) => (button.disabled = true));
  const onLeave = (why) => {
    history.replaceState(null, '', '/play');
    document.title = 'Play · Framekeep';
    $('games').hidden = false;
    $('invited').hidden = true;
    document.querySelector('#welcome h1').textContent = 'Another one?';
    if (why) trouble(why);
    begin();
  };
  const table = new Table({ name, url: location.origin, onLeave });
  // For the console and for tests.
  globalThis.framekeep = table;
  try {
    await table.enter(room, how);
  } catch (error) {
    table.leave(sentence(error));
  }
  busy.forEach((button) => (button.disabled = false));
}

function sentence(error) {
  if (error.code === 'out_of_range') return 'Choose another name: 1 to 32 letters.';
  return error.message ? `That did not work: ${error.message}.` : 'That did not work. Is the server there?';
}

function trouble(text) {
  $('trouble').textContent = text;
  $('trouble').hidden = false;
}

main();
