//! `Fragile`, a game that panics, and rooms of it.

use framekeep_protocol::{JoinRoom, PlayerId, RoomName, RoomOptions, ToServer};
use framekeep_server::{Counters, Server, drill};
use framekeep_sim::{ContentError, Frame, Game, Input, Outcome, SeatScore};

/// The content with which the game panics after a third of a second.
pub(crate) const SOON: &str = "soon";

/// A game that panics in the step its content names.
pub(crate) struct Fragile;

/// No input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Nothing;

impl Input for Nothing {
    const BITS: u32 = 1;

    fn pack(self) -> u64 {
        0
    }

    fn unpack(_bits: u64) -> Self {
        Self
    }
}

impl Game for Fragile {
    const NAME: &'static str = "fragile";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 1..=4;
    type Config = u32;
    type Input = Nothing;
    type State = u32;
    type Event = ();

    // Without end: the probe that makes a game's fingerprint plays this.
    fn default_content() -> u32 {
        u32::MAX
    }

    fn parse_content(text: &str) -> Result<u32, ContentError> {
        Ok(text.parse().unwrap_or(u32::MAX))
    }

    fn start(_content: &u32, _seed: u64, _seats: u8) -> u32 {
        0
    }

    fn step(content: &u32, state: &mut u32, _frame: &Frame, _events: &mut Vec<()>) {
        *state += 1;
        assert!(*state < *content, "this game is fragile");
    }

    fn outcome(_content: &u32, _state: &u32) -> Option<Outcome> {
        None
    }

    fn scores(_content: &u32, _state: &u32, _out: &mut Vec<SeatScore>) {}
}

/// Opens a room whose game panics a third of a second later.
pub(crate) fn open_fragile(server: &mut Server) {
    let world = server.world_mut();
    let number = world.resource::<Counters>().rooms_opened;
    let (Ok(name), Ok(room)) =
        (format!("f{number}").try_into(), RoomName::try_from(format!("fragile-{number}")))
    else {
        return;
    };
    let link = drill::link(world, PlayerId(1_000_000 + number), name);
    let options = RoomOptions { content: SOON.to_owned(), ..RoomOptions::new(Fragile::NAME, 1) };
    drill::say(world, link, &ToServer::Join(JoinRoom::seat(room, Some(options))));
}
