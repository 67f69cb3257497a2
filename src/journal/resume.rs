//! `MatchLife::resume`, a match as it was when its last record was written.

use framekeep_protocol::decode_frame;
use framekeep_sim::{AnyGame, AnyMatch, DecodeError, Frame, Outcome, Tick};

use crate::chunk::ChunkCursor;
use crate::life::Piece;
use crate::record::unpack;
use crate::{InvalidHeader, MatchLife, ReplayBuilder, TickHash};

/// A match that goes on where its records end.
pub struct Resumed {
    /// The match; after a disagreement it may be anything.
    pub play: Box<dyn AnyMatch>,
    /// Its replay as far as it has come.
    pub builder: ReplayBuilder,
    /// The last frame, and the one before it; absent ones if there is none.
    pub frame: Frame,
    /// See [`Resumed::frame`].
    pub previous: Frame,
    /// For every tick the hash of the state before its frame, and at last that of the state now; of ticks that were
    /// not stepped again perhaps only its low half.
    pub hashes: Vec<u64>,
    /// The canonical encoding of the state.
    pub state: Vec<u8>,
    /// The result, if the match has one.
    pub outcome: Option<Outcome>,
    /// How many frames were stepped: those after the last snapshot.
    pub stepped: u32,
    /// Where the match stopped short of its records.
    pub disagreed: Option<Disagreed>,
    /// Size of an input, in bits.
    pub input_bits: u32,
}

/// A record that is not what the game makes of the records before it. The match ends before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tick {tick}: {what}")]
pub struct Disagreed {
    /// The tick of the frame.
    pub tick: Tick,
    /// What is wrong.
    pub what: String,
}

/// A match that cannot be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotResumed {
    /// The header is out of bounds.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// The game cannot read the content or a snapshot: other rules made them.
    #[error("the game cannot read what the journal holds: {0}")]
    Unreadable(#[from] DecodeError),
    /// The records are not what they lead to.
    #[error("{0}")]
    Records(Disagreed),
    /// The game plays with another number of seats.
    #[error("the match has {recorded} seats, and the game makes {made} of it")]
    Seats {
        /// In the journal.
        recorded: u8,
        /// By the game.
        made: u8,
    },
}

impl Resumed {
    /// Goes on by one frame, as a record of the match tells it.
    ///
    /// # Errors
    /// [`Disagreed`] if it is not the next frame, or the game makes another state of it. The match is of no use then.
    pub fn follow(&mut self, tick: Tick, hash: u64, delta: &[u8]) -> Result<(), Disagreed> {
        let next = self.builder.next();
        let disagreed = |what: String| Disagreed { tick: next, what };
        if tick != next {
            return Err(disagreed(format!("the frame of tick {tick} comes where that of {next} should")));
        }
        self.previous.copy_from(&self.frame);
        let used = decode_frame(delta, &mut self.frame, self.input_bits)
            .map_err(|error| disagreed(error.to_string()))?;
        if used != delta.len() {
            return Err(disagreed(format!("{} bytes follow the frame", delta.len() - used)));
        }
        self.frame.tick = tick;
        self.play.step(&self.frame);
        self.stepped += 1;
        let stepped = self.play.hash(&mut self.state);
        if stepped != hash {
            return Err(disagreed(format!("the state's hash is {stepped:016x}, and {hash:016x} was told")));
        }
        self.builder.push(&self.frame, hash).map_err(|error| disagreed(error.to_string()))?;
        self.hashes.push(hash);
        if self.builder.keyframe_due() {
            self.builder.push_keyframe(&self.state);
        }
        self.outcome = self.play.outcome();
        Ok(())
    }
}

impl MatchLife {
    /// Plays the match from its last snapshot to its last frame, comparing every hash.
    ///
    /// # Errors
    /// [`NotResumed`] if it cannot be played at all. A hash that differs is no error: see [`Resumed::disagreed`].
    pub fn resume(&self, game: &dyn AnyGame) -> Result<Resumed, NotResumed> {
        let header = &self.started.header;
        let mut play = game.start(&header.content, header.seed, header.seats)?;
        if play.seats() != header.seats {
            return Err(NotResumed::Seats { recorded: header.seats, made: play.seats() });
        }
        let mut run = Run::new(self, Some(play.as_ref()))?;
        let disagreed = run.feed(self, &mut Some(play.as_mut()), self.resume_point());
        let outcome = if disagreed.is_some() { None } else { play.outcome() };
        if disagreed.is_none() {
            let _ = play.hash(&mut run.scratch);
        }
        let Run { builder, frame, previous, hashes, stepped, scratch: state, .. } = run;
        let input_bits = u32::from(header.input_bits);
        Ok(Resumed { play, builder, frame, previous, hashes, state, outcome, stepped, disagreed, input_bits })
    }

    /// The match's replay as far as it has come, without playing it, and its last hash.
    ///
    /// # Errors
    /// [`NotResumed`] if a record is wrong, or says of a frame not what it leads to.
    pub fn archive(&self) -> Result<(ReplayBuilder, u64), NotResumed> {
        let mut run = Run::new(self, None)?;
        match run.feed(self, &mut None, Tick(u32::MAX)) {
            None => Ok((run.builder, run.hashes.last().copied().unwrap_or_default())),
            Some(disagreed) => Err(NotResumed::Records(disagreed)),
        }
    }

