// A room as a table: what is seen and done in it, from the first guest to the rematch.

import { Framekeep, NOBODY, arenaInput } from '../framekeep.js';
import { writeSeatColours } from '../ui/colours.js';
import { ArenaScene } from './arena.js';
import { BotCrew } from './bots.js';
import { Controls } from './controls.js';
import { $, make, remember } from './dom.js';
import { pathOf } from './invited.js';
import { readName } from './names.js';
import { RhythmScene } from './rhythm.js';
import { Sound } from './sound.js';

/** What a page says for somebody who found every seat taken: a page with bots takes one out. */
const SEAT_PLEASE = 'A seat, please?';
const ASK_EVERY_MS = 10_000;

/** Inputs are sent as often as there are ticks; the server hears 60 messages a second. */
const SEND_EVERY_MS = 30;

/** The bits of shooting and dashing. */
const TAPS = (1 << 9) | (1 << 10);

const HINTS = {
  arena: [['W', 'A', 'S', 'D', 'walk'], ['mouse', 'aims'], ['click', 'or', 'space', 'shoots'], ['shift', 'dashes']],
  arenaTouch: 'Left thumb walks, right thumb aims and shoots',
  rhythm: [['D', 'F', 'J', 'K', 'strike the lanes as notes meet the line']],
  rhythmTouch: 'Tap the lanes as notes meet the line',
};

export class Table {
  /** @param {{name: string, url: string, onLeave: (why?: string) => void}} options */
  constructor({ name, url, onLeave }) {
    this.onLeave = onLeave;
    this.link = new Framekeep({ url, name, viewsHz: 30, follow: false, guest: remember('tab', 'framekeep.guest') });
    this.bots = new BotCrew(url);
    this.sound = new Sound();
    this.abort = new AbortController();
    this.scene = null;
    this.lastBits = null;
    this.sentAt = 0;
    this.tapped = 0;
    this.counted = null;
    this.best = new Map();
    this.isHasty = false;
    // Requests that may well be refused, because what they ask for happens by itself.
    this.hopeful = new Set();
    writeSeatColours();
    document.addEventListener('themechange', () => writeSeatColours(), { signal: this.abort.signal });
    this.#listen();
    this.#wire();
  }

  /** Goes into a room; opens it if `create` says how. */
  async enter(room, { create, atOnce = false } = {}) {
    this.sound.wake();
    await this.link.connect();
    this.isHasty = atOnce;
    const view = await this.#takePlace(room, create);
    remember('tab', 'framekeep.room', view.name);
    history.replaceState(null, '', pathOf(view.name, view.game));
    this.#open(view);
    if (atOnce) await this.#begin();
    return view;
  }

