//! Rollback.

use std::time::Duration;

use anyhow::{Context, Result};
use framekeep_protocol::{Epoch, FramesHead, MatchStart, RoomId, begin_frames, encode_frame};
use framekeep_rollback::{RollbackConfig, RollbackEvent, RollbackMatch};
use framekeep_sim::{
    BodyDesc, BodyId, Frame, Fx, Game, Input, Outcome, Pcg32, SeatInput, Tick, Vec2, World, WorldDesc,
    encode_into, fingerprint,
};
use serde::{Deserialize, Serialize};

use crate::circles::{Circles, OwnCircles, TICKS_PER_KICK, TICKS_PER_SECOND};
use crate::row::Row;
use crate::timing::{median, micros, time};

/// Rollbacks in one round.
const TIMES: u32 = 100;
/// Microseconds for one.
const GOAL: f64 = 50.0;

/// A state of 64 bodies restored and eight ticks played again.
pub(super) fn eight_ticks(quick: bool) -> Row {
    let mut circles = OwnCircles::new(64);
    let mut world = circles.engine.world.clone();
    let duration = median(if quick { 5 } else { 31 }, || -> Duration {
        circles.kick();
        circles.step(TICKS_PER_KICK / 4);
        time(|| {
            for _ in 0..TIMES {
                world.clone_from(&circles.engine.world);
                (0..8).for_each(|_| world.step());
            }
        })
    });
    circles.step(8);
    assert!(world == circles.engine.world, "a rollback gives the same state");
    Row::lower("rollback.8_ticks_64_bodies_us", micros(duration, TIMES), "us").goal(GOAL)
}

/// A speed, from which the other player's guess is always wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Speed(u8);

impl Input for Speed {
    const BITS: u32 = 4;

    fn pack(self) -> u64 {
        self.0.into()
    }

    fn unpack(bits: u64) -> Self {
        Self((bits & 15) as u8)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Box64 {
    world: World,
    ids: Vec<BodyId>,
    rng: Pcg32,
}

/// 64 circles; every seat drives one, all are kicked now and then.
enum CirclesGame {}

impl Game for CirclesGame {
    const NAME: &'static str = "circles";
    const VERSION: u32 = 1;
    const SEATS: std::ops::RangeInclusive<u8> = 2..=2;
    type Config = ();
    type Input = Speed;
    type State = Box64;
    type Event = ();

    fn default_content() {}

    fn start((): &(), seed: u64, _: u8) -> Box64 {
        let scene = Circles::new(64);
        let mut world = World::new(WorldDesc {
            half_extent: Vec2::splat(scene.half_side),
            ticks_per_second: TICKS_PER_SECOND,
            bodies_max: 64,
            ..WorldDesc::default()
        });
        let circle = BodyDesc::circle(Fx::HALF).restitution(Fx::HALF);
        let ids = scene.positions.iter().filter_map(|&at| world.add(circle.at(at)).ok()).collect();
        Box64 { world, ids, rng: Pcg32::new(seed, 1) }
    }

    fn step((): &(), state: &mut Box64, frame: &Frame, _: &mut Vec<()>) {
        let Box64 { world, ids, rng } = state;
        if rng.below(TICKS_PER_KICK) == 0 {
            for &id in &*ids {
                let mut part = || Fx::from_int(rng.below(11) as i32 - 5);
                world.set_velocity(id, Vec2::new(part(), part()));
            }
        }
        for (seat, &id) in (0..frame.seat_count()).zip(&*ids) {
            let speed = Fx::from_int(i32::from(frame.input::<Speed>(seat).0) - 7);
            world.set_velocity(id, Vec2::new(speed, Fx::ONE));
        }
        world.step();
    }

    fn outcome((): &(), _: &Box64) -> Option<Outcome> {
        None
    }
}

/// What a frame costs that shows eight predicted ticks of such a match to be wrong: it is taken, the state restored,
/// the ticks are played again, and events and hash are seen to.
pub(super) fn match_eight_ticks(quick: bool) -> Result<Row> {
    let (epoch, period) = (Epoch::new(1), Duration::from_secs(1) / u32::from(TICKS_PER_SECOND));
    let mut content = Vec::new();
    encode_into(&(), &mut content);
    let start = MatchStart {
        room: RoomId(1),
        epoch,
        game: CirclesGame::NAME.to_owned(),
        fingerprint: fingerprint::<CirclesGame>(),
        input_bits: Speed::BITS as u8,
        content,
        seed: 1,
        seats: 2,
        seat: 0,
        tick_rate_hz: TICKS_PER_SECOND,
        send_every_ticks: 1,
        input_repeat_ticks_max: 60,
        next: Tick(0),
        due_in_us: 0,
    };
    let config = RollbackConfig { predicted_ticks_aim: 60, ..RollbackConfig::default() };
    let mut now = Duration::from_secs(10);
    let mut play = RollbackMatch::<CirclesGame>::new(&start, config, now, period * 8)?;
    let (mut before, mut packet, mut samples) = (Frame::absent(Tick(0), 2), Vec::new(), Vec::new());
    for _ in 0..if quick { 300 } else { 3_000 } {
        // Frames come eight ticks after the client has made its inputs for them.
        if play.predicted().tick().0 < play.confirmed().tick().0 + 8 {
            now += period;
        }
        play.advance(now, |_| Speed(3));
        let tick = play.confirmed().tick();
        if play.predicted().tick().0 < tick.0 + 8 {
            continue;
        }
        let mut frame = Frame::absent(tick, 2);
        frame.set(0, play.made(tick).map_or(SeatInput::ABSENT, SeatInput::arrived));
        frame.set(1, SeatInput::arrived(u64::from(tick.0 % 14)));
        packet.clear();
        let input_next = tick.later(8);
        begin_frames(
            &FramesHead { epoch, first: tick, count: 1, input_next, lead: 4, paused: false },
            &mut packet,
        );
        encode_frame(&before, &frame, Speed::BITS, &mut packet);
        while play.poll_event().is_some() {}
        let mut taken = Ok(());
        let took = time(|| {
            taken = play.handle_frames(now, &packet);
            play.advance(now, |_| Speed(3));
        });
        taken?;
        before = frame;
        let eight = |event: RollbackEvent| matches!(event, RollbackEvent::RolledBack { depth: 8, .. });
        samples.extend(std::iter::from_fn(|| play.poll_event()).any(eight).then_some(took));
    }
    samples.sort_unstable();
    let median = samples.get(samples.len() / 2).context("no rollback of eight ticks")?;
    Ok(Row::lower("rollback.match_8_ticks_64_bodies_us", micros(*median, 1), "us").goal(GOAL))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_match_is_rolled_back_by_eight_ticks() {
        let row = super::match_eight_ticks(true).unwrap();
        assert_eq!(row.name, "rollback.match_8_ticks_64_bodies_us");
    }
}
