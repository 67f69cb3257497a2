//! `Game`, the contract of a rule set.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Frame, Input, Outcome, SeatScore, View};

/// A rule set: implemented once, used unchanged by server, client, replay tool and browser.
///
/// No clock, no I/O, no randomness but the state's own ([`Pcg32`](crate::Pcg32)), no float, no iteration over
/// anything without an order. `step` must be total: it never panics, whatever the frame holds.
pub trait Game: Send + Sync + 'static {
    /// The name the game registers under; lower-case letters, digits and `-`.
    const NAME: &'static str;
    /// Raised whenever the rules change in a way that the probe match could miss.
    const VERSION: u32;
    /// Fewest and most seats a match can have; at most [`SEATS_MAX`](crate::SEATS_MAX).
    const SEATS: core::ops::RangeInclusive<u8>;

    /// What a match is played on (an arena, a song), made from a content file. Never changes during a match.
    type Config: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What one seat does in one tick.
    type Input: Input;
    /// Everything the simulation knows; its canonical encoding is what is hashed, sent and stored.
    type State: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What to tell people about a tick: hits, scores.
    type Event: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The content a match is played on when none is named; also the probe's.
    fn default_content() -> Self::Config;

    /// Reads a content file (the text of a TOML document).
    ///
    /// # Errors
    /// The text is not valid content for this game; the message names the field and the bound.
    fn parse_content(text: &str) -> Result<Self::Config, ContentError> {
        let _ = text;
        Err(ContentError(alloc::format!("the game {} takes no content files", Self::NAME)))
    }

    /// The state before tick 0.
    fn start(content: &Self::Config, seed: u64, seats: u8) -> Self::State;

    /// Advances the state by one tick. Appends what happened to `events`.
    fn step(content: &Self::Config, state: &mut Self::State, frame: &Frame, events: &mut Vec<Self::Event>);

    /// The result, once the match is over.
    fn outcome(content: &Self::Config, state: &Self::State) -> Option<Outcome>;

    /// Appends how every seat stands to `out`, in the order of the seats; it is empty when this is called.
    fn scores(content: &Self::Config, state: &Self::State, out: &mut Vec<SeatScore>) {
        let _ = (content, state, out);
    }

    /// Whether an event is one to mark on the timeline of a match: few a minute at most.
    fn is_landmark(event: &Self::Event) -> bool {
        let _ = event;
        false
    }

    /// Fills `view` with what a spectator or a thin client draws.
    fn view(content: &Self::Config, state: &Self::State, view: &mut View) {
        let _ = (content, state, view);
    }
}

/// A content file that a game refuses; the text says which field and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ContentError(pub String);
