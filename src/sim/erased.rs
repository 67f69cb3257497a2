//! `AnyGame` and `AnyMatch`: games and matches behind one type, so that one server hosts several games.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::walk::{Leaf, walk};
use crate::{
    CONTENT_BYTES_MAX, ContentError, DecodeError, FieldDiff, Frame, Game, Input, Match, Outcome, SeatScore,
    Tick, View, decode, diff_values, encode_into, fingerprint,
};

/// A rule set whose types are not known here; see [`Game`] for what each method means.
pub trait AnyGame: Send + Sync {
    /// [`Game::NAME`].
    fn name(&self) -> &'static str;
    /// [`Game::VERSION`].
    fn version(&self) -> u32;
    /// [`Game::SEATS`].
    fn seats(&self) -> core::ops::RangeInclusive<u8>;
    /// [`Input::BITS`] of the game's input.
    fn input_bits(&self) -> u32;
    /// The bits of the valid input nearest to `bits`.
    fn clamp_input(&self, bits: u64) -> u64;
    /// The rules fingerprint: plays the probe match, so call it once and keep it.
    fn fingerprint(&self) -> u64;
    /// The canonical encoding of the default content.
    fn default_content(&self) -> Vec<u8>;
    /// The canonical encoding of a content file.
    ///
    /// # Errors
    /// The text is not valid content for this game.
    fn parse_content(&self, text: &str) -> Result<Vec<u8>, ContentError>;
    /// Starts a match on content in its canonical encoding.
    ///
    /// # Errors
    /// The bytes are not this game's content.
    fn start(&self, content: &[u8], seed: u64, seats: u8) -> Result<Box<dyn AnyMatch>, DecodeError>;
}

/// A running match whose types are not known here; see [`Match`].
pub trait AnyMatch: Send + Sync {
    /// How many frames were stepped; the tick of the next frame.
    fn tick(&self) -> Tick;
    /// How many seats the match has.
    fn seats(&self) -> u8;
    /// Steps one frame.
    fn step(&mut self, frame: &Frame);
    /// Appends the canonical encoding of the state to `out`.
    fn encode(&self, out: &mut Vec<u8>);
    /// The hash of the canonical encoding; `scratch` is overwritten.
    fn hash(&self, scratch: &mut Vec<u8>) -> u64;
    /// Replaces the state by one from its canonical encoding and sets the tick.
    ///
    /// # Errors
    /// The bytes are not a state of this game; the match is unchanged then.
    fn restore(&mut self, tick: Tick, bytes: &[u8]) -> Result<(), DecodeError>;
    /// Where this state and another in its canonical encoding differ, at most `limit` fields.
    ///
    /// # Errors
    /// The bytes are not a state of this game.
    fn diff(&self, other: &[u8], limit: usize) -> Result<Vec<FieldDiff>, DecodeError>;
    /// Gives `visit` the path and the value of every field of the state, in the order of their encoding, until it
    /// returns false: `seats[2].health`, `10`.
    fn visit_fields(&self, visit: &mut dyn FnMut(&str, &str) -> bool);
    /// The result, once the match is over.
    fn outcome(&self) -> Option<Outcome>;
    /// Overwrites `out` with how every seat stands; empty when the game keeps no scores.
    fn scores(&self, out: &mut Vec<SeatScore>);
    /// Overwrites `view` with what a spectator draws.
    fn view(&self, view: &mut View);
    /// How many events the last step told.
    fn event_count(&self) -> usize;
    /// The events of the last step as debug text, one string each: for logs and tools.
    fn describe_events(&self) -> Vec<String>;
    /// Those events of the last step that a timeline marks: see [`Game::is_landmark`].
    fn landmarks(&self) -> Vec<Landmark>;
    /// A copy.
    fn duplicate(&self) -> Box<dyn AnyMatch>;
}

