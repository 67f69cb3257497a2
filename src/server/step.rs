//! One room's step: within its budget, and once more in a rebuilt match when the game panics.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use bevy_ecs::prelude::{FromWorld, Resource, World};
use framekeep_protocol::{RoomId, SNAPSHOT_BYTES_MAX};
use framekeep_sim::{AnyGame, AnyMatch, Frame, Outcome};

use crate::guard::guarded;
use crate::limits::{REBUILD, SLOW_STEPS_MAX};
use crate::{Clock, Failure, FailureCause, ServerConfig, Stage};

/// Where the time that steps take is read: a reading that never goes backwards.
///
/// With the machine's [`Clock`] it is the machine's. With a manual clock it stands still, so that no match of a test
/// ends because the machine was busy; a test of the budget brings its own.
#[derive(Resource)]
pub struct StepTimer(Box<dyn Fn() -> Duration + Send + Sync>);

impl StepTimer {
    /// A timer that reads the time with `read`, on the thread that steps the room.
    #[must_use]
    pub fn new(read: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }

    /// The machine's time.
    #[must_use]
    pub fn system() -> Self {
        let origin = Instant::now();
        Self::new(move || origin.elapsed())
    }

    fn read(&self) -> Duration {
        (self.0)()
    }
}

impl FromWorld for StepTimer {
    fn from_world(world: &mut World) -> Self {
        let manual = world.get_resource::<Clock>().is_some_and(Clock::is_manual);
        if manual { Self::new(|| Duration::ZERO) } else { Self::system() }
    }
}

/// The room whose step took longest in this pump.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct SlowestStep {
    pub(crate) room: Option<RoomId>,
    pub(crate) took: Duration,
}

/// What a step may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepBudget {
    /// Zero for no limit.
    time: Duration,
    state_bytes_max: usize,
}

impl StepBudget {
    pub(crate) fn of(config: &ServerConfig) -> Self {
        let state_bytes_max = config.state_bytes_max.min(SNAPSHOT_BYTES_MAX);
        Self { time: config.step_budget, state_bytes_max }
    }

    /// Whether a state may be that large.
    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), Failure> {
        let limit = self.state_bytes_max;
        if bytes <= limit {
            return Ok(());
        }
        let message = format!("its state takes {bytes} bytes, the limit is {limit}");
        Err(Failure::new(FailureCause::TooLarge, message))
    }

    /// Whether a step that took so long was quick enough; `slow_steps` counts those in a row that took over a tick.
    fn check_time(&self, took: Duration, period: Duration, slow_steps: &mut u32) -> Result<(), Failure> {
        *slow_steps = if took > period { *slow_steps + 1 } else { 0 };
        if self.time.is_zero() {
            return Ok(());
        }
        let fail = |message| Err(Failure::new(FailureCause::OverBudget, message));
        if took > self.time {
            return fail(format!("a step took {took:?}, the budget is {:?}", self.time));
        }
        if *slow_steps >= SLOW_STEPS_MAX {
            return fail(format!("{slow_steps} steps in a row took longer than a tick of {period:?}"));
        }
        Ok(())
    }
}

/// A match before its first frame.
pub(crate) struct Started {
    pub(crate) play: Box<dyn AnyMatch>,
    /// The canonical encoding of its state, and the hash of that.
    pub(crate) state: Vec<u8>,
    pub(crate) hash: u64,
}

/// Starts a match.
///
/// # Errors
/// The [`Failure`] of a game that panics, cannot read its content, or begins with too large a state.
pub(crate) fn start(
    game: &dyn AnyGame,
    content: &[u8],
    seed: u64,
    seats: u8,
    budget: StepBudget,
) -> Result<Started, Failure> {
    let started = guarded(|| {
        game.start(content, seed, seats).map(|play| {
            let mut state = Vec::new();
            let hash = play.hash(&mut state);
            Started { play, state, hash }
        })
    })?;
    let started = started.map_err(|error| Failure::new(FailureCause::Panicked, error.to_string()))?;
    budget.check_bytes(started.state.len()).map(|()| started)
}

/// What a step has made of the match besides its state.
struct Stepped {
    hash: u64,
    outcome: Option<Outcome>,
}

