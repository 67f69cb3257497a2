//! `Lives`, what the records of a journal say of its rooms.

use std::collections::BTreeMap;
use std::fmt;

use framekeep_protocol::{PlayerId, PlayerName, RoomName, RoomPhase};
use framekeep_sim::Tick;

use crate::chunk::ChunkCursor;
use crate::limits::CHUNK_RAW_BYTES_MAX;
use crate::record::unpack;
use crate::turns::{self, Turn};
use crate::{
    Arrival, Departure, Entry, MatchEnd, MatchStarted, MemberState, Record, RoomOpened, RoomState, Seated,
};

/// The rooms of a journal that were not closed, each with its match as far as the records go.
///
/// Give it every record of every segment in order. A record that does not follow from those before it is a fault; it
/// and what it leads to are left out, so what is here is always a prefix of what was.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    rooms: BTreeMap<u64, Life>,
    departed: BTreeMap<u64, Departure>,
    arrived: BTreeMap<u64, Arrival>,
    ended: Vec<EndedMatch>,
    newest: Option<(u64, Tick)>,
}

/// A match that was played to its end.
#[derive(Clone, Debug)]
pub struct EndedMatch {
    /// The room it was played in.
    pub room: u64,
    /// The match.
    pub play: MatchLife,
    /// How it ended.
    pub end: MatchEnd,
}

/// One room that was not closed.
#[derive(Clone, Debug)]
pub struct Life {
    /// All there is to know of it besides its match.
    pub room: RoomState,
    /// Its match, if it has one that was not put away.
    pub play: Option<MatchLife>,
    /// The match as it is being told once more, and how many frames that has when it is whole.
    coming: Option<(Tick, MatchLife)>,
    /// It is told by records of version 1.
    is_old: bool,
}

/// A match as far as the records go.
#[derive(Clone, Debug)]
pub struct MatchLife {
    pub(crate) started: MatchStarted,
    pub(crate) pieces: Vec<Piece>,
    next: Tick,
    broken: bool,
    turns: Vec<Turn>,
}

/// Records of a match that belong together.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// A chunk of frames, packed, as in replays of this version.
    Chunk { version: u16, packed: Vec<u8> },
    /// Frames one after the other, each with its hash as far as it is known.
    Steps { hashes: Vec<Option<u64>>, deltas: Vec<u8> },
    /// The state before `tick`.
    Snapshot { tick: Tick, hash: u64, packed: Vec<u8> },
}

/// A record that does not follow from those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifeFault {
    /// Where the record starts in its segment.
    pub offset: u64,
    /// The room it is of.
    pub room: u64,
    /// The tick of the room's match that is needed next.
    pub tick: Tick,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for LifeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record at byte {} of room {} at tick {}: {}", self.offset, self.room, self.tick, self.what)
    }
}

impl std::error::Error for LifeFault {}

impl Lives {
    /// Takes the next record.
    ///
    /// # Errors
    /// [`LifeFault`] if it does not follow from those before it. Only the first of a match is told.
    pub fn take(&mut self, entry: &Entry<'_>) -> Result<(), LifeFault> {
        let room = entry.room;
        match &entry.record {
            Record::Room(state) => self.set_room(room, state),
            Record::RoomOpened(opened) => {
                let life = Life::of_version_1(opened).map_err(|what| LifeFault {
                    offset: entry.offset,
                    room,
                    tick: Tick(0),
                    what,
                })?;
                self.rooms.insert(room, life);
            }
            Record::RoomClosed => self.close(room),
            Record::MovedAway(departure) => {
                self.close(room);
                self.departed.insert(room, departure.clone());
            }
            Record::MovedIn(arrival) => {
                self.departed.remove(&room);
                self.arrived.insert(room, arrival.clone());
            }
            Record::CleanShutdown => {}
            Record::MatchEnded { epoch, end } => {
                let Some(life) = self.rooms.get_mut(&room) else { return Ok(()) };
                let ended = life.end_match(*epoch);
                self.ended.extend(ended.map(|play| EndedMatch { room, play, end: end.clone() }));
            }
            record => {
                // Of a room whose beginning is lost, or that is closed, nothing can be made.
                let Some(life) = self.rooms.get_mut(&room) else { return Ok(()) };
                let taken = life.take(record);
                let tick = life.play.as_ref().map_or(Tick(0), MatchLife::next);
                self.newest = Some((room, tick));
                taken.map_err(|what| LifeFault { offset: entry.offset, room, tick, what })?;
            }
        }
        Ok(())
    }

