//! `CleanupStats`, what cleanup has done and what it still has to do.

use std::fmt::Write as _;
use std::time::Duration;

use bevy_ecs::prelude::{Add, On, Query, Remove, ResMut, Resource};

use crate::cleanup::{CleanupTier, Cleanups};
use crate::packet::{BufferedPacket, PacketKind};

/// What cleanup has done since the node started, and the packets there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Resource)]
pub struct CleanupStats {
    /// Packets that wait in rooms, by kind ([`PacketKind::ALL`]).
    pub packets: [u64; PacketKind::ALL.len()],
    /// Packets cleaned up, by tier ([`CleanupTier::ALL`]) and kind.
    pub cleaned: [[u64; PacketKind::ALL.len()]; CleanupTier::ALL.len()],
    /// Cleanups finished, by tier.
    pub finished: [u64; CleanupTier::ALL.len()],
    /// Attempts that failed.
    pub failures: u64,
    /// Attempts that were put down again after a failure.
    pub retries: u64,
    /// Cleanups that failed too often to be tried again; what they left goes with the room at the latest.
    pub given_up: u64,
    /// Cleanups that ran because their forced time had come.
    pub forced: u64,
}

/// What cleanup still has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanupBacklog {
    /// Cleanups that wait.
    pub tasks: u64,
    /// Rooms that wait for one.
    pub rooms: u64,
    /// How long ago the oldest was asked for.
    pub oldest_age: Duration,
}

impl CleanupBacklog {
    /// Counts what the rooms wait for.
    pub fn of<'a>(cleanups: impl Iterator<Item = &'a Cleanups>, now: Duration) -> Self {
        let mut backlog = Self::default();
        for task in cleanups.inspect(|_| backlog.rooms += 1).flat_map(|cleanups| &cleanups.0) {
            backlog.tasks += 1;
            backlog.oldest_age = backlog.oldest_age.max(now.saturating_sub(task.asked_at));
        }
        backlog
    }
}

impl CleanupStats {
    pub(crate) fn note_cleaned(&mut self, kind: PacketKind, tier: CleanupTier) {
        self.cleaned[tier as usize][kind as usize] += 1;
    }

    pub(crate) fn note_finished(&mut self, tier: CleanupTier) {
        self.finished[tier as usize] += 1;
    }

    /// The members of a JSON object.
    pub(crate) fn json(&self, backlog: CleanupBacklog) -> String {
        let mut json = format!(
            concat!(
                "\"tasks\":{},\"rooms_pending\":{},\"oldest_age_ms\":{},\"failures\":{},\"retries\":{},",
                "\"given_up\":{},\"forced\":{}"
            ),
            backlog.tasks,
            backlog.rooms,
            backlog.oldest_age.as_millis(),
            self.failures,
            self.retries,
            self.given_up,
            self.forced,
        );
        for (kind, count) in PacketKind::ALL.iter().zip(self.packets) {
            // Writing to text cannot fail.
            let _ = write!(json, ",\"packets_{}\":{count}", kind.name());
        }
        for (tier, (finished, cleaned)) in
            CleanupTier::ALL.iter().zip(self.finished.iter().zip(&self.cleaned))
        {
            let _ = write!(json, ",\"finished_{}\":{finished}", tier.name());
            for (kind, count) in PacketKind::ALL.iter().zip(cleaned) {
                let _ = write!(json, ",\"cleaned_{}_{}\":{count}", tier.name(), kind.name());
            }
        }
        json
    }
}

/// A packet has come.
pub(crate) fn count_packet(
    added: On<Add<BufferedPacket>>,
    packets: Query<&BufferedPacket>,
    mut stats: ResMut<CleanupStats>,
) {
    if let Ok(packet) = packets.get(added.entity) {
        stats.packets[packet.kind as usize] += 1;
    }
}

/// A packet goes, for whatever reason.
pub(crate) fn discount_packet(
    removed: On<Remove<BufferedPacket>>,
    packets: Query<&BufferedPacket>,
    mut stats: ResMut<CleanupStats>,
) {
    if let Ok(packet) = packets.get(removed.entity) {
        let count = &mut stats.packets[packet.kind as usize];
        *count = count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_name_every_kind_and_tier() {
        let mut stats = CleanupStats { packets: [1, 2, 3], ..CleanupStats::default() };
        stats.note_cleaned(PacketKind::State, CleanupTier::Session);
        let backlog = CleanupBacklog { tasks: 2, rooms: 1, oldest_age: Duration::from_millis(1_500) };
        let json = stats.json(backlog);
        assert!(json.starts_with("\"tasks\":2,\"rooms_pending\":1,\"oldest_age_ms\":1500,"), "{json}");
        assert!(
            json.contains("\"packets_leaderboard\":3") && json.contains("\"cleaned_session_state\":1"),
            "{json}"
        );
        assert!(json.contains("\"cleaned_room_score\":0"), "{json}");
    }
}