thread_local! {
    /// The canonical encoding of the state being hashed; one per thread, so that it stays in the cache.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Steps a room's match by its newest frame. What goes wrong stays in the stage, for the end of the match.
pub(crate) fn step(stage: &mut Stage, timer: &StepTimer, budget: StepBudget) {
    let before = timer.read();
    let stepped = SCRATCH.with_borrow_mut(|scratch| {
        let stepped = step_or_rebuild(stage, scratch)?;
        let kept = budget.check_bytes(scratch.len()).map(|()| {
            stage.state.clear();
            stage.state.extend_from_slice(scratch);
        });
        if kept.is_err() {
            *scratch = Vec::new();
        }
        kept.map(|()| stepped)
    });
    stage.health.step_took = timer.read().saturating_sub(before);
    // Until here nothing of the stage but the match itself has changed: a frame that failed is not part of it.
    let result = stepped.and_then(|stepped| {
        stage.hashes.push(stage.frame.tick.next(), stepped.hash);
        stage.outcome = stepped.outcome;
        let health = &mut stage.health;
        budget.check_time(health.step_took, stage.timing.period, &mut health.slow_steps)
    });
    stage.health.failure = result.err();
}

/// Steps the match; if the game panics, once more in a match that is rebuilt from the state before.
fn step_or_rebuild(stage: &mut Stage, scratch: &mut Vec<u8>) -> Result<Stepped, Failure> {
    let panicked = match guarded(|| advance(stage.play.as_mut(), &stage.frame, scratch)) {
        Ok(stepped) => return Ok(stepped),
        Err(panicked) => panicked,
    };
    if REBUILD.wait(stage.health.rebuilds + 1, stage.seed).is_none() {
        return Err(panicked);
    }
    stage.health.rebuilds += 1;
    let rebuilt = guarded(|| {
        let mut play = rebuild(stage, scratch)?;
        let stepped = advance(play.as_mut(), &stage.frame, scratch);
        stage.play = play;
        Some(stepped)
    })?;
    let Some(stepped) = rebuilt else {
        let message = format!("{}; and the match cannot be rebuilt", panicked.message);
        return Err(Failure::new(FailureCause::Panicked, message));
    };
    stage.health.recovered = Some(panicked);
    Ok(stepped)
}

fn advance(play: &mut dyn AnyMatch, frame: &Frame, scratch: &mut Vec<u8>) -> Stepped {
    play.step(frame);
    Stepped { hash: play.hash(scratch), outcome: play.outcome() }
}

/// The match as it was before its newest frame, if it comes out as the hash says that it was.
fn rebuild(stage: &Stage, scratch: &mut Vec<u8>) -> Option<Box<dyn AnyMatch>> {
    let tick = stage.frame.tick;
    let mut play = stage.game.start(&stage.content, stage.seed, stage.frame.seat_count()).ok()?;
    play.restore(tick, &stage.state).ok()?;
    (Some(play.hash(scratch)) == stage.hash_at(tick)).then_some(play)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(33);

    fn check(budget_ms: u64, took_ms: u64, times: u32) -> Result<(), Failure> {
        let budget = StepBudget { time: Duration::from_millis(budget_ms), state_bytes_max: 100 };
        let mut slow = 0;
        (0..times).try_for_each(|_| budget.check_time(Duration::from_millis(took_ms), PERIOD, &mut slow))
    }

    #[test]
    fn one_very_long_step_or_many_long_ones_are_over_the_budget() {
        assert_eq!(check(250, 251, 1).unwrap_err().message, "a step took 251ms, the budget is 250ms");
        assert_eq!(check(250, 250, 1), Ok(()));
        assert_eq!(check(250, 40, SLOW_STEPS_MAX - 1), Ok(()));
        let slow = check(250, 40, SLOW_STEPS_MAX).unwrap_err();
        assert_eq!(slow.message, "30 steps in a row took longer than a tick of 33ms");
        assert_eq!(check(250, 33, 1_000), Ok(()));
        assert_eq!(check(0, 1_000, 1_000), Ok(()), "zero is no limit");
    }

    #[test]
    fn one_quick_step_forgives_the_slow_ones_before_it() {
        let budget = StepBudget { time: Duration::from_secs(1), state_bytes_max: 100 };
        let mut slow = SLOW_STEPS_MAX - 1;
        assert_eq!(budget.check_time(Duration::from_millis(1), PERIOD, &mut slow), Ok(()));
        assert_eq!(slow, 0);
    }

    #[test]
    fn a_state_over_the_limit_is_named_with_it() {
        let budget = StepBudget { time: Duration::ZERO, state_bytes_max: 100 };
        assert_eq!(budget.check_bytes(100), Ok(()));
        let failure = budget.check_bytes(101).unwrap_err();
        assert_eq!(failure.to_string(), "its state takes 101 bytes, the limit is 100");
        assert_eq!(failure.cause, FailureCause::TooLarge);
    }
}
