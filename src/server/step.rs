//! One room's step: within its budget, and once more in a rebuilt match when the game panics.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use bevy_ecs::prelude::{FromWorld, Resource, World};
use framekeep_protocol::{RoomId, SNAPSHOT_BYTES_MAX};
use framekeep_sim::{AnyGame, AnyMatch, Frame, Outcome};

use crate::guard::{discard, guarded, guarded_with};
use crate::limits::{REBUILD, STEP_SHARE};
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

    pub(crate) fn read(&self) -> Duration {
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

    /// Charges a step that took so long to its match: its share is half of the tick, `over` is what it and those
    /// before it took more, less what they left. Gives whether the match is to be slowed.
    fn charge(&self, took: Duration, period: Duration, over: &mut Duration) -> Result<bool, Failure> {
        let share = period / STEP_SHARE;
        *over = (*over + took).saturating_sub(share);
        let is_slowed = *over > self.time / 2;
        if self.time.is_zero() {
            *over = Duration::ZERO;
        } else if *over > self.time {
            let limit = self.time;
            let message = format!(
                "its last step took {took:?}; by now its steps took {over:?} more than their share of {share:?} \
                 each, the limit is {limit:?}"
            );
            return Err(Failure::new(FailureCause::OverBudget, message));
        }
        Ok(is_slowed)
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
    let (mut slot, mut state) = (None, Vec::new());
    let hash = guarded_with(&mut slot, |slot| {
        game.start(content, seed, seats).map(|play| slot.insert(play).hash(&mut state))
    })?;
    let checked = hash
        .map_err(|error| Failure::new(FailureCause::Panicked, error.to_string()))
        .and_then(|hash| budget.check_bytes(state.len()).map(|()| hash));
    match (checked, slot) {
        (Ok(hash), Some(play)) => Ok(Started { play, state, hash }),
        (checked, slot) => {
            discard(slot);
            Err(checked.err().unwrap_or_else(|| Failure::new(FailureCause::Panicked, "no match was started")))
        }
    }
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
    let asked_took = std::mem::take(&mut stage.health.asked_took);
    stage.health.step_took = timer.read().saturating_sub(before) + asked_took;
    // Until here nothing of the stage but the match itself has changed: a frame that failed is not part of it.
    let result = stepped.and_then(|stepped| {
        stage.hashes.push(stage.frame.tick.next(), stepped.hash);
        stage.outcome = stepped.outcome;
        let health = &mut stage.health;
        health.is_slowed = budget.charge(health.step_took, stage.timing.period, &mut health.over)?;
        Ok(())
    });
    stage.health.failure = result.err();
}

/// Asks the match something between two steps. The time it takes is charged to the next step; a game that panics is
/// asked once more in a match that is rebuilt. If that fails as well the match ends with the next pump in which its
/// room is due; until then, and after any other failure, there is no answer.
pub(crate) fn ask<T>(
    stage: &mut Stage,
    timer: &StepTimer,
    mut question: impl FnMut(&dyn AnyMatch) -> T,
) -> Option<T> {
    if stage.health.failure.is_some() {
        return None;
    }
    let before = timer.read();
    let answer =
        SCRATCH.with_borrow_mut(|scratch| call_or_rebuild(stage, scratch, |play, _, _| question(play)));
    stage.health.asked_took += timer.read().saturating_sub(before);
    answer.map_err(|failure| stage.health.failure = Some(failure)).ok()
}

/// Steps the match; if the game panics, once more in a match that is rebuilt from the state before.
fn step_or_rebuild(stage: &mut Stage, scratch: &mut Vec<u8>) -> Result<Stepped, Failure> {
    call_or_rebuild(stage, scratch, |play, frame, scratch| {
        play.step(frame);
        Stepped { hash: play.hash(scratch), outcome: play.outcome() }
    })
}

/// Calls into the match; if the game panics, once more in a match that is rebuilt from the last good state.
fn call_or_rebuild<T>(
    stage: &mut Stage,
    scratch: &mut Vec<u8>,
    mut call: impl FnMut(&mut dyn AnyMatch, &Frame, &mut Vec<u8>) -> T,
) -> Result<T, Failure> {
    let panicked = match guarded(|| call(stage.play.as_mut(), &stage.frame, scratch)) {
        Ok(answer) => return Ok(answer),
        Err(panicked) => panicked,
    };
    if REBUILD.wait(stage.health.rebuilds + 1, stage.seed).is_none() {
        return Err(panicked);
    }
    stage.health.rebuilds += 1;
    let mut slot = None;
    let rebuilt = guarded_with(&mut slot, |slot| {
        let play = rebuild(stage, slot, scratch)?;
        Some(call(play, &stage.frame, scratch))
    })?;
    let (answer, play) = match (rebuilt, slot) {
        (Some(answer), Some(play)) => (answer, play),
        (_, slot) => {
            discard(slot);
            let message = format!("{}; and the match cannot be rebuilt", panicked.message);
            return Err(Failure::new(FailureCause::Panicked, message));
        }
    };
    discard(std::mem::replace(&mut stage.play, play));
    stage.health.recovered = Some(panicked);
    Ok(answer)
}

/// Puts into `slot` the match as it was after the last frame that is part of it, if it comes out as the hash says that
/// it was.
fn rebuild<'a>(
    stage: &Stage,
    slot: &'a mut Option<Box<dyn AnyMatch>>,
    scratch: &mut Vec<u8>,
) -> Option<&'a mut dyn AnyMatch> {
    let tick = stage.tick();
    let play = slot.insert(stage.game.start(&stage.content, stage.seed, stage.frame.seat_count()).ok()?);
    play.restore(tick, &stage.state).ok()?;
    (Some(play.hash(scratch)) == stage.hash_at(tick)).then_some(play.as_mut())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(33);

    const BUDGET: StepBudget = StepBudget { time: Duration::from_millis(150), state_bytes_max: 100 };

    /// How many steps that take these times, again and again, a match survives out of 10,000.
    fn survives(budget: StepBudget, took_ms: &[u64]) -> usize {
        let mut over = Duration::ZERO;
        let steps = took_ms.iter().cycle().take(10_000);
        steps.take_while(|&&ms| budget.charge(Duration::from_millis(ms), PERIOD, &mut over).is_ok()).count()
    }

    #[test]
    fn what_steps_take_over_their_share_adds_up() {
        assert_eq!(survives(BUDGET, &[166]), 1, "149.5 ms over, and then as much again");
        assert_eq!(survives(BUDGET, &[167]), 0);
        assert_eq!(survives(BUDGET, &[40]), 6);
        assert_eq!(survives(BUDGET, &[16]), 10_000, "half of a tick is any room's");
        assert_eq!(
            survives(BUDGET, &[100, 1, 1, 1, 1, 1, 1]),
            10_000,
            "what it leaves later is its own again"
        );
        let mut over = Duration::ZERO;
        let failure = BUDGET.charge(Duration::from_millis(240), PERIOD, &mut over).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "its last step took 240ms; by now its steps took 223.5ms more than their share of 16.5ms each, the \
             limit is 150ms"
        );
    }

    #[test]
    fn quick_steps_in_between_forgive_slow_ones_no_more_than_they_save() {
        let mut many_slow = vec![40; 29];
        many_slow.push(1);
        assert_eq!(survives(BUDGET, &many_slow), 6);
        assert!(survives(BUDGET, &[40, 1]) < 50, "the average is over half of a tick");
        assert!(survives(BUDGET, &[140, 1, 1, 1, 1, 1]) < 50);
    }

    #[test]
    fn a_match_is_slowed_before_it_is_ended_and_also_where_none_is_ended() {
        let mut over = Duration::ZERO;
        let slowed = [60, 60, 1, 60].map(|ms| BUDGET.charge(Duration::from_millis(ms), PERIOD, &mut over));
        assert_eq!(slowed, [Ok(false), Ok(true), Ok(false), Ok(true)]);
        let none = StepBudget { time: Duration::ZERO, state_bytes_max: 100 };
        assert_eq!(survives(none, &[1_000]), 10_000, "zero ends none");
        let slowed = [60, 16].map(|ms| none.charge(Duration::from_millis(ms), PERIOD, &mut over));
        assert_eq!(slowed, [Ok(true), Ok(false)]);
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
