//! Running rooms with free seats look for players.

use std::collections::BTreeSet;

use framekeep_gate::{Report, SharedOffer, SharedQueue};
use framekeep_matchmaking::{Backfill, FreeSeats, Mode};
use framekeep_protocol::{MATCH_ROOM_PREFIX, RoomName};

use super::MatchmakingConfig;
use super::desk::{Desk, Served};

/// How long a room may be missing among the server's before it is forgotten: reports come once a second.
const MISSING_MS_MAX: u64 = 10_000;

/// How often the room of a match that came from elsewhere is asked for, and how many at once.
const ASK_AGAIN_AFTER_MS: u64 = 5_000;
const ASKED_AT_ONCE: usize = 32;

impl Served {
    /// The free seats of one team, that of the lowest: seats are kept in their order.
    fn backfill(&self, room: &str, mode: &Mode, free: &[u8]) -> Backfill {
        let team_of = |seat: &u8| self.teams.get(usize::from(*seat)).copied();
        let team = free.first().and_then(team_of);
        let seats = free.iter().take_while(|seat| team_of(seat) == team).count() as u8;
        let of_team = |nth: u8| FreeSeats {
            seats: if Some(nth) == team { seats } else { 0 },
            by_role: vec![0; mode.roles.len()],
        };
        Backfill {
            room: room.to_owned(),
            game: (*self.of).to_owned(),
            mode: (*self.mode).to_owned(),
            content: (*self.content).to_owned(),
            region: (*self.region).to_owned(),
            tick_rate_hz: self.tick_rate_hz,
            teams: (0..mode.teams).map(of_team).collect(),
            rating: self.rating,
            players: self.players.clone(),
            blocked: self.blocked.clone(),
        }
    }

    /// A room as the node that had it before knew it.
    fn from_offer(offer: SharedOffer, now_ms: u64) -> Self {
        let SharedOffer { backfill, seat_teams } = offer;
        Self {
            of: backfill.game.into(),
            mode: backfill.mode.into(),
            content: backfill.content.into(),
            region: backfill.region.into(),
            tick_rate_hz: backfill.tick_rate_hz,
            teams: seat_teams,
            players: backfill.players,
            blocked: backfill.blocked,
            rating: backfill.rating,
            told: None,
            seated_unix_ms: 0,
            seen_at_ms: now_ms,
        }
    }
}

impl Desk {
    /// Looks which of the rooms that were opened for matches have free seats, and which are gone. They are offered to
    /// all of the cluster where that is there, else to those who wait at this node.
    pub(super) fn look_at_rooms(
        &mut self,
        config: &MatchmakingConfig,
        report: &Report,
        now_ms: u64,
        cluster: Option<&dyn SharedQueue>,
    ) {
        let Self { matcher, rooms, offers_to_all, .. } = self;
        if std::mem::replace(offers_to_all, cluster.is_some()) != cluster.is_some() {
            for (name, served) in rooms.iter_mut() {
                served.told = None;
                let _ = matcher.close_backfill(now_ms, name.as_str());
            }
        }
        rooms.retain(|name, served| {
            let found = report.rooms.binary_search_by(|row| row.name.as_str().cmp(name.as_str())).ok();
            let row = found.map(|nth| &report.rooms[nth]).filter(|row| row.phase != "closed");
            let Some(row) = row else {
                let keep = now_ms.saturating_sub(served.seen_at_ms) < MISSING_MS_MAX;
                if !keep {
                    // It is not known there if it never had free seats.
                    let _ = matcher.close_backfill(now_ms, name.as_str());
                    cluster.iter().for_each(|cluster| cluster.withdraw(name));
                }
                return keep;
            };
            served.seen_at_ms = now_ms;
            // Which roles are free nobody knows: the server has seats.
            let setup = config.setup(&served.of, &served.mode);
            let setup = setup.filter(|setup| setup.backfill && setup.mode.roles.is_empty());
            let (Some(setup), true) = (setup, report.unix_ms > served.seated_unix_ms) else { return true };
            let free: &[u8] = if row.phase == "finished" { &[] } else { &row.free_seats };
            if served.told.as_deref() == Some(free) {
                return true;
            }
            served.told = Some(free.to_vec());
            let backfill = served.backfill(name.as_str(), &setup.mode, free);
            let _ = match cluster {
                Some(cluster) => {
                    cluster.offer(SharedOffer { backfill, seat_teams: served.teams.clone() });
                    Ok(())
                }
                None if free.is_empty() => matcher.close_backfill(now_ms, name.as_str()),
                None => matcher.open_backfill(now_ms, backfill),
            };
            true
        });
    }

    /// Rooms of matches that came here from other nodes, or are from the start before, and are to be asked for.
    pub(super) fn foreign_rooms(&mut self, report: &Report, now_ms: u64) -> Vec<RoomName> {
        let first = report.rooms.partition_point(|row| row.name.as_str() < MATCH_ROOM_PREFIX);
        let of_matches =
            report.rooms[first..].iter().take_while(|row| row.name.starts_with(MATCH_ROOM_PREFIX));
        let open = of_matches.filter(|row| row.phase != "closed");
        let names: BTreeSet<_> = open.filter_map(|row| RoomName::try_from(row.name.as_str()).ok()).collect();
        self.foreign.retain(|name, _| names.contains(name));
        let is_due = |at_ms: &u64| at_ms + ASK_AGAIN_AFTER_MS <= now_ms;
        let due = names
            .into_iter()
            .filter(|name| !self.rooms.contains_key(name) && self.foreign.get(name).is_none_or(is_due));
        let due: Vec<_> = due.take(ASKED_AT_ONCE).collect();
        self.foreign.extend(due.iter().map(|name| (name.clone(), now_ms)));
        due
    }

    /// What the node that had a room before knew of it.
    pub(super) fn take_over(&mut self, room: RoomName, offer: SharedOffer, now_ms: u64) {
        self.rooms.entry(room).or_insert_with(|| Served::from_offer(offer, now_ms));
    }
}