/// An event of a game whose type is not known here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landmark {
    /// The event's name, as in the game: `KnockedOut`.
    pub kind: String,
    /// Its fields by name, and their values as text.
    pub fields: Vec<(String, String)>,
}

impl Landmark {
    fn of(event: &impl serde::Serialize) -> Self {
        let mut landmark = Self::default();
        walk(event, &mut |leaf: Leaf<'_>| {
            // The name of an enum's variant comes before its fields.
            if landmark.kind.is_empty() {
                leaf.value.clone_into(&mut landmark.kind);
            } else {
                landmark.fields.push((leaf.path.to_owned(), leaf.value.to_owned()));
            }
            true
        });
        landmark
    }
}

/// A [`Game`] as an [`AnyGame`].
pub(crate) struct Erased<G>(PhantomData<fn() -> G>);

impl<G> Erased<G> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<G: Game> AnyGame for Erased<G> {
    fn name(&self) -> &'static str {
        G::NAME
    }

    fn version(&self) -> u32 {
        G::VERSION
    }

    fn seats(&self) -> core::ops::RangeInclusive<u8> {
        G::SEATS
    }

    fn input_bits(&self) -> u32 {
        G::Input::BITS
    }

    fn clamp_input(&self, bits: u64) -> u64 {
        G::Input::unpack(bits).pack()
    }

    fn fingerprint(&self) -> u64 {
        fingerprint::<G>()
    }

    fn default_content(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_into(&G::default_content(), &mut bytes);
        bytes
    }

    fn parse_content(&self, text: &str) -> Result<Vec<u8>, ContentError> {
        let mut bytes = Vec::new();
        encode_into(&G::parse_content(text)?, &mut bytes);
        Ok(bytes)
    }

    fn start(&self, content: &[u8], seed: u64, seats: u8) -> Result<Box<dyn AnyMatch>, DecodeError> {
        if content.len() > CONTENT_BYTES_MAX {
            return Err(DecodeError::Malformed(alloc::format!(
                "content of {} bytes is over the limit of {CONTENT_BYTES_MAX}",
                content.len()
            )));
        }
        let content: G::Config = decode(content)?;
        Ok(Box::new(Match::<G>::start(Arc::new(content), seed, seats)))
    }
}

impl<G: Game> AnyMatch for Match<G> {
    fn tick(&self) -> Tick {
        self.tick()
    }

    fn seats(&self) -> u8 {
        self.seats()
    }

    fn step(&mut self, frame: &Frame) {
        self.step(frame);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }

    fn hash(&self, scratch: &mut Vec<u8>) -> u64 {
        self.hash(scratch)
    }

    fn restore(&mut self, tick: Tick, bytes: &[u8]) -> Result<(), DecodeError> {
        self.restore(tick, bytes)
    }

    fn diff(&self, other: &[u8], limit: usize) -> Result<Vec<FieldDiff>, DecodeError> {
        Ok(diff_values(self.state(), &decode::<G::State>(other)?, limit))
    }

    fn visit_fields(&self, visit: &mut dyn FnMut(&str, &str) -> bool) {
        walk(self.state(), &mut |leaf: Leaf<'_>| visit(leaf.path, leaf.value));
    }

    fn outcome(&self) -> Option<Outcome> {
        self.outcome()
    }

    fn scores(&self, out: &mut Vec<SeatScore>) {
        self.scores(out);
    }

    fn view(&self, view: &mut View) {
        self.view(view);
    }

    fn event_count(&self) -> usize {
        self.events().len()
    }

    fn describe_events(&self) -> Vec<String> {
        self.events().iter().map(|event| alloc::format!("{event:?}")).collect()
    }

    fn landmarks(&self) -> Vec<Landmark> {
        self.events().iter().filter(|event| G::is_landmark(event)).map(Landmark::of).collect()
    }

    fn duplicate(&self) -> Box<dyn AnyMatch> {
        Box::new(self.clone())
    }
}
