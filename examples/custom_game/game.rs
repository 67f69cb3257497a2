//! Sumo: push the others out of the ring. How to write a game, and (at the end) how to test one.
//!
//! A game is four types and a few functions. Everything that has a say in what happens next must be in the state;
//! `step` may look at nothing else: no clock, no file, no float, no order of hashing.

use framekeep_sim::{
    Angle, BodyDesc, BodyId, Frame, Fx, Game, Input, Outcome, Vec2, View, ViewBody, World, WorldDesc,
};
use serde::{Deserialize, Serialize};

/// Who leaves the ring is out.
const RING: Fx = Fx::from_int(8);
const RADIUS: Fx = Fx::ONE;
/// How much faster a push makes, in world units per second and tick.
const PUSH: Fx = Fx::from_ratio(1, 2);
/// The match ends after a minute at 30 ticks a second.
const MATCH_TICKS: u32 = 1_800;

/// The rules.
pub enum Sumo {}

/// The input: small, `Copy`, and valid whatever bits it is made of. Here, one of 16 ways to push, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Push(Option<u8>);

impl Push {
    /// Pushes towards a sixteenth of a turn, counter-clockwise from the right.
    #[must_use]
    pub const fn toward(sixteenth: u8) -> Self {
        Self(Some(sixteenth % 16))
    }
}

impl Input for Push {
    const BITS: u32 = 5;

    fn pack(self) -> u64 {
        self.0.map_or(0, |way| 16 | u64::from(way))
    }

    /// Total: a peer may send any bits, and all of them mean something a player could have done.
    fn unpack(bits: u64) -> Self {
        Self((bits & 16 != 0).then_some(bits as u8 & 15))
    }
}

/// The state: one plain value, everything there is to know. Its bytes are what is hashed, sent and stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ring {
    world: World,
    wrestlers: Vec<Option<BodyId>>,
    ticks: u32,
}

/// What to tell people. Clients hear of it as predicted, and again when it is certain or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfRing {
    /// Whose wrestler has left.
    pub seat: u8,
}

impl Game for Sumo {
    const NAME: &'static str = "sumo";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 2..=6;

    type Config = ();
    type Input = Push;
    type State = Ring;
    type Event = OutOfRing;

    fn default_content() {}

    fn start((): &(), _seed: u64, seats: u8) -> Ring {
        let mut world =
            World::new(WorldDesc { half_extent: Vec2::from_ints(16, 16), ..WorldDesc::default() });
        let place = |seat: u8| {
            Vec2::from_angle(Angle((u32::from(seat) * 65_536 / u32::from(seats)) as u16), Fx::from_int(5))
        };
        let body = |seat| BodyDesc::circle(RADIUS).at(place(seat)).damping(Fx::ONE).user(u32::from(seat));
        let wrestlers = (0..seats).map(|seat| world.add(body(seat)).ok()).collect();
        Ring { world, wrestlers, ticks: 0 }
    }

    fn step((): &(), ring: &mut Ring, frame: &Frame, events: &mut Vec<OutOfRing>) {
        ring.ticks = ring.ticks.saturating_add(1);
        for (seat, wrestler) in (0..).zip(&ring.wrestlers) {
            let Some((id, body)) = wrestler.and_then(|id| Some((id, ring.world.body(id)?))) else { continue };
            if let Push(Some(way)) = frame.input::<Push>(seat) {
                let push = Vec2::from_angle(Angle(u16::from(way) << 12), PUSH);
                ring.world.set_velocity(id, body.velocity + push);
            }
        }
        ring.world.step();
        for (seat, wrestler) in (0..).zip(&mut ring.wrestlers) {
            let Some(id) = *wrestler else { continue };
            if ring.world.body(id).is_none_or(|body| body.position.length() > RING) {
                ring.world.remove(id);
                *wrestler = None;
                events.push(OutOfRing { seat });
            }
        }
    }

