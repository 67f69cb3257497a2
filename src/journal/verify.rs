//! `Verifier`, which plays a match again and compares every hash.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use framekeep_sim::{AnyGame, AnyMatch, DecodeError, FieldDiff, GameRegistry, Outcome, Tick, UnknownGame};

use crate::{EndReason, Frames, Keyframe, Replay, TickHash};

/// Most fields that a disagreement names.
const FIELDS_MAX: usize = 8;

/// A match that was played again and is as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many frames were stepped.
    pub ticks: Tick,
    /// The hash of the final state.
    pub hash: u64,
}

/// What differs from the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The hash of the state after a tick.
    Hash {
        /// The hash in the record.
        recorded: TickHash,
        /// The hash of the state here.
        here: u64,
    },
    /// How the match ended.
    Outcome {
        /// The result in the record.
        recorded: Option<Outcome>,
        /// The result here.
        here: Option<Outcome>,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash { recorded, here } => {
                write!(f, "the state's hash is {here:016x} here and {recorded} in the record")
            }
            Self::Outcome { recorded, here } => {
                let (here, recorded) = (DisplayOutcome(here.as_ref()), DisplayOutcome(recorded.as_ref()));
                write!(f, "the outcome is {here} here and {recorded} in the record")
            }
        }
    }
}

struct DisplayOutcome<'a>(Option<&'a Outcome>);

impl fmt::Display for DisplayOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(outcome) = self.0 else { return f.write_str("none") };
        match outcome.winner {
            Some(seat) => write!(f, "seat {seat} with scores {:?}", outcome.scores),
            None => write!(f, "a draw with scores {:?}", outcome.scores),
        }
    }
}

/// Where a match played again leaves the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("disagrees at tick {tick}: {mismatch}")]
pub struct Disagreement {
    /// The first tick after which something differs.
    pub tick: Tick,
    /// What differs.
    pub mismatch: Mismatch,
    /// The tick of the keyframe that `fields` compares with: the first one at or after the disagreement.
    pub fields_at: Option<Tick>,
    /// Fields that differ at that keyframe (left is here, right is in the record), at most 8; empty without one.
    pub fields: Vec<FieldDiff>,
}

/// A match that could not be played again, or does not agree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The rules are not in the registry.
    #[error(transparent)]
    UnknownGame(#[from] UnknownGame),
    /// The rules here behave differently from those that the match was played with.
    #[error(
        "{game} was recorded by other rules: fingerprint {recorded:016x} in the record, {here:016x} here"
    )]
    OtherRules {
        /// The game's name.
        game: String,
        /// The fingerprint in the record.
        recorded: u64,
        /// The fingerprint of this build.
        here: u64,
    },
    /// The game here has other inputs or does not allow so many seats.
    #[error(
        "{game} here has inputs of {bits} bits and {seats} seats, the record {recorded_bits} and {recorded_seats}"
    )]
    OtherShape {
        /// The game's name.
        game: String,
        /// Bits of an input here.
        bits: u32,
        /// Seats that the game makes of the recorded number.
        seats: u8,
        /// Bits of an input in the record.
        recorded_bits: u8,
        /// Seats in the record.
        recorded_seats: u8,
    },
    /// The game cannot read the content.
    #[error("the game cannot read the content in the record: {0}")]
    BadContent(DecodeError),
    /// The replay begins with a state that the game cannot read.
    #[error("the game cannot read the state that the replay begins with: {0}")]
    BadStart(DecodeError),
    /// It was played again and is not as recorded.
    #[error(transparent)]
    Disagrees(Box<Disagreement>),
}

/// Plays matches again and compares every hash. Keeps the fingerprints it computed: use one for many files.
pub struct Verifier {
    games: GameRegistry,
    fingerprints: BTreeMap<&'static str, u64>,
    /// Plays a match even if its fingerprint is not that of this build.
    pub ignore_fingerprint: bool,
}

impl Verifier {
    /// A verifier for the games of a registry.
    #[must_use]
    pub fn new(games: GameRegistry) -> Self {
        Self { games, fingerprints: BTreeMap::new(), ignore_fingerprint: false }
    }

    /// The rules fingerprint of a game in this build.
    pub fn fingerprint(&mut self, game: &dyn AnyGame) -> u64 {
        *self.fingerprints.entry(game.name()).or_insert_with(|| game.fingerprint())
    }

    /// The rules of a match, and the match before its first frame.
    ///
    /// # Errors
    /// [`VerifyError`] if the match cannot be played here.
    pub fn start(&mut self, replay: &Replay) -> Result<(Arc<dyn AnyGame>, Box<dyn AnyMatch>), VerifyError> {
        let game = self.games.get(&replay.header().game)?.clone();
        self.check_rules(replay, &*game)?;
        let header = replay.header();
        let mut play =
            game.start(&header.content, header.seed, header.seats).map_err(VerifyError::BadContent)?;
        check_shape(replay, &*game, &*play)?;
        begin(replay, &mut *play)?;
        Ok((game, play))
    }

