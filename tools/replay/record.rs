//! `record`: bots play a match.

mod bots;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_games::rhythm::{Rhythm, RhythmBot};
use framekeep_journal::{EndReason, InvalidHeader, MatchEnd, MatchHeader, ReplayBuilder, Seated};
use framekeep_protocol::PROTOCOL_VERSION;
use framekeep_sim::{ContentError, Frame, Game, Input, Match, SeatInput, encode_into, hash_bytes};

use crate::args::RecordArgs;
use crate::describe::grouped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key::read_seal_key;
use bots::Bot;

/// A match that bots could not play.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("there are no bots for the game {0:?}; there are for: arena, rhythm")]
    NoBots(String),
    #[error("{seats} seats, and {game} takes {min} to {max}")]
    Seats { seats: u8, game: &'static str, min: u8, max: u8 },
    #[error("the content file {path}: {error}")]
    Content { path: PathBuf, error: ContentError },
    #[error("cannot read {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot seal the match: {0}")]
    Seal(#[from] io::Error),
    #[error("{0}")]
    Key(String),
    #[error(transparent)]
    Header(#[from] InvalidHeader),
}

pub(crate) fn run(args: &RecordArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    args.target.check()?;
    let recorded = match args.game.as_str() {
        Arena::NAME => record::<ArenaBot>(args),
        Rhythm::NAME => record::<RhythmBot>(args),
        _ => Err(RecordError::NoBots(args.game.clone())),
    };
    let (ticks, file) = recorded.map_err(|error| Failure::new(error.to_string()))?;
    args.target.write(&file)?;
    writeln!(out, "{}: {} ticks", args.target.out.display(), grouped(ticks.into()))?;
    Ok(Exit::Ok)
}

/// Plays and seals; gives how many ticks there were, and the replay.
fn record<B: Bot>(args: &RecordArgs) -> Result<(u32, Vec<u8>), RecordError> {
    let (min, max) = B::Game::SEATS.into_inner();
    if !(min..=max).contains(&args.seats) {
        return Err(RecordError::Seats { seats: args.seats, game: B::Game::NAME, min, max });
    }
    let key = args.key_file.as_deref().map(read_seal_key).transpose().map_err(RecordError::Key)?;
    let content = content::<B::Game>(args.content.as_deref())?;
    let mut builder = ReplayBuilder::new(&header::<B::Game>(args, &content))?;
    let play = Match::<B::Game>::start(content.into(), args.seed, args.seats);
    let (ticks, end) = play_bots::<B>(play, args, &mut builder);
    let mut file = Vec::new();
    match key {
        Some(key) => builder.seal_signed(end, &key, &mut file)?,
        None => builder.seal(end, &mut file)?,
    };
    Ok((ticks, file))
}

fn content<G: Game>(path: Option<&Path>) -> Result<G::Config, RecordError> {
    let Some(path) = path else { return Ok(G::default_content()) };
    let path = path.to_path_buf();
    match fs::read_to_string(&path) {
        Ok(text) => G::parse_content(&text).map_err(|error| RecordError::Content { path, error }),
        Err(error) => Err(RecordError::Read { path, error }),
    }
}

fn header<G: Game>(args: &RecordArgs, content: &G::Config) -> MatchHeader {
    let mut bytes = Vec::new();
    encode_into(content, &mut bytes);
    let bot = |seat: u8| Seated { seat, player: u64::from(seat) + 1, name: format!("bot {}", seat + 1) };
    MatchHeader {
        room: "bots".into(),
        game: G::NAME.into(),
        fingerprint: framekeep_sim::fingerprint::<G>(),
        protocol_version: PROTOCOL_VERSION,
        content_hash: hash_bytes(&bytes),
        content: bytes,
        seed: args.seed,
        seats: args.seats,
        input_bits: G::Input::BITS as u8,
        tick_rate_hz: 30,
        // No clock: the same arguments give the same file.
        started_unix_s: 0,
        players: (0..args.seats).map(bot).collect(),
    }
}

/// Plays until there is a result or the ticks are used up.
fn play_bots<B: Bot>(
    mut play: Match<B::Game>,
    args: &RecordArgs,
    builder: &mut ReplayBuilder,
) -> (u32, MatchEnd) {
    let seat_seed = |seat| args.seed.wrapping_mul(64).wrapping_add(u64::from(seat));
    let mut bots: Vec<_> = (0..args.seats).map(|seat| B::new(seat_seed(seat))).collect();
    let mut state = Vec::new();
    while play.tick().0 < args.ticks && play.outcome().is_none() {
        let mut frame = Frame::absent(play.tick(), args.seats);
        for (seat, bot) in (0..).zip(&mut bots) {
            frame.set(seat, SeatInput::arrived(bot.input(&play, seat).pack()));
        }
        play.step(&frame);
        let pushed = builder.push(&frame, play.hash(&mut state));
        debug_assert_eq!(pushed, Ok(()), "the frames of a match are in order");
        if builder.keyframe_due() {
            builder.push_keyframe(&state);
        }
    }
    let outcome = play.outcome();
    let reason = if outcome.is_some() { EndReason::Outcome } else { EndReason::Aborted };
    let end = MatchEnd { ticks: play.tick(), hash: play.hash(&mut state), outcome, reason };
    (play.tick().0, end)
}