  /** A seat, or where all are taken a place to watch from until one is free. */
  async #takePlace(room, create) {
    try {
      return await this.link.join(room, { create });
    } catch (error) {
      if (error.code !== 'room_full') throw error;
      const view = await this.link.join(room, { spectate: true });
      this.#askForSeat();
      this.#notice('Every seat is taken. You come in as soon as one is free.', 3_500);
      return view;
    }
  }

  /** Asked again while nothing happens: whoever has bots may have been away. */
  #askForSeat() {
    clearTimeout(this.askTimer);
    if (this.abort.signal.aborted || this.link.room?.seat !== NOBODY) return;
    if (this.link.status === 'online') this.link.chat(SEAT_PLEASE);
    this.askTimer = setTimeout(() => this.#askForSeat(), ASK_EVERY_MS);
  }

  /** Bots take the free seats, and the match starts: by itself where every seat is taken. */
  async #begin() {
    const { room } = this.link;
    if (room.game === 'arena') await this.bots.fill(room);
    if (this.link.room?.phase === 'waiting') this.hopeful.add(this.link.start());
  }

  /** Who watches for want of a seat takes the first that is free. */
  #sitDown(room) {
    if (room.seat !== NOBODY || room.members.length >= room.seats || this.isSitting || room.phase === 'closed') return;
    this.isSitting = true;
    this.link.leave();
    this.link.once('left').catch(() => {}).then(() => this.#takePlace(room.name)).then((view) => {
      if (view.seat !== NOBODY) this.#notice('You are in.', 1_800);
    }).catch((error) => this.leave(error.message)).finally(() => {
      this.isSitting = false;
    });
  }

  #open(view) {
    document.title = `${view.name} · Framekeep`;
    $('lobby').hidden = true;
    $('game').hidden = false;
    this.#makeScene(view.game);
    this.#showRoom(view);
    $('stage').focus({ preventScroll: true });
    const frame = (nowMs) => {
      if (this.abort.signal.aborted) return;
      this.#draw(nowMs);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #makeScene(game) {
    const canvas = $('stage');
    this.game = game;
    if (game === 'rhythm') {
      this.scene = new RhythmScene(canvas, { link: this.link, sound: this.sound, plays: this.link.room.seat !== NOBODY });
    } else {
      this.scene = new ArenaScene(canvas, { onEvent: (event) => this.#happen(event), inset: matchMedia('(max-width: 46rem)').matches ? 104 : 56 });
      this.controls = new Controls(canvas, this.scene.camera);
    }
    const isTouch = matchMedia('(pointer: coarse)').matches;
    $('dash').hidden = !isTouch || game !== 'arena';
    this.#hint(isTouch);
  }

  #hint(isTouch) {
    const box = $('hint');
    const lines = HINTS[isTouch ? `${this.game}Touch` : this.game] ?? '';
    const keys = new Set(['W', 'A', 'S', 'D', 'F', 'J', 'K', 'space', 'shift', 'click', 'mouse']);
    const words = Array.isArray(lines)
      ? lines.flatMap((line, index) => [index ? ' · ' : '', ...line.flatMap((word) => [keys.has(word) ? make('kbd', {}, word) : word, ' '])])
      : [lines];
    box.replaceChildren(make('span', {}, ...words));
    box.classList.remove('over');
  }

  // What the link says

  #listen() {
    const { link } = this;
    link.on('guest', (guest) => remember('tab', 'framekeep.guest', guest));
    link.on('status', () => this.#showLink());
    link.on('pong', () => this.#showLink());
    link.on('room', (room) => this.#showRoom(room));
    link.on('joined', (room) => this.scene && this.#showRoom(room));
    link.on('started', (match) => this.#startMatch(match));
    link.on('ended', (ended) => this.#finish(ended));
    link.on('state', (state) => this.scene?.push(state));
    link.on('event', (event) => this.#tell(event));
    link.on('left', ({ reason, text }) => {
      const why = reason === 'lost' && this.wasShutDown ? 'shut_down' : reason;
      if (!this.isSitting) this.leave(LEFT[why] ?? text ?? 'You are out of the room.');
    });
    link.on('refused', ({ to, code, text }) => {
      if (this.scene && code !== 'already_in_room' && !this.hopeful.has(Number(to))) this.#notice(text, 3_500);
    });
    addEventListener('online', () => link.hurry(), { signal: this.abort.signal });
    // Timers of a page that was hidden may be a minute late.
    document.addEventListener('visibilitychange', () => document.hidden || link.hurry(), { signal: this.abort.signal });
  }

  #showLink() {
    const { status, rttMs, cause } = this.link;
    const words = { online: rttMs === null ? 'connected' : `${Math.max(1, Math.round(rttMs))} ms`, connecting: 'connecting',
      offline: 'reconnecting', closed: 'disconnected', idle: '' };
    $('link').dataset.status = status;
    $('link-text').textContent = words[status];
    $('game').classList.toggle('away', status === 'offline');
    if (status === 'offline') this.wasShutDown ||= cause === 'shutting_down';
    if (status === 'offline' && this.scene) this.#notice(AWAY[this.wasShutDown ? 'shutting_down' : cause] ?? AWAY.broken);
    else if (status === 'online' && this.wasAway) this.#notice('Back again.', 1_600);
    else if (status === 'closed' && !this.abort.signal.aborted && this.scene) this.leave(CLOSED[this.link.reason] ?? 'The connection was closed.');
    if (status === 'online') this.lastBits = null;
    this.wasAway = status === 'offline';
  }

  #notice(text, forMs) {
    const box = $('notice');
    clearTimeout(this.noticeTimer);
    box.textContent = text;
    box.hidden = false;
    if (forMs) this.noticeTimer = setTimeout(() => {
      box.hidden = true;
    }, forMs);
  }

  #showRoom(room) {
    this.wasShutDown = false;
    this.scene?.seat?.(room.seat !== NOBODY);
    this.names = new Map(room.members.map((member) => [member.seat, readName(member.name).name]));
    this.members = room.members;
    this.isHost = room.members.some((member) => member.player === this.link.player && member.host);
    const isPlaying = room.phase === 'playing';
    const waits = ['waiting', 'preparing', 'ready'].includes(room.phase);
    $('waiting').hidden = !waits || this.isHasty;
    if (isPlaying) $('results').hidden = true;
    if (waits) this.#showWaiting(room);
    if (room.phase === 'finished') this.#showAgain();
    this.#showScores();
    this.#sitDown(room);
  }

  #showWaiting(room) {
    $('waiting-title').textContent = room.members.length > 1 ? 'Who plays' : 'Waiting for friends';
    $('share').value = location.href;
    $('members').replaceChildren(...room.members.map((member) => {
      const { isBot, name } = readName(member.name);
      const own = member.player === this.link.player;
      const about = [own && 'you', member.host && 'host', isBot && 'bot', !member.connected && 'away'].filter(Boolean).join(', ');
      const isMine = isBot && this.isHost && this.bots.bots.some((bot) => bot.player === member.player);
      return make('li', { style: { '--of': `var(--seat-${member.seat % 16})` } }, make('span', {}, name), make('small', {}, about),
        isMine ? make('button', { onclick: () => this.bots.removeOne() }, 'Remove') : null);
    }));
    $('host-only').hidden = !this.isHost;
    $('add-bot').hidden = room.game !== 'arena' || room.members.length >= room.seats;
    const free = room.seats - room.members.length;
    $('begin').textContent = room.game === 'arena' && free > 0 ? `Start with ${free} ${free > 1 ? 'bots' : 'bot'}` : 'Start';
    const later = room.game === 'arena' ? 'Friends can come in while you play, too: a bot makes room.' : 'Friends can come in while you play, too.';
    $('waiting-note').textContent = this.isHost
      ? `Send the link: whoever opens it is at the table. ${later}`
      : 'The host starts the match.';
  }

  #tell(event) {
    if (event.kind === 'countdown') this.countTo = performance.now() + event.in_ms;
    // A bot gives its seat to a person who asks for one.
    if (event.kind === 'chat' && event.text === SEAT_PLEASE && event.player !== this.link.player) this.bots.removeOne();
    if (event.kind === 'joined' && event.player !== this.link.player) this.#feed(`${readName(event.name).name} is here`, event.seat);
    if (event.kind === 'chat' && event.text !== SEAT_PLEASE && event.player !== this.link.player) this.#feed(event.text);
    const who = this.members?.find((member) => member.player === event.player);
    if (event.kind === 'link_lost' && who) this.#feed(`${readName(who.name).name} lost the connection`, who.seat);
    if (event.kind === 'link_back' && who) this.#feed(`${readName(who.name).name} is back`, who.seat);
    if (event.scores?.length) this.#showScores();
  }

  #feed(text, seat) {
    const style = seat === undefined || seat === null ? {} : { '--of': `var(--seat-${seat % 16})` };
    const parts = Array.isArray(text) ? text : [text];
    const line = make('li', { style }, ...parts);
    line.addEventListener('animationend', () => line.remove());
    $('feed').append(line);
    while ($('feed').children.length > 5) $('feed').firstChild.remove();
  }

  #startMatch(match) {
    if (match.epoch !== this.epoch) {
      this.epoch = match.epoch;
      this.scene?.clear();
      this.best.clear();
      this.countTo = performance.now() + match.due_in_us / 1_000;
      this.greeted = match.next > 30;
    }
    this.isHasty = false;
    this.lastBits = null;
    $('waiting').hidden = true;
    $('results').hidden = true;
    if (!this.greeted) {
      clearTimeout(this.hintTimer);
      $('hint').classList.remove('over');
      this.hintTimer = setTimeout(() => $('hint').classList.add('over'), 9_000);
    }
  }

  #happen(event) {
    const { link, sound } = this;
    const seat = link.match?.seat;
    const named = (of) => make('b', { style: { '--of': `var(--seat-${of % 16})` } }, this.names.get(of) ?? `seat ${of}`);
    if (event.type === 'shot') sound.shot(event.seat === seat);
    if (event.type === 'hit') sound.hit(event.seat === seat);
    if (event.type === 'pickup' && event.seat === seat) sound.pickup();
    if (event.type !== 'out') return;
    sound.out(event.seat === seat);
    if (event.by === seat && event.seat !== seat) sound.point();
    const by = event.by !== undefined && event.by !== event.seat;
    this.#feed(by ? [named(event.by), ' got ', named(event.seat)] : [named(event.seat), ' is out']);
  }

  // What is drawn

  #draw(nowMs) {
    const { link, scene } = this;
    const drawn = link.sample(nowMs);
    this.#showTimer(drawn);
    this.#showCount(nowMs);
    if (this.game === 'rhythm') {
      scene.draw(nowMs);
    } else if (drawn) {
      const seat = link.match?.seat ?? NOBODY;
      const wants = this.controls.read(drawn, seat);
      const isPlaying = seat !== NOBODY && !link.match?.ended;
      if (isPlaying) this.#act(wants, nowMs);
      scene.draw(drawn, { seat, aim: isPlaying ? wants.aim : undefined, names: this.names, content: link.room?.content, nowMs });
      this.#showSticks();
    } else {
      this.#drawEmpty(nowMs);
    }
    if (drawn && drawn.scores !== this.shownScores) this.#showScores(drawn.scores);
  }

  /** While nobody plays, the floor is shown as it will be. */
  #drawEmpty(nowMs) {
    const content = this.link.room?.content;
    this.scene.draw({ tick: 0, bodies: [], scores: [], ticksLeft: 0 }, { content, nowMs });
  }

  #act(wants, nowMs) {
    const wanted = arenaInput(wants);
    // What was pressed between two inputs is in the next one, however short it was.
    this.tapped |= wanted & TAPS;
    if (nowMs - this.sentAt < SEND_EVERY_MS) return;
    const bits = wanted | this.tapped;
    this.tapped = 0;
    if (bits === this.lastBits || !this.link.input(bits)) return;
    this.lastBits = bits;
    this.sentAt = nowMs;
  }

  #showSticks() {
    const shown = this.controls.shownSticks.map(({ from, at }) => {
      const away = Math.hypot(at.x - from.x, at.y - from.y);
      const part = Math.min(1, 44 / Math.max(away, 1));
      return `<circle cx="${from.x}" cy="${from.y}" r="52"/><circle cx="${from.x + (at.x - from.x) * part}" cy="${from.y + (at.y - from.y) * part}" r="24"/>`;
    }).join('');
    if (shown !== this.shownSticks) $('sticks').innerHTML = shown;
    this.shownSticks = shown;
  }

  #showTimer(drawn) {
    const left = drawn?.ticksLeft ?? 0;
    // Times of a match are in ticks of 1/30 s at whatever rate the room runs.
    const seconds = Math.ceil(left / 30);
    const text = !drawn || this.link.match?.ended || !left ? '' : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    if ($('timer').textContent !== text) $('timer').textContent = text;
    $('timer').classList.toggle('short', seconds <= 10 && text !== '');
  }

  #showCount(nowMs) {
    const left = this.countTo === undefined ? -1 : this.countTo - nowMs;
    const text = left > 0 ? String(Math.ceil(left / 1_000)) : left > -900 && this.countTo !== undefined ? 'Go!' : '';
    if (text === this.counted) return;
    this.counted = text;
    $('countdown').replaceChildren(...(text ? [make('span', {}, text)] : []));
    if (text) this.sound.count(text === 'Go!');
  }

  #showScores(scores = this.link.state?.scores ?? []) {
    this.shownScores = scores;
    const rows = (this.members ?? []).map((member) => ({ ...member, score: scores[member.seat] ?? 0 }));
    rows.sort((a, b) => b.score - a.score || a.seat - b.seat);
    $('scores').replaceChildren(...rows.slice(0, 10).map((row) => {
      const { name } = readName(row.name);
      const rose = row.score > (this.best.get(row.seat) ?? 0);
      this.best.set(row.seat, row.score);
      const kind = [row.player === this.link.player && 'own', !row.connected && 'gone', rose && 'up'].filter(Boolean).join(' ');
      return make('li', { class: kind, style: { '--of': `var(--seat-${row.seat % 16})` } }, make('span', {}, name),
        make('b', {}, row.score.toLocaleString('en')));
    }));
  }

  #finish(ended) {
    const scores = ended.scores.length ? ended.scores : this.link.state?.scores ?? [];
    const seat = this.link.match?.seat ?? NOBODY;
    const won = ended.winner === seat;
    this.controls?.release();
    const rows = (this.members ?? []).map((member) => ({ ...member, score: scores[member.seat] ?? 0 }));
    rows.sort((a, b) => b.score - a.score || a.seat - b.seat);
    const winner = rows.find((row) => row.seat === ended.winner);
    const isOver = ended.reason === 'outcome';
    $('winner').textContent = !isOver ? 'No result' : won ? 'You win!' : winner ? `${readName(winner.name).name} wins` : rows.length > 1 ? 'A draw' : 'Well played';
    $('winner').style.setProperty('--of', winner ? `var(--seat-${winner.seat % 16})` : 'var(--ink)');
    $('verdict').textContent = isOver ? 'Full time' : 'The match was given up';
    $('ranks').replaceChildren(...rows.slice(0, 8).map((row, place) => make('li',
      { class: row.seat === seat ? 'own' : '', style: { '--of': `var(--seat-${row.seat % 16})`, '--place': place } },
      make('span', { class: 'place' }, String(place + 1)), make('span', {}, readName(row.name).name),
      readName(row.name).isBot ? make('small', {}, 'bot') : null, make('b', {}, row.score.toLocaleString('en')))));
    $('figures').textContent = this.game === 'rhythm' ? this.#songFigures() : '';
    $('countdown').replaceChildren();
    this.sound.end(won || rows.length === 1);
    // The last state is seen before it is covered.
    setTimeout(() => {
      if (this.link.match?.ended) $('results').hidden = false;
      if (this.link.match?.ended) $('again').focus({ preventScroll: true });
    }, 900);
    this.#showAgain();
  }

  #songFigures() {
    const { counts, best } = this.scene.chart;
    return `${counts.perfect} perfect, ${counts.great} great, ${counts.good} good, ${counts.miss} missed. Longest run ${best}.`;
  }

  #showAgain() {
    $('again').hidden = !this.isHost;
    $('results-note').textContent = this.isHost ? '' : 'The host can start the next one.';
  }

  // What the buttons do

  #wire() {
    const { signal } = this.abort;
    const on = (id, act) => $(id).addEventListener('click', act, { signal });
    on('leave', () => this.leave());
    on('results-leave', () => this.leave());
    on('again', () => this.#again());
    on('begin', () => this.#begin());
    on('add-bot', () => this.bots.add(this.link.room.name).catch((error) => this.#notice(error.message, 3_000)));
    for (const id of ['invite', 'results-invite', 'copy']) on(id, () => this.#copy());
    on('sound', () => $('sound').setAttribute('aria-pressed', String(this.sound.toggle())));
    $('sound').setAttribute('aria-pressed', String(this.sound.on));
    for (const [type, isDown] of [['pointerdown', true], ['pointerup', false], ['pointercancel', false]]) {
      $('dash').addEventListener(type, () => this.controls?.hold('dash', isDown), { signal });
    }
    addEventListener('pointerdown', () => this.sound.wake(), { signal });
    addEventListener('keydown', () => this.sound.wake(), { signal });
    addEventListener('pagehide', () => this.bots.close(), { signal });
  }

  #again() {
    this.link.rematch();
    // A full room starts by itself; one with free seats when the host says so.
    this.hopeful.add(this.link.start());
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.#notice('The link is copied. Send it to a friend.', 2_500);
    } catch {
      this.#notice(location.href, 8_000);
    }
  }

  /** Leaves the room and gives the page back. */
  leave(why) {
    if (this.abort.signal.aborted) return;
    if (this.link.room && this.link.status === 'online') this.link.leave();
    this.abort.abort();
    this.bots.close();
    this.link.close();
    this.controls?.end();
    this.scene?.end?.();
    remember('tab', 'framekeep.room', null);
    for (const id of ['waiting', 'results', 'notice']) $(id).hidden = true;
    $('countdown').replaceChildren();
    $('feed').replaceChildren();
    $('game').hidden = true;
    $('lobby').hidden = false;
    this.onLeave(why);
  }
}

const LEFT = {
  asked: null,
  room_closed: 'The room was closed.',
  elsewhere: 'The room was opened twice, and the other one stays: join it again to go there.',
  removed: 'The host has sent you away.',
  lost: 'You were away for too long; your seat was given up.',
  shut_down: 'The server was shut down, and the room with it.',
};

/** Why there is no connection, for as long as it is being made again. */
const AWAY = {
  broken: 'Connection lost. Your seat is kept for you.',
  restarting: 'The server is being restarted. Your seat is kept for you.',
  shutting_down: 'The server was shut down. This page goes on trying to reach it.',
};

const CLOSED = {
  taken_over: 'You play on in another window.',
  kicked: 'You were sent away.',
  idle: 'You did nothing for a long time, so your seat was given up.',
};

