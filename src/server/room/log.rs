//! `RoomLog`, what has happened in a room: for who looks at it later.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, World};
use framekeep_gate::RoomHappening;
use framekeep_protocol::{LeftReason, PlayerId, PlayerName, RoomEventKind};
use framekeep_sim::Tick;

use crate::holders::Holders;
use crate::limits::HAPPENINGS_MAX;
use crate::{Clock, Room, Stage};

/// The last of what has happened in a room, the oldest first.
#[derive(Component, Debug, Default)]
pub(crate) struct RoomLog(VecDeque<RoomHappening>);

impl RoomLog {
    fn push(&mut self, happening: RoomHappening) {
        while self.0.len() >= HAPPENINGS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(happening);
    }

    /// At most `limit` of those whose number is above `after`, and whether there are more.
    pub(crate) fn after(&self, after: u64, limit: usize) -> (Vec<RoomHappening>, bool) {
        let from = self.0.partition_point(|happening| happening.number <= after);
        let found = self.0.iter().skip(from).take(limit).cloned().collect();
        (found, self.0.len() - from > limit)
    }

    /// How a player was called who is perhaps gone.
    fn name_of(&self, player: PlayerId) -> Option<&str> {
        let is_of = |happening: &&RoomHappening| who(&happening.kind) == Some(player);
        let last = self.0.iter().rev().filter(is_of).find(|happening| !happening.name.is_empty());
        last.map(|happening| happening.name.as_str())
    }

    /// How much memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        /// What a name takes.
        const TEXT: usize = 32;
        self.0.capacity() * size_of::<RoomHappening>() + self.0.len() * TEXT
    }
}

/// Of whom something is told.
const fn who(kind: &RoomEventKind) -> Option<PlayerId> {
    use RoomEventKind as Kind;
    match kind {
        Kind::Joined { player, .. }
        | Kind::Watching { player, .. }
        | Kind::Left { player, .. }
        | Kind::LinkLost { player, .. }
        | Kind::LinkBack { player }
        | Kind::Reserved { player }
        | Kind::Released { player }
        | Kind::Ready { player, .. }
        | Kind::GaveUp { player }
        | Kind::HostChanged { host: player } => Some(*player),
        Kind::Aborted { by } => *by,
        _ => None,
    }
}

/// Whether it is remembered. What is said is for those who are there, scores are in the states.
const fn is_kept(kind: &RoomEventKind) -> bool {
    use RoomEventKind as Kind;
    !matches!(
        kind,
        Kind::Chat { .. }
            | Kind::Leaderboard(_)
            | Kind::Scores(_)
            | Kind::Countdown { .. }
            | Kind::ClosingSoon { .. }
    )
}

/// Remembers an event of a room that is told under this number.
pub(crate) fn note(world: &mut World, room: Entity, number: u64, kind: &RoomEventKind) {
    if !is_kept(kind) {
        return;
    }
    let unix_ms = world.resource::<Clock>().now().as_millis() as u64;
    let stage = world.get::<Stage>(room);
    let (epoch, tick) = match kind {
        RoomEventKind::Finished(end) => (end.epoch.get(), Some(end.ticks)),
        _ => (stage.map_or(0, |stage| stage.epoch.get()), stage.map(Stage::tick)),
    };
    let started_unix_s = stage.map(|stage| stage.started_at.as_secs());
    let Some(log) = world.get::<RoomLog>(room) else { return };
    let name = who(kind).and_then(|player| {
        let called = world.get::<Room>(room).and_then(|room| called(room, player));
        called.or_else(|| log.name_of(player).map(ToOwned::to_owned))
    });
    let happening = RoomHappening {
        number,
        unix_ms: Some(unix_ms),
        epoch,
        started_unix_s,
        tick,
        name: name.unwrap_or_default(),
        kind: kind.clone(),
    };
    if let Some(mut log) = world.get_mut::<RoomLog>(room) {
        log.push(happening);
    }
}

