//! `Starts`, how many matches a room may start in a while.

use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, World};
use framekeep_lobby::{Actor, Effect, Operation};
use framekeep_protocol::Refusal;

use crate::limits::{MATCH_STARTS_MAX, MATCH_STARTS_WINDOW};
use crate::{Clock, Room, gate};

/// The matches that a room has started lately: each costs a seed, records and messages to everybody.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Starts {
    since: Duration,
    used: u32,
}

impl Starts {
    /// How long the room has to wait for its next match, if it has to.
    fn wait(self, now: Duration) -> Option<Duration> {
        let end = self.since + MATCH_STARTS_WINDOW;
        (self.used >= MATCH_STARTS_MAX && now < end).then(|| end - now)
    }

    fn note(&mut self, now: Duration) {
        if now >= self.since + MATCH_STARTS_WINDOW {
            *self = Self { since: now, used: 0 };
        }
        self.used += 1;
    }
}

/// Refuses what would start a match while the node comes to rest, or in a room that has started too many. That somebody
/// goes is never refused; what that would start ends before it begins.
pub(crate) fn check(world: &World, room: Entity, actor: Actor, operation: &Operation) -> Result<(), Refusal> {
    let Err(refusal) = gate::check_open(world).and_then(|()| check_budget(world, room)) else {
        return Ok(());
    };
    if actor == Actor::Server || matches!(operation, Operation::Leave(_) | Operation::Kick { .. }) {
        return Ok(());
    }
    let room = world.get::<Room>(room).ok_or(Refusal::NotInRoom)?;
    let change = room.lobby.clone().apply(actor, operation.clone())?;
    if change.effects.contains(&Effect::StartMatch) { Err(refusal) } else { Ok(()) }
}

fn check_budget(world: &World, room: Entity) -> Result<(), Refusal> {
    let wait = world.get::<Starts>(room).and_then(|starts| starts.wait(world.resource::<Clock>().now()));
    wait.map_or(Ok(()), |wait| {
        Err(Refusal::TooManyMatches { limit: MATCH_STARTS_MAX, wait_s: wait.as_secs() as u32 + 1 })
    })
}

/// Takes one start from the room's budget; tells whether there was one.
pub(crate) fn take(world: &mut World, room: Entity) -> bool {
    let now = world.resource::<Clock>().now();
    let Some(mut starts) = world.get_mut::<Starts>(room) else { return true };
    let free = starts.wait(now).is_none();
    if free {
        starts.note(now);
    }
    free
}

/// Gives a room its whole budget back.
pub(crate) fn restore(world: &mut World, room: Entity) {
    if let Some(mut starts) = world.get_mut::<Starts>(room) {
        *starts = Starts::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_starts() {
        let mut starts = Starts::default();
        let second = Duration::from_secs;
        for nth in 0..u64::from(MATCH_STARTS_MAX) {
            assert_eq!(starts.wait(second(100 + nth)), None);
            starts.note(second(100 + nth));
        }
        assert_eq!(starts.wait(second(159)), Some(second(1)));
        assert_eq!(starts.wait(second(160)), None);
        starts.note(second(160));
        assert_eq!(starts.wait(second(161)), None);
    }
}
