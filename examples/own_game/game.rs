//! Tag, a whole game in one file: one player is *it*, is a little faster, and gets rid of it by touching somebody.
//! Every tick in which one is not *it* scores a point; the best after a minute wins.

use framekeep_sim::{
    Angle, BodyDesc, BodyId, Frame, Fx, Game, Input, Outcome, Pcg32, Vec2, View, ViewBody, World, WorldDesc,
};
use serde::{Deserialize, Serialize};

/// A minute at 30 ticks a second.
const MATCH_TICKS: u32 = 1_800;
/// How long nobody can be tagged after somebody was.
const REST_TICKS: u32 = 15;
const RADIUS: Fx = Fx::HALF;

/// The rules of tag.
pub struct Tag;

/// Where to run: nowhere, or in one of eight directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run(u8);

impl Run {
    /// Eighths of a turn, counter-clockwise from the right; more than 7 is nowhere.
    #[must_use]
    pub const fn toward(eighth: u8) -> Self {
        if eighth < 8 { Self(eighth + 1) } else { Self(0) }
    }

    fn velocity(self, speed: Fx) -> Vec2 {
        let angle = Angle(u16::from(self.0).wrapping_sub(1) << 13);
        if self.0 == 0 { Vec2::ZERO } else { Vec2::from_angle(angle, speed) }
    }
}

impl Input for Run {
    const BITS: u32 = 4;

    fn pack(self) -> u64 {
        u64::from(self.0)
    }

    fn unpack(bits: u64) -> Self {
        Self((bits & 0xf).min(8) as u8)
    }
}

/// Everything a match of tag knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Field {
    world: World,
    players: Vec<BodyId>,
    scores: Vec<i32>,
    it: u8,
    rest_ticks: u32,
    ticks_left: u32,
}

/// Somebody touched somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tagged {
    /// The seat that is *it* now.
    pub seat: u8,
}

impl Game for Tag {
    const NAME: &'static str = "tag";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 2..=8;

    type Config = ();
    type Input = Run;
    type State = Field;
    type Event = Tagged;

    fn default_content() {}

    fn start((): &(), seed: u64, seats: u8) -> Field {
        let mut world = World::new(WorldDesc { half_extent: Vec2::from_ints(10, 6), ..WorldDesc::default() });
        let place = |seat: u8| Vec2::from_ints(i32::from(seat % 4) * 5 - 7, i32::from(seat / 4) * 4 - 2);
        let body = |seat| BodyDesc::circle(RADIUS).at(place(seat)).lock_rotation().user(u32::from(seat));
        let players = (0..seats).filter_map(|seat| world.add(body(seat)).ok()).collect();
        let it = Pcg32::new(seed, 0).below(u32::from(seats)) as u8;
        Field { world, players, scores: vec![0; seats.into()], it, rest_ticks: 0, ticks_left: MATCH_TICKS }
    }

    fn step((): &(), field: &mut Field, frame: &Frame, events: &mut Vec<Tagged>) {
        if field.ticks_left == 0 {
            return;
        }
        field.ticks_left -= 1;
        field.rest_ticks = field.rest_ticks.saturating_sub(1);
        for (seat, &player) in (0..).zip(&field.players) {
            let speed = Fx::from_int(if seat == field.it { 6 } else { 5 });
            field.world.set_velocity(player, frame.input::<Run>(seat).velocity(speed));
        }
        field.world.step();
        if let Some(seat) = field.touched_by_it().filter(|_| field.rest_ticks == 0) {
            (field.it, field.rest_ticks) = (seat, REST_TICKS);
            events.push(Tagged { seat });
        }
        for (seat, score) in (0..).zip(&mut field.scores) {
            *score = score.saturating_add(i32::from(seat != field.it));
        }
    }

    fn outcome((): &(), field: &Field) -> Option<Outcome> {
        let best = field.scores.iter().max()?;
        let mut leaders = (0..).zip(&field.scores).filter(|&(_, score)| score == best).map(|(seat, _)| seat);
        let winner = leaders.next().filter(|_| leaders.next().is_none());
        (field.ticks_left == 0).then(|| Outcome { scores: field.scores.clone(), winner })
    }

    /// Kind 0 is a player, kind 1 is *it*.
    fn view((): &(), field: &Field, view: &mut View) {
        view.ticks_left = field.ticks_left;
        view.scores.extend(&field.scores);
        view.bodies.extend(field.world.bodies().map(|(id, body)| ViewBody {
            id: id.to_bits(),
            kind: u8::from(body.user == u32::from(field.it)),
            seat: body.user as u8,
            x: body.position.x.to_bits(),
            y: body.position.y.to_bits(),
            angle: 0,
            half_width: RADIUS.to_bits(),
            half_height: RADIUS.to_bits(),
        }));
    }
}

impl Field {
    /// The first seat that touches who is *it*.
    fn touched_by_it(&self) -> Option<u8> {
        let it = *self.players.get(usize::from(self.it))?;
        let touching = self.world.contacts().iter().find(|contact| contact.a == it || contact.b == it)?;
        let other = if touching.a == it { touching.b } else { touching.a };
        (0..).zip(&self.players).find(|&(_, &player)| player == other).map(|(seat, _)| seat)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MATCH_TICKS, Run, Tag, Tagged};
    use framekeep_sim::{Frame, Input, Match, Pcg32, SeatInput, Tick};

    fn frame(tick: u32, runs: &[Run]) -> Frame {
        let mut frame = Frame::absent(Tick(tick), runs.len() as u8);
        (0..).zip(runs).for_each(|(seat, run)| frame.set(seat, SeatInput::arrived(run.pack())));
        frame
    }

    #[test]
    fn an_input_survives_packing() {
        for bits in 0..64 {
            let run = Run::unpack(bits);
            assert_eq!(Run::unpack(run.pack()), run);
            assert!(run.pack() <= 8);
        }
        assert_eq!(Run::toward(200), Run::default());
    }

    #[test]
    fn touching_passes_it_on() {
        let mut play = Match::<Tag>::start(Arc::new(()), 1, 2);
        let before = play.state().it;
        let tagged = (0..200).find_map(|tick| {
            play.step(&frame(tick, &[Run::toward(0), Run::toward(4)]));
            play.events().first().cloned()
        });
        assert_eq!(tagged, Some(Tagged { seat: 1 - before }));
    }

    #[test]
    fn random_matches_end_with_a_score_and_agree() {
        let mut rng = Pcg32::new(4, 4);
        for seats in 2..=8 {
            let mut left = Match::<Tag>::start(Arc::new(()), 7, seats);
            let mut right = left.clone();
            for tick in 0..MATCH_TICKS {
                assert_eq!(left.outcome(), None);
                let runs: Vec<Run> = (0..seats).map(|_| Run::unpack(rng.next_u64())).collect();
                left.step(&frame(tick, &runs));
                right.step(&frame(tick, &runs));
                assert_eq!(left.hash(&mut Vec::new()), right.hash(&mut Vec::new()));
            }
            let scores = left.outcome().expect("the minute is over").scores;
            assert_eq!(scores.iter().sum::<i32>(), (i32::from(seats) - 1) * MATCH_TICKS as i32);
        }
    }
}