    /// Plays a match again. After each tick `on_tick` is given the tick and the hash of the state here, up to and
    /// including the first one that disagrees.
    ///
    /// # Errors
    /// [`VerifyError`] if the match cannot be played here, or if it disagrees: every tick's hash, every keyframe,
    /// the final hash and the outcome are compared.
    pub fn verify(
        &mut self,
        replay: &Replay,
        on_tick: &mut dyn FnMut(Tick, u64),
    ) -> Result<Verified, VerifyError> {
        let (_, mut play) = self.start(replay)?;
        let mut scratch = Vec::new();
        let (mut frames, mut keyframes) = (replay.frames(), later_keyframes(replay).peekable());
        let mut hash = play.hash(&mut scratch);
        while let Some((frame, recorded)) = frames.next_frame() {
            let tick = frame.tick;
            play.step(frame);
            hash = play.hash(&mut scratch);
            on_tick(tick, hash);
            let keyframe = keyframes.next_if(|keyframe| keyframe.tick == play.tick());
            let kept = keyframe.map(|keyframe| TickHash::Full(keyframe.hash));
            let recorded = kept.filter(|_| recorded.agrees(hash)).unwrap_or(recorded);
            if !recorded.agrees(hash) {
                let mismatch = Mismatch::Hash { recorded, here: hash };
                let keyframe = keyframe.or_else(|| keyframes.next());
                return Err(disagreement(replay, tick, mismatch, keyframe, play, frames));
            }
        }
        check_end(replay, &*play, hash)?;
        Ok(Verified { ticks: play.tick(), hash })
    }

    fn check_rules(&mut self, replay: &Replay, game: &dyn AnyGame) -> Result<(), VerifyError> {
        if self.ignore_fingerprint {
            return Ok(());
        }
        let (recorded, here) = (replay.header().fingerprint, self.fingerprint(game));
        if recorded == here {
            return Ok(());
        }
        Err(VerifyError::OtherRules { game: game.name().into(), recorded, here })
    }
}

/// The keyframes after the first frame.
fn later_keyframes(replay: &Replay) -> impl Iterator<Item = Keyframe> + '_ {
    replay.keyframes().filter(|keyframe| keyframe.tick > replay.start())
}

/// Puts a match whose replay begins later to where it begins.
fn begin(replay: &Replay, play: &mut dyn AnyMatch) -> Result<(), VerifyError> {
    if replay.start() == Tick(0) {
        return Ok(());
    }
    let state = replay.keyframes().next().and_then(|keyframe| replay.keyframe_state(keyframe));
    play.restore(replay.start(), &state.unwrap_or_default()).map_err(VerifyError::BadStart)
}

fn check_shape(replay: &Replay, game: &dyn AnyGame, play: &dyn AnyMatch) -> Result<(), VerifyError> {
    let header = replay.header();
    if game.input_bits() == u32::from(header.input_bits) && play.seats() == header.seats {
        return Ok(());
    }
    Err(VerifyError::OtherShape {
        game: game.name().into(),
        bits: game.input_bits(),
        seats: play.seats(),
        recorded_bits: header.input_bits,
        recorded_seats: header.seats,
    })
}

/// Plays on to the keyframe and names the fields that differ there.
fn disagreement(
    replay: &Replay,
    tick: Tick,
    mismatch: Mismatch,
    keyframe: Option<Keyframe>,
    mut play: Box<dyn AnyMatch>,
    mut frames: Frames<'_>,
) -> VerifyError {
    let mut fields = Vec::new();
    if let Some(keyframe) = keyframe {
        while play.tick() < keyframe.tick {
            let Some((frame, _)) = frames.next_frame() else { break };
            play.step(frame);
        }
        let state = replay.keyframe_state(keyframe).unwrap_or_default();
        fields = play.diff(&state, FIELDS_MAX).unwrap_or_default();
    }
    let fields_at = keyframe.map(|keyframe| keyframe.tick);
    VerifyError::Disagrees(Box::new(Disagreement { tick, mismatch, fields_at, fields }))
}