/// How a player is called who is in a room.
fn called(room: &Room, player: PlayerId) -> Option<String> {
    let seated = room.lobby.roster().seats().iter().flatten();
    let seated = seated.filter(|occupant| occupant.player == player).map(|occupant| &occupant.name);
    let watching = room.lobby.watchers().filter(|(id, _)| *id == player).map(|(_, name)| name);
    seated.chain(watching).next().map(|name| name.as_str().to_owned())
}

/// Tells of the match of a room what its records still know, where an earlier run or another node has seen it: when it
/// started, who came and who left, each with its tick.
pub(crate) fn retrace(world: &mut World, entity: Entity) {
    let (Some(room), Some(stage), Some(holders)) =
        (world.get::<Room>(entity), world.get::<Stage>(entity), world.get::<Holders>(entity))
    else {
        return;
    };
    let epoch = stage.epoch;
    let mut told = vec![(Tick(0), Some(stage.started_at), String::new(), RoomEventKind::Started { epoch })];
    for holder in holders.all() {
        let (seat, player, name) = (holder.seat, holder.player, &holder.name);
        if holder.from > Tick(0)
            && let Ok(called) = PlayerName::try_from(name.as_str())
        {
            let joined = RoomEventKind::Joined { seat, player, name: called };
            told.push((holder.from, None, name.clone(), joined));
        }
        if let Some(until) = holder.until {
            // Why is not recorded.
            let left = RoomEventKind::Left { player, reason: LeftReason::Asked };
            told.push((until, None, name.clone(), left));
        }
    }
    told.sort_by_key(|(tick, ..)| *tick);
    let (tick, stage_started, events) = (stage.tick(), stage.started_at, room.events);
    let Some(mut log) = world.get_mut::<RoomLog>(entity) else { return };
    let mut since = std::mem::take(&mut log.0);
    // Those whose links are gone with the earlier run were lost where the match stands.
    let started_unix_s = Some(stage_started.as_secs());
    for happening in since.iter_mut().filter(|happening| happening.tick.is_none()) {
        (happening.epoch, happening.tick) = (epoch.get(), Some(tick));
        happening.started_unix_s = started_unix_s;
    }
    let next = since.front().map_or(events + 1, |first| first.number);
    let numbers = next.saturating_sub(told.len() as u64)..;
    for (number, (tick, at, name, kind)) in numbers.zip(told) {
        let unix_ms = at.map(|at: Duration| at.as_millis() as u64);
        let (epoch, tick) = (epoch.get(), Some(tick));
        log.push(RoomHappening { number, unix_ms, epoch, started_unix_s, tick, name, kind });
    }
    since.into_iter().for_each(|happening| log.push(happening));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(number: u64) -> RoomHappening {
        let kind = RoomEventKind::Ready { player: PlayerId(7), ready: true };
        let name = if number == 3 { "ada" } else { "" };
        let (unix_ms, name) = (Some(number), name.to_owned());
        RoomHappening { number, unix_ms, epoch: 1, started_unix_s: Some(1), tick: None, name, kind }
    }

    #[test]
    fn the_newest_are_kept_and_told_page_by_page() {
        let mut log = RoomLog::default();
        (1..=5).for_each(|number| log.push(happening(number)));
        let numbers = |(found, more): (Vec<RoomHappening>, bool)| {
            (found.iter().map(|happening| happening.number).collect::<Vec<_>>(), more)
        };
        assert_eq!(numbers(log.after(0, 2)), (vec![1, 2], true));
        assert_eq!(numbers(log.after(2, 3)), (vec![3, 4, 5], false));
        assert_eq!(numbers(log.after(9, 3)), (vec![], false));
        assert_eq!(log.name_of(PlayerId(7)), Some("ada"));
        let most = HAPPENINGS_MAX as u64;
        (6..=2 * most).for_each(|number| log.push(happening(number)));
        assert_eq!(log.after(0, usize::MAX).0[0].number, most + 1);
    }
}
