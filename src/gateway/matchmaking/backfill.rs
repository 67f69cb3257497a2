//! Running rooms with free seats look for players.

use framekeep_gate::RoomRow;
use framekeep_matchmaking::{Backfill, FreeSeats, Mode};

use super::MatchmakingConfig;
use super::desk::{Desk, Served};

/// How long a room may be missing among the server's before it is forgotten: reports come once a second.
const MISSING_MS_MAX: u64 = 10_000;

impl Served {
    /// The free seats of one team, that of the lowest: seats are kept in their order.
    fn backfill(&self, room: &str, mode: &Mode, free: &[u8]) -> Option<Backfill> {
        let team_of = |seat: &u8| self.teams.get(usize::from(*seat)).copied();
        let team = free.first().and_then(team_of)?;
        let seats = free.iter().take_while(|seat| team_of(seat) == Some(team)).count() as u8;
        // Which roles are free nobody knows: the server has seats.
        let is_simple = mode.roles.is_empty();
        let of_team = |nth: u8| FreeSeats { seats: if nth == team { seats } else { 0 }, by_role: Vec::new() };
        is_simple.then(|| Backfill {
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
        })
    }
}

impl Desk {
    /// Looks which of the rooms that were opened for matches have free seats, and which are gone.
    pub(super) fn look_at_rooms(&mut self, config: &MatchmakingConfig, rows: &[RoomRow], now_ms: u64) {
        let Self { matcher, rooms, .. } = self;
        rooms.retain(|name, served| {
            let found = rows.binary_search_by(|row| row.name.as_str().cmp(name.as_str())).ok();
            let row = found.map(|nth| &rows[nth]).filter(|row| row.phase != "closed");
            let Some(row) = row else {
                let keep = now_ms.saturating_sub(served.seen_at_ms) < MISSING_MS_MAX;
                if !keep {
                    // It is not known there if it never had free seats.
                    let _ = matcher.close_backfill(now_ms, name.as_str());
                }
                return keep;
            };
            served.seen_at_ms = now_ms;
            let setup = config.setup(&served.of, &served.mode).filter(|setup| setup.backfill);
            let free: &[u8] = match setup {
                Some(_) if row.phase != "finished" => &row.free_seats,
                _ => &[],
            };
            if served.told == free {
                return true;
            }
            free.clone_into(&mut served.told);
            let offer = setup.and_then(|setup| served.backfill(name.as_str(), &setup.mode, free));
            let _ = match offer {
                Some(offer) => matcher.open_backfill(now_ms, offer),
                None => matcher.close_backfill(now_ms, name.as_str()),
            };
            true
        });
    }
}