    fn close(&mut self, room: u64) {
        self.rooms.remove(&room);
        self.departed.remove(&room);
        self.arrived.remove(&room);
    }

    /// The rooms that went on at other nodes, as far as those have not said that they own them.
    #[must_use]
    pub fn departed(&self) -> &BTreeMap<u64, Departure> {
        &self.departed
    }

    /// Where rooms came from that came from other nodes.
    #[must_use]
    pub fn arrived(&self) -> &BTreeMap<u64, Arrival> {
        &self.arrived
    }

    fn set_room(&mut self, room: u64, state: &RoomState) {
        // A move that was given up after all: the room was told once more.
        self.departed.remove(&room);
        match self.rooms.get_mut(&room) {
            Some(life) => {
                life.room = state.clone();
                life.note_turns();
            }
            None => {
                let life = Life { room: state.clone(), play: None, coming: None, is_old: false };
                self.rooms.insert(room, life);
            }
        }
    }

    /// The matches that have ended since this was asked last: their replays are perhaps not written yet.
    pub fn take_ended(&mut self) -> Vec<EndedMatch> {
        std::mem::take(&mut self.ended)
    }

    /// The room of the last record of a match, and the tick its match needs next.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, Tick)> {
        self.newest
    }

    /// How many rooms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// A room.
    #[must_use]
    pub fn get(&self, room: u64) -> Option<&Life> {
        self.rooms.get(&room)
    }

    /// The numbers of all rooms, in order.
    pub fn rooms(&self) -> impl Iterator<Item = u64> {
        self.rooms.keys().copied()
    }

    /// All rooms in the order of their numbers.
    pub fn into_rooms(self) -> impl Iterator<Item = (u64, Life)> {
        self.rooms.into_iter()
    }
}

impl Life {
    fn of_version_1(opened: &RoomOpened) -> Result<Self, String> {
        let name = RoomName::try_from(opened.name.as_str()).map_err(|fault| fault.to_string())?;
        let room = RoomState {
            content: opened.content.clone(),
            tick_rate_hz: opened.tick_rate_hz,
            send_every_ticks: opened.send_every_ticks,
            ..RoomState::empty(name, &opened.game, opened.seats)
        };
        room.validate()?;
        Ok(Self { room, play: None, coming: None, is_old: true })
    }

    /// Takes a record that neither opens nor closes the room.
    fn take(&mut self, record: &Record<'_>) -> Result<(), String> {
        match record {
            Record::Seats(seats) => return self.sit(seats),
            Record::MatchStarted(started) => {
                self.coming = None;
                self.play = Some(MatchLife::new((**started).clone()));
                self.room.epoch = started.epoch;
                self.note_phase(RoomPhase::Playing);
            }
            Record::MatchResumed(resumed) => {
                self.coming = Some((resumed.ticks, MatchLife::new(resumed.started.clone())));
            }
            record => {
                let play = self.coming.as_mut().map(|(_, play)| play).or(self.play.as_mut());
                if let Some(play) = play {
                    play.take(record)?;
                }
            }
        }
        if let Some((_, mut play)) = self.coming.take_if(|(ticks, play)| play.next >= *ticks) {
            // What was told of its players before is known better from there.
            if let Some(before) = self.play.take().filter(|before| before.started == play.started) {
                play.turns = before.turns;
            }
            self.play = Some(play);
            self.note_turns();
        }
        Ok(())
    }

    /// Who plays the match has perhaps changed.
    fn note_turns(&mut self) {
        if let Some(play) = &mut self.play {
            turns::note(&mut play.turns, &self.room, play.next);
        }
    }

    /// The match is over; gives it.
    fn end_match(&mut self, epoch: u8) -> Option<MatchLife> {
        self.coming = None;
        self.note_phase(RoomPhase::Finished);
        self.play.take_if(|play| play.started.epoch == epoch)
    }

    /// Rooms of version 1 do not say where they are in their life.
    fn note_phase(&mut self, phase: RoomPhase) {
        if self.is_old {
            self.room.phase = phase;
        }
    }