    /// The tick of the last snapshot before which every hash is known.
    fn resume_point(&self) -> Tick {
        let mut point = Tick(0);
        for piece in &self.pieces {
            match piece {
                Piece::Snapshot { tick, .. } => point = *tick,
                Piece::Steps { hashes, .. } if hashes.contains(&None) => break,
                Piece::Steps { .. } | Piece::Chunk { .. } => {}
            }
        }
        point
    }
}

/// A match while its records are played.
struct Run {
    builder: ReplayBuilder,
    frame: Frame,
    previous: Frame,
    hashes: Vec<u64>,
    stepped: u32,
    bits: u32,
    scratch: Vec<u8>,
}

/// What steps the frames, if anything does.
type Stepper<'a> = Option<&'a mut dyn AnyMatch>;

impl Run {
    fn new(life: &MatchLife, play: Option<&dyn AnyMatch>) -> Result<Self, NotResumed> {
        let header = &life.started.header;
        let mut scratch = Vec::new();
        let hash = play.map_or(0, |play| play.hash(&mut scratch));
        let absent = Frame::absent(Tick(0), header.seats);
        Ok(Self {
            builder: ReplayBuilder::new(header)?,
            frame: absent.clone(),
            previous: absent,
            hashes: vec![hash],
            stepped: 0,
            bits: u32::from(header.input_bits),
            scratch,
        })
    }

    /// Plays all records, from the snapshot before `from` on; gives where they disagree.
    fn feed(&mut self, life: &MatchLife, play: &mut Stepper<'_>, from: Tick) -> Option<Disagreed> {
        for piece in &life.pieces {
            let fed = match piece {
                Piece::Chunk { version, packed } => self.chunk(*version, packed, play, from),
                Piece::Steps { hashes, deltas } => self.steps(hashes, deltas, play, from),
                Piece::Snapshot { tick, hash, packed } => self.snapshot(*tick, *hash, packed, play, from),
            };
            if let Err(what) = fed {
                return Some(Disagreed { tick: self.builder.next(), what });
            }
        }
        None
    }

    fn chunk(
        &mut self,
        version: u16,
        packed: &[u8],
        play: &mut Stepper<'_>,
        from: Tick,
    ) -> Result<(), String> {
        let mut raw = Vec::new();
        unpack(packed, &mut raw)?;
        let mut cursor = ChunkCursor::open(&raw, version, self.frame.seat_count(), self.bits)?;
        while let Some(next) = cursor.next(&raw) {
            let (frame, hash) = next?;
            std::mem::swap(&mut self.previous, &mut self.frame);
            self.frame.copy_from(frame);
            self.push(Some(hash), play, from)?;
        }
        Ok(())
    }

    fn steps(
        &mut self,
        hashes: &[Option<u64>],
        deltas: &[u8],
        play: &mut Stepper<'_>,
        from: Tick,
    ) -> Result<(), String> {
        let mut rest = deltas;
        for hash in hashes {
            self.previous.copy_from(&self.frame);
            let used = decode_frame(rest, &mut self.frame, self.bits).map_err(|error| error.to_string())?;
            self.frame.tick = self.builder.next();
            rest = rest.get(used..).unwrap_or_default();
            self.push(hash.map(TickHash::Full), play, from)?;
        }
        if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes follow the last frame", rest.len())) }
    }

    /// Adds the frame; steps it if it is not before the snapshot that the match goes on from.
    fn push(&mut self, known: Option<TickHash>, play: &mut Stepper<'_>, from: Tick) -> Result<(), String> {
        // Of a tick before the snapshot the low half is enough: it is what clients claim and replays keep.
        let mut hash = known.map(|known| match known {
            TickHash::Full(hash) => hash,
            TickHash::Low(low) => u64::from(low),
        });
        if let Some(play) = play.as_mut().filter(|_| self.frame.tick >= from) {
            play.step(&self.frame);
            self.stepped += 1;
            let stepped = play.hash(&mut self.scratch);
            if let Some(known) = known.filter(|known| !known.agrees(stepped)) {
                return Err(format!("the state's hash is {stepped:016x}, and {known} was recorded"));
            }
            hash = Some(stepped);
        }
        let hash = hash.ok_or("no hash was recorded")?;
        self.builder.push(&self.frame, hash).map_err(|error| error.to_string())?;
        self.hashes.push(hash);
        Ok(())
    }

    fn snapshot(
        &mut self,
        tick: Tick,
        hash: u64,
        packed: &[u8],
        play: &mut Stepper<'_>,
        from: Tick,
    ) -> Result<(), String> {
        let due = self.builder.keyframe_due();
        if tick != from && !due {
            return Ok(());
        }
        unpack(packed, &mut self.scratch)?;
        let before = self.hashes.last().map(|last| *last as u32);
        if framekeep_sim::hash_bytes(&self.scratch) != hash || before != Some(hash as u32) {
            return Err(format!(
                "the snapshot before tick {tick} is not the state that {hash:016x} stands for"
            ));
        }
        if due {
            self.builder.push_keyframe(&self.scratch);
        }
        if let Some(play) = play.as_mut().filter(|_| tick == from) {
            play.restore(tick, &self.scratch).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
