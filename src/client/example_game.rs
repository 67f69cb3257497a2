//! `Dots`, the smallest game there is: for the documentation and the tests of this crate.

use core::ops::RangeInclusive;

use framekeep_sim::{Frame, Game, Input, Outcome, View, ViewBody};

/// Dots that go right, one world unit in eight ticks.
pub enum Dots {}

/// To go right, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step(bool);

impl Step {
    /// Stand.
    pub const STAND: Self = Self(false);
    /// Go right.
    pub const RIGHT: Self = Self(true);
}

impl Input for Step {
    const BITS: u32 = 1;

    fn pack(self) -> u64 {
        self.0.into()
    }

    fn unpack(bits: u64) -> Self {
        Self(bits & 1 == 1)
    }
}

impl Game for Dots {
    const NAME: &'static str = "dots";
    const VERSION: u32 = 1;
    const SEATS: RangeInclusive<u8> = 1..=4;

    type Config = ();
    type Input = Step;
    type State = Vec<u16>;
    /// A dot has come this many units far.
    type Event = u16;

    fn default_content() {}

    fn start((): &(), _seed: u64, seats: u8) -> Vec<u16> {
        vec![0; seats.into()]
    }

    fn step((): &(), dots: &mut Vec<u16>, frame: &Frame, events: &mut Vec<u16>) {
        for (seat, dot) in (0..).zip(dots) {
            *dot = dot.saturating_add(u16::from(frame.input::<Step>(seat).0));
            if *dot > 0 && dot.is_multiple_of(8) && frame.input::<Step>(seat).0 {
                events.push(*dot / 8);
            }
        }
    }

    fn outcome((): &(), _dots: &Vec<u16>) -> Option<Outcome> {
        None
    }

    fn view((): &(), dots: &Vec<u16>, view: &mut View) {
        view.bodies.extend((0..).zip(dots).map(|(seat, dot)| ViewBody {
            id: u32::from(seat),
            seat,
            x: i32::from(*dot) << 13,
            ..ViewBody::default()
        }));
    }
}