    fn sit(&mut self, seats: &[Seated]) -> Result<(), String> {
        let member = |seated: &Seated| {
            let name = PlayerName::try_from(seated.name.as_str()).map_err(|fault| fault.to_string())?;
            let player = PlayerId(seated.player);
            Ok(MemberState { seat: seated.seat, player, name, ready: false, out: false })
        };
        let members: Vec<MemberState> = seats.iter().map(member).collect::<Result<_, String>>()?;
        let sits = |host: &PlayerId| members.iter().any(|member| member.player == *host);
        let host = self.room.host.filter(sits).or(members.first().map(|member| member.player));
        let room = RoomState { members, host, ..self.room.clone() };
        room.validate()?;
        self.room = room;
        self.note_turns();
        Ok(())
    }
}

impl MatchLife {
    fn new(started: MatchStarted) -> Self {
        let turns = turns::of(&started.header);
        Self { started, pieces: Vec::new(), next: Tick(0), broken: false, turns }
    }

    /// What the match was started with.
    #[must_use]
    pub fn started(&self) -> &MatchStarted {
        &self.started
    }

    /// Who had which seat, in the order in which they took them. Of a match that was told once more, those who were
    /// gone by then are known only from earlier segments.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// How many frames there are; the tick of the next one.
    #[must_use]
    pub fn next(&self) -> Tick {
        self.next
    }

    /// Keeps what the match was started with and forgets what was played, of which there is a replay. It cannot be
    /// gone on with.
    pub fn forget_frames(&mut self) {
        (self.pieces, self.broken) = (Vec::new(), true);
        self.started.header.content = Vec::new();
    }

    fn take(&mut self, record: &Record<'_>) -> Result<(), String> {
        if self.broken {
            return Ok(());
        }
        let taken = match record {
            Record::Step { tick, hash, delta } => self.step(*tick, Some(*hash), delta),
            Record::Frame { tick, delta } => self.step(*tick, None, delta),
            Record::Hash { tick, hash } => {
                self.note_hash(*tick, *hash);
                Ok(())
            }
            Record::Frames { version, packed } => self.chunk(*version, packed),
            Record::Snapshot { tick, hash, packed } => self.snapshot(*tick, *hash, packed),
            _ => Ok(()),
        };
        self.broken = taken.is_err();
        taken
    }

    fn expect(&self, tick: Tick) -> Result<(), String> {
        let next = self.next;
        if tick == next { Ok(()) } else { Err(format!("tick {tick} comes where tick {next} should")) }
    }

    fn step(&mut self, tick: Tick, hash: Option<u64>, delta: &[u8]) -> Result<(), String> {
        self.expect(tick)?;
        if !matches!(self.pieces.last(), Some(Piece::Steps { .. })) {
            self.pieces.push(Piece::Steps { hashes: Vec::new(), deltas: Vec::new() });
        }
        if let Some(Piece::Steps { hashes, deltas }) = self.pieces.last_mut() {
            hashes.push(hash);
            deltas.extend_from_slice(delta);
        }
        self.next = tick.next();
        Ok(())
    }

    fn note_hash(&mut self, tick: Tick, hash: u64) {
        if let Some(Piece::Steps { hashes, .. }) = self.pieces.last_mut()
            && tick.next() == self.next
            && let Some(last) = hashes.last_mut()
        {
            *last = Some(hash);
        }
    }

    fn chunk(&mut self, version: u16, packed: &[u8]) -> Result<(), String> {
        let mut raw = Vec::new();
        unpack(packed, &mut raw)?;
        if raw.len() > CHUNK_RAW_BYTES_MAX {
            return Err(format!("a chunk of {} bytes, over {CHUNK_RAW_BYTES_MAX}", raw.len()));
        }
        let header = &self.started.header;
        let cursor = ChunkCursor::open(&raw, version, header.seats, u32::from(header.input_bits))?;
        self.expect(cursor.first)?;
        self.next = cursor.first.later(cursor.count);
        self.pieces.push(Piece::Chunk { version, packed: packed.to_vec() });
        Ok(())
    }

    fn snapshot(&mut self, tick: Tick, hash: u64, packed: &[u8]) -> Result<(), String> {
        self.expect(tick)?;
        self.pieces.push(Piece::Snapshot { tick, hash, packed: packed.to_vec() });
        Ok(())
    }
}