fn check_end(replay: &Replay, play: &dyn AnyMatch, hash: u64) -> Result<(), VerifyError> {
    let (end, tick) = (replay.end(), play.tick().earlier(1));
    let disagrees = |mismatch| {
        let disagreement = Disagreement { tick, mismatch, fields_at: None, fields: Vec::new() };
        Err(VerifyError::Disagrees(Box::new(disagreement)))
    };
    if end.hash != hash {
        return disagrees(Mismatch::Hash { recorded: TickHash::Full(end.hash), here: hash });
    }
    // An aborted match may have been stopped at any tick, with whatever result the room gave it.
    let here = play.outcome();
    if end.reason == EndReason::Outcome && end.outcome != here {
        return disagrees(Mismatch::Outcome { recorded: end.outcome.clone(), here });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use framekeep_sim::{SeatInput, Tick};

    use super::{Disagreement, Mismatch, Verifier, VerifyError};
    use crate::{EndReason, MatchEnd, MatchHeader, Replay, ReplayBuilder, sample};

    fn verify(file: Vec<u8>) -> Result<Vec<(Tick, u64)>, VerifyError> {
        let (replay, mut ticks) = (Replay::read(file).unwrap(), Vec::new());
        let mut verifier = Verifier::new(sample::registry());
        let verified = verifier.verify(&replay, &mut |tick, hash| ticks.push((tick, hash)))?;
        assert_eq!(verified.ticks.0 as usize, ticks.len());
        Ok(ticks)
    }

    fn disagreement(file: Vec<u8>) -> Disagreement {
        match verify(file) {
            Err(VerifyError::Disagrees(disagreement)) => *disagreement,
            other => panic!("{other:?} is not a disagreement"),
        }
    }

    #[test]
    fn a_match_agrees_with_itself() {
        for ticks in [0, 1, 256, 600, 1_100] {
            let replay = sample::replay(4, ticks);
            let hashes = verify(replay.bytes().to_vec()).unwrap();
            let mut frames = replay.frames();
            for (tick, hash) in hashes {
                let (frame, recorded) = frames.next_frame().unwrap();
                assert!(frame.tick == tick && recorded.agrees(hash));
            }
        }
    }

    #[test]
    fn a_changed_input_names_its_tick_and_the_field_at_the_next_keyframe() {
        let file = sample::replay_with(4, 700, |frame| {
            if frame.tick == Tick(123) {
                frame.set(2, SeatInput::arrived(0xabc));
            }
        });
        let found = disagreement(file);
        assert_eq!((found.tick, found.fields_at), (Tick(123), Some(Tick(512))));
        let paths: Vec<_> = found.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["places[2]"]);
    }

    #[test]
    fn a_changed_input_after_the_last_keyframe_names_its_tick() {
        let file = sample::replay_with(2, 700, |frame| {
            if frame.tick == Tick(699) {
                frame.set(0, SeatInput::arrived(0xabc));
            }
        });
        let found = disagreement(file);
        assert_eq!((found.tick, found.fields_at, found.fields.len()), (Tick(699), None, 0));
        assert!(found.to_string().starts_with("disagrees at tick 699: the state's hash is "));
    }

    fn sealed(header: &MatchHeader, end: MatchEnd) -> Vec<u8> {
        let mut file = Vec::new();
        ReplayBuilder::new(header).unwrap().seal(end, &mut file).unwrap();
        file
    }

    #[test]
    fn another_result_does_not_agree() {
        let hash = sample::replay(2, 0).end().hash;
        let outcome = Some(framekeep_sim::Outcome { scores: vec![1, 0], winner: Some(0) });
        let end = MatchEnd { hash, outcome, reason: EndReason::Outcome, ..MatchEnd::default() };
        let found = disagreement(sealed(&sample::header(2), end));
        assert!(matches!(found.mismatch, Mismatch::Outcome { here: None, .. }));
        let text = found.mismatch.to_string();
        assert_eq!(text, "the outcome is none here and seat 0 with scores [1, 0] in the record");
    }

    #[test]
    fn other_rules_are_refused_unless_forced() {
        let header = MatchHeader { fingerprint: 1, ..sample::header(2) };
        let hash = sample::replay(2, 0).end().hash;
        let end = MatchEnd { hash, reason: EndReason::Aborted, ..MatchEnd::default() };
        let file = sealed(&header, end);
        let error = verify(file.clone()).unwrap_err().to_string();
        assert!(error.contains("fingerprint 0000000000000001 in the record"), "{error}");
        let mut verifier = Verifier::new(sample::registry());
        verifier.ignore_fingerprint = true;
        assert!(verifier.verify(&Replay::read(file).unwrap(), &mut |_, _| {}).is_ok());
    }

    #[test]
    fn unknown_games_and_other_shapes_are_told() {
        let end = MatchEnd { reason: EndReason::Aborted, ..MatchEnd::default() };
        let header = MatchHeader { game: "chess".into(), ..sample::header(2) };
        let error = verify(sealed(&header, end.clone())).unwrap_err();
        assert!(error.to_string().contains("this program knows: drift"), "{error}");
        let header = MatchHeader { input_bits: 13, ..sample::header(2) };
        let error = verify(sealed(&header, end.clone())).unwrap_err();
        assert!(matches!(error, VerifyError::OtherShape { recorded_bits: 13, .. }), "{error}");
        let content_hash = framekeep_sim::hash_bytes(&[1]);
        let header = MatchHeader { content: vec![1], content_hash, ..sample::header(2) };
        assert!(matches!(verify(sealed(&header, end)), Err(VerifyError::BadContent(_))));
    }
}
