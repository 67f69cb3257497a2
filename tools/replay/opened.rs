//! `Opened`, a replay and the rules to play it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use framekeep_journal::{Replay, Verifier};
use framekeep_sim::{AnyGame, AnyMatch, Tick};

use crate::args::{Played, Span};
use crate::failure::Failure;
use crate::load::load;

/// A replay that this build can play.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) replay: Replay,
    pub(crate) game: Arc<dyn AnyGame>,
    /// The match before its first frame.
    pub(crate) first: Box<dyn AnyMatch>,
}

impl Opened {
    pub(crate) fn played(args: &Played) -> Result<Self, Failure> {
        Self::read(&args.file, args.force)
    }

    /// Reads a replay; refuses one of other rules, with both fingerprints, unless forced.
    pub(crate) fn read(path: &Path, force: bool) -> Result<Self, Failure> {
        let replay = load(path).map_err(|error| Failure::load(path, &error))?;
        let mut verifier = Verifier::new(framekeep_games::registry());
        verifier.ignore_fingerprint = force;
        let (game, first) = verifier.start(&replay).map_err(|error| Failure::verify(path, &error))?;
        Ok(Self { path: path.to_owned(), replay, game, first })
    }

    /// The match before the frame of a tick.
    pub(crate) fn at(&self, tick: Tick) -> Result<Box<dyn AnyMatch>, Failure> {
        self.replay.seek(&*self.game, tick).map_err(|error| Failure::seek(&self.path, &error))
    }

    /// The ticks that are asked for: the first one, and the one to stop before.
    pub(crate) fn span(&self, span: &Span) -> Result<(Tick, Tick), Failure> {
        let (start, end) = (self.replay.start(), self.replay.end().ticks);
        let (from, to) = (span.from.map_or(start, Tick), span.to.map_or(end, Tick));
        if from < start || from > to || to > end {
            let message =
                format!("ticks {from} to {to} are not within the match, which has {start} to {end}");
            return Err(Failure::new(message));
        }
        Ok((from, to))
    }

    pub(crate) fn file(&self) -> String {
        self.path.display().to_string()
    }
}
