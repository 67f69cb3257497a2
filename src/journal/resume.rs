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
    /// The game plays with another number of seats.
    #[error("the match has {recorded} seats, and the game makes {made} of it")]
    Seats {
        /// In the journal.
        recorded: u8,
        /// By the game.
        made: u8,
    },
}

impl MatchLife {
    /// Plays the match from its last snapshot to its last frame, comparing every hash.
    ///
    /// # Errors
    /// [`NotResumed`] if it cannot be played at all. A hash that differs is no error: see [`Resumed::disagreed`].
    pub fn resume(&self, game: &dyn AnyGame) -> Result<Resumed, NotResumed> {
        let header = &self.started.header;
        let mut run = Run::new(game, header.seats, self)?;
        let from = self.resume_point();
        for piece in &self.pieces {
            let fed = match piece {
                Piece::Chunk { version, packed } => run.chunk(*version, packed, from),
                Piece::Steps { hashes, deltas } => run.steps(hashes, deltas, from),
                Piece::Snapshot { tick, hash, packed } => run.snapshot(*tick, *hash, packed, from),
            };
            if let Err(what) = fed {
                let tick = run.resumed.builder.next();
                run.resumed.disagreed = Some(Disagreed { tick, what });
                break;
            }
        }
        Ok(run.finish())
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
    resumed: Resumed,
    bits: u32,
    seats: u8,
    scratch: Vec<u8>,
}

impl Run {
    fn new(game: &dyn AnyGame, seats: u8, life: &MatchLife) -> Result<Self, NotResumed> {
        let header = &life.started.header;
        let play = game.start(&header.content, header.seed, seats)?;
        if play.seats() != seats {
            return Err(NotResumed::Seats { recorded: seats, made: play.seats() });
        }
        let mut state = Vec::new();
        let hash = play.hash(&mut state);
        let absent = Frame::absent(Tick(0), seats);
        let resumed = Resumed {
            play,
            builder: ReplayBuilder::new(header)?,
            frame: absent.clone(),
            previous: absent,
            hashes: vec![hash],
            state,
            outcome: None,
            stepped: 0,
            disagreed: None,
        };
        Ok(Self { resumed, bits: u32::from(header.input_bits), seats, scratch: Vec::new() })
    }

    fn chunk(&mut self, version: u16, packed: &[u8], from: Tick) -> Result<(), String> {
        let mut raw = Vec::new();
        unpack(packed, &mut raw)?;
        let mut cursor = ChunkCursor::open(&raw, version, self.seats, self.bits)?;
        while let Some(next) = cursor.next(&raw) {
            let (frame, hash) = next?;
            std::mem::swap(&mut self.resumed.previous, &mut self.resumed.frame);
            self.resumed.frame.copy_from(frame);
            self.push(Some(hash), from)?;
        }
        Ok(())
    }

    fn steps(&mut self, hashes: &[Option<u64>], deltas: &[u8], from: Tick) -> Result<(), String> {
        let mut rest = deltas;
        for hash in hashes {
            let resumed = &mut self.resumed;
            resumed.previous.copy_from(&resumed.frame);
            let used =
                decode_frame(rest, &mut resumed.frame, self.bits).map_err(|error| error.to_string())?;
            resumed.frame.tick = resumed.builder.next();
            rest = rest.get(used..).unwrap_or_default();
            self.push(hash.map(TickHash::Full), from)?;
        }
        if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes follow the last frame", rest.len())) }
    }

    /// Adds the frame; steps it if it is not before the snapshot that the match goes on from.
    fn push(&mut self, known: Option<TickHash>, from: Tick) -> Result<(), String> {
        let resumed = &mut self.resumed;
        // Of a tick before the snapshot the low half is enough: it is what clients claim and replays keep.
        let mut hash = match known {
            Some(TickHash::Full(hash)) => hash,
            Some(TickHash::Low(low)) => u64::from(low),
            None => 0,
        };
        if resumed.frame.tick >= from {
            resumed.play.step(&resumed.frame);
            resumed.stepped += 1;
            hash = resumed.play.hash(&mut self.scratch);
            if let Some(known) = known.filter(|known| !known.agrees(hash)) {
                return Err(format!("the state's hash is {hash:016x}, and {known} was recorded"));
            }
        }
        resumed.builder.push(&resumed.frame, hash).map_err(|error| error.to_string())?;
        resumed.hashes.push(hash);
        Ok(())
    }

    fn snapshot(&mut self, tick: Tick, hash: u64, packed: &[u8], from: Tick) -> Result<(), String> {
        let resumed = &mut self.resumed;
        let due = resumed.builder.keyframe_due();
        if tick != from && !due {
            return Ok(());
        }
        unpack(packed, &mut self.scratch)?;
        if framekeep_sim::hash_bytes(&self.scratch) != hash
            || resumed.hashes.last().map(|last| *last as u32) != Some(hash as u32)
        {
            return Err(format!(
                "the snapshot before tick {tick} is not the state that {hash:016x} stands for"
            ));
        }
        if due {
            resumed.builder.push_keyframe(&self.scratch);
        }
        if tick == from {
            resumed.play.restore(tick, &self.scratch).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn finish(mut self) -> Resumed {
        let resumed = &mut self.resumed;
        if resumed.disagreed.is_none() {
            let _ = resumed.play.hash(&mut resumed.state);
            resumed.outcome = resumed.play.outcome();
        }
        if resumed.hashes.len() == 1 {
            resumed.frame.tick = Tick(0);
        }
        self.resumed
    }
}
