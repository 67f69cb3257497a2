//! Replays and results of matches that earlier runs have left.

use bevy_ecs::prelude::World;
use framekeep_journal::{EndReason, MatchEnd, MatchLife, MatchStarted, ReplayBuilder};

use super::sealer::{Sealing, is_kept};
use super::{Recorder, file_name};
use crate::{NodeKey, ServerConfig, results};

/// A match of an earlier run is over: what there is of it is sealed into a file, unless there is one.
pub(crate) fn seal_left(
    world: &mut World,
    room: u64,
    play: &MatchLife,
    content: &str,
    builder: ReplayBuilder,
    end: MatchEnd,
) {
    let started = play.started();
    if !keep_left(world, room, play, content, &end) || is_sealed(world, room, started) {
        return;
    }
    let key = world.resource::<NodeKey>().seal();
    let _hold = world.resource::<Recorder>().left_hold();
    let Some(journal) = &world.resource::<Recorder>().0 else { return };
    let path = journal.writer.replays().join(file_name(room, started.header.started_unix_s, started.epoch));
    let ended = Some(results::ended_at(&started.header, &end));
    let end = end_within(end, &builder);
    journal.writer.seal(Sealing { builder, end, path, key, ended, _hold });
}

/// A match of an earlier run is over: its result is kept, unless there is one. Gives whether the match leaves anything.
pub(crate) fn keep_left(world: &World, room: u64, play: &MatchLife, content: &str, end: &MatchEnd) -> bool {
    let (started, header) = (play.started(), &play.started().header);
    let leaves = is_kept(end, header.tick_rate_hz, world.resource::<ServerConfig>().sealed_after);
    if leaves {
        let file = file_name(room, header.started_unix_s, started.epoch);
        results::keep_left(world, play, end, (&file, content), world.resource::<Recorder>().left_hold());
    }
    leaves
}

/// How a replay ends. Where the last frames of a match are lost it is one that broke off there.
fn end_within(end: MatchEnd, builder: &ReplayBuilder) -> MatchEnd {
    let ticks = builder.next();
    if ticks == end.ticks {
        return end;
    }
    MatchEnd { ticks, reason: EndReason::Failed, ..MatchEnd::default() }
}

/// Whether a match of an earlier run has its replay.
pub(crate) fn is_sealed(world: &World, room: u64, started: &MatchStarted) -> bool {
    let Some(journal) = &world.resource::<Recorder>().0 else { return false };
    let file = file_name(room, started.header.started_unix_s, started.epoch);
    journal.writer.replays().join(file).exists()
}