    fn outcome((): &(), ring: &Ring) -> Option<Outcome> {
        let left = ring.wrestlers.iter().flatten().count();
        let scores = ring.wrestlers.iter().map(|wrestler| i32::from(wrestler.is_some())).collect();
        let winner = ring.wrestlers.iter().position(Option::is_some).filter(|_| left == 1);
        (left <= 1 || ring.ticks >= MATCH_TICKS)
            .then(|| Outcome { scores, winner: winner.and_then(|seat| u8::try_from(seat).ok()) })
    }

    /// What clients mirror into entities.
    fn view((): &(), ring: &Ring, view: &mut View) {
        view.ticks_left = MATCH_TICKS.saturating_sub(ring.ticks);
        view.bodies.extend(ring.world.bodies().map(|(id, body)| ViewBody {
            id: id.to_bits(),
            seat: body.user as u8,
            x: body.position.x.to_bits(),
            y: body.position.y.to_bits(),
            half_width: RADIUS.to_bits(),
            half_height: RADIUS.to_bits(),
            ..ViewBody::default()
        }));
    }
}

/// The tests every game should have.
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use framekeep_rollback::SyncTest;
    use framekeep_sim::{Mark, Match, Pcg32, SeatInput, Tick, fingerprint};

    use super::*;

    fn random_frame(rng: &mut Pcg32, tick: u32, seats: u8) -> Frame {
        let mut frame = Frame::absent(Tick(tick), seats);
        for seat in 0..seats {
            // Anything at all, from anybody, at any time, or nothing.
            let mark = [Mark::Arrived, Mark::Repeated, Mark::Absent][rng.below(3) as usize];
            frame.set(seat, SeatInput { bits: rng.next_u64(), mark });
        }
        frame
    }

    #[test]
    fn every_input_survives_packing_and_any_bits_are_one() {
        for bits in 0..1_000 {
            let input = Push::unpack(bits);
            assert_eq!(Push::unpack(input.pack()), input);
            assert!(input.pack() < 1 << Push::BITS);
        }
        assert_eq!(Push::default().pack(), 0);
    }

    #[test]
    fn nothing_that_players_do_breaks_the_rules() {
        let mut rng = Pcg32::new(7, 7);
        for seats in Sumo::SEATS {
            let mut play = Match::<Sumo>::start(Arc::new(()), 1, seats);
            let mut out = 0;
            for tick in 0..MATCH_TICKS {
                play.step(&random_frame(&mut rng, tick, seats));
                out += play.events().len();
            }
            let left = play.state().wrestlers.iter().flatten().count();
            assert_eq!(left + out, usize::from(seats));
            assert!(play.outcome().is_some(), "the time is up");
        }
    }

    /// Goes back at every tick, plays again from a copy and from bytes, and compares: finds whatever `step` looks at
    /// that is not in the state, and whatever the state forgets to encode.
    #[test]
    fn it_is_deterministic() {
        let (mut test, mut rng) = (SyncTest::<Sumo>::new(Arc::new(()), 1, 4, 8), Pcg32::new(8, 8));
        for tick in 0..600 {
            test.step(&random_frame(&mut rng, tick, 4)).unwrap();
        }
    }

    /// Changes when the rules do: then raise [`Game::VERSION`] if a server and a client could tell.
    #[test]
    fn the_fingerprint_is_the_same_wherever_it_is_taken() {
        assert_eq!(fingerprint::<Sumo>(), fingerprint::<Sumo>());
    }

    #[test]
    fn who_is_pushed_out_has_lost() {
        let mut play = Match::<Sumo>::start(Arc::new(()), 1, 2);
        let mut frame = Frame::absent(Tick(0), 2);
        frame.set(0, SeatInput::arrived(Push::toward(0).pack()));
        let told: Vec<_> = (0..200)
            .flat_map(|_| {
                play.step(&frame);
                play.events().to_vec()
            })
            .collect();
        assert_eq!(told, [OutOfRing { seat: 0 }]);
        assert_eq!(play.outcome().unwrap().winner, Some(1));
    }
}
