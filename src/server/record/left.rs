//! `seal_left`, replays and results of matches that earlier runs have left.

use bevy_ecs::prelude::World;
use framekeep_journal::{EndReason, MatchEnd, MatchStarted, ReplayBuilder};

use super::sealer::{Sealing, is_kept};
use super::{Recorder, file_name};
use crate::{NodeKey, ServerConfig, results};

/// A match of an earlier run is over: what there is of it is sealed into a file, unless there is one.
pub(crate) fn seal_left(
    world: &mut World,
    room: u64,
    started: &MatchStarted,
    content: &str,
    builder: ReplayBuilder,
    end: MatchEnd,
) {
    let key = world.resource::<NodeKey>().seal();
    let Some(journal) = &world.resource::<Recorder>().0 else { return };
    let file = file_name(room, started.header.started_unix_s, started.epoch);
    let path = journal.writer.replays().join(&file);
    if !is_kept(&end, started.header.tick_rate_hz, world.resource::<ServerConfig>().sealed_after) {
        return;
    }
    results::keep_left(world, &started.header, &end, &file, content);
    if !path.exists() {
        let ended = Some(results::ended_at(&started.header, &end));
        let end = end_within(end, &builder);
        journal.writer.seal(Sealing { builder, end, path, key, ended });
    }
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
