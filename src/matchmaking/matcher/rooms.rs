//! Running rooms that look for players.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use framekeep_protocol::PlayerId;

use super::Matcher;
use crate::group::{Filling, Group, Team};
use crate::limits::{BACKFILL_LOOKS_MAX, BACKFILLS_MAX, LOOKS_MIN, LOOKS_PER_SEAT, RATING_MAX, ROOM_LOOKS};
use crate::queue::Slot;
use crate::roles::seats_of_sets;
use crate::{Backfill, FreeSeats, Match, MatchId, Operation, Refused, seating};

/// Who has been given a seat in a room since it said which are free.
#[derive(Clone, Debug)]
struct Guest {
    of: MatchId,
    team: usize,
    /// The role each of its players was given.
    roles: Vec<Option<u8>>,
    players: Vec<PlayerId>,
    blocked: Vec<PlayerId>,
}

/// A running room that looks for players.
#[derive(Clone, Debug)]
struct OpenRoom {
    backfill: Backfill,
    name: Arc<str>,
    rules: usize,
    lane: u32,
    guests: Vec<Guest>,
    /// Whether it is among the rooms of its lane.
    is_listed: bool,
}

impl OpenRoom {
    /// The free seats of its teams, those of guests taken off.
    fn free(&self) -> Vec<FreeSeats> {
        let mut free = self.backfill.teams.clone();
        for guest in &self.guests {
            let Some(team) = free.get_mut(guest.team) else { continue };
            team.seats = team.seats.saturating_sub(guest.roles.len() as u8);
            for role in guest.roles.iter().flatten() {
                if let Some(seats) = team.by_role.get_mut(usize::from(*role)) {
                    *seats = seats.saturating_sub(1);
                }
            }
        }
        free
    }

    fn is_peaceful(&self, ticket: &crate::Ticket) -> bool {
        let there = self.guests.iter().flat_map(|guest| &guest.players).chain(&self.backfill.players);
        let hated = self.guests.iter().flat_map(|guest| &guest.blocked).chain(&self.backfill.blocked);
        let is_of = |player: &PlayerId| ticket.party.iter().any(|member| member.player == *player);
        there.clone().all(|player| !ticket.blocked.contains(player) && !is_of(player))
            && hated.into_iter().all(|player| !is_of(player))
    }
}

/// The running rooms that look for players, in the order in which they asked.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenRooms {
    rooms: BTreeMap<u64, OpenRoom>,
    by_name: BTreeMap<Arc<str>, u64>,
    count: u64,
    /// Rooms to be filled in the next round.
    due: VecDeque<u64>,
}

impl Matcher {
    /// A running room looks for players. What it said before is forgotten, save for players who are being asked for
    /// it; those whom it was given must be among its players now, or their seats not among the free ones.
    ///
    /// # Errors
    /// [`Refused`] if it is no room of a mode, or there are too many.
    pub fn open_backfill(&mut self, now_ms: u64, backfill: Backfill) -> Result<(), Refused> {
        let operation = self.to_log(|| Operation::OpenBackfill(backfill.clone()));
        self.logged(now_ms, operation, |it| it.open_room(now_ms, backfill))
    }

    fn open_room(&mut self, now_ms: u64, backfill: Backfill) -> Result<(), Refused> {
        self.elapse(now_ms);
        let rules = self.rules_of(&backfill.game, &backfill.mode)?;
        backfill.validate(&self.rules[rules].mode)?;
        let content = self.rules[rules].content(&backfill.content)?;
        let pool = self.rules[rules].first_pool + self.rules[rules].tick_rate(backfill.tick_rate_hz)?;
        let old = self.rooms.by_name.get(backfill.room.as_str()).copied();
        if old.is_none() && self.rooms.rooms.len() >= BACKFILLS_MAX {
            return Err(Refused::TooManyBackfills);
        }
        let region = self.regions.take(&backfill.region, false)?;
        let lane = self.lane_of(pool, region, content);
        let number = old.unwrap_or(self.rooms.count + 1);
        self.rooms.count = self.rooms.count.max(number);
        self.unlist(number);
        let guests = self.asked_into(&backfill.room).map(|of| self.guest(of)).collect();
        let name: Arc<str> = backfill.room.as_str().into();
        self.rooms.by_name.insert(name.clone(), number);
        let room = OpenRoom { backfill, name, rules, lane, guests, is_listed: false };
        if let Some(before) = self.rooms.rooms.insert(number, room) {
            self.regions.release(self.lanes[before.lane as usize].region, false);
        }
        self.list(number);
        Ok(())
    }

    /// A running room does not look for players any more. Players who are being asked for it still get into it.
    ///
    /// # Errors
    /// [`Refused::UnknownRoom`] if it did not.
    pub fn close_backfill(&mut self, now_ms: u64, room: &str) -> Result<(), Refused> {
        let operation = self.to_log(|| Operation::CloseBackfill(room.to_owned()));
        self.logged(now_ms, operation, |it| it.close_room(now_ms, room))
    }

    fn close_room(&mut self, now_ms: u64, room: &str) -> Result<(), Refused> {
        self.elapse(now_ms);
        let number = self.rooms.by_name.remove(room).ok_or_else(|| Refused::UnknownRoom(room.to_owned()))?;
        self.unlist(number);
        if let Some(room) = self.rooms.rooms.remove(&number) {
            self.regions.release(self.lanes[room.lane as usize].region, false);
        }
        Ok(())
    }

    /// Puts a room with free seats among those of its lane.
    fn list(&mut self, number: u64) {
        let Some(room) = self.rooms.rooms.get_mut(&number) else { return };
        if !room.is_listed && room.free().iter().any(|team| team.seats > 0) {
            room.is_listed = true;
            self.lanes[room.lane as usize].rooms.push(number);
            self.rooms.due.push_back(number);
        }
    }

    fn unlist(&mut self, number: u64) {
        if let Some(room) = self.rooms.rooms.get_mut(&number)
            && std::mem::take(&mut room.is_listed)
        {
            self.lanes[room.lane as usize].rooms.retain(|other| *other != number);
        }
    }

    /// Who comes into a room by a match, which is of one ticket.
    fn guest(&self, of: &Match) -> Guest {
        let ticket = of.places.first().and_then(|place| self.ticket(place.ticket));
        Guest {
            of: of.id,
            team: of.places.first().map_or(0, |place| place.team.into()),
            roles: of.places.iter().map(|place| place.role).collect(),
            players: of.places.iter().map(|place| place.player).collect(),
            blocked: ticket.map(|ticket| ticket.blocked.clone()).unwrap_or_default(),
        }
    }

    /// The players of a match that falls through leave the room they were to come into.
    pub(super) fn leave_room(&mut self, name: &str, of: MatchId) {
        let Some(number) = self.rooms.by_name.get(name).copied() else { return };
        if let Some(room) = self.rooms.rooms.get_mut(&number) {
            room.guests.retain(|guest| guest.of != of);
            self.rooms.due.push_back(number);
            self.list(number);
        }
    }

    /// Rooms that are new take whom they can; those that are left do so in the next round.
    pub(super) fn fill_rooms(&mut self) {
        while let Some(number) = self.rooms.due.pop_front() {
            let Some(room) = self.rooms.rooms.get(&number).filter(|room| room.is_listed) else { continue };
            let mode = &self.rules[room.rules].mode;
            let rating = room.backfill.rating;
            let reach = mode.rating.at(u64::MAX).min(2 * RATING_MAX.unsigned_abs()).cast_signed();
            let looks = LOOKS_MIN + LOOKS_PER_SEAT * mode.seats();
            let lane = &self.lanes[room.lane as usize];
            let mut walk =
                lane.walk(rating, (rating - reach, rating + reach), &self.queue, looks, Vec::new());
            let near: Vec<Slot> =
                std::iter::from_fn(|| walk.next()).map(|near| near.slot).take(looks).collect();
            let (reads, _) = walk.end();
            self.scratch.effort.spend(ROOM_LOOKS * reads);
            for slot in near {
                self.enter_room(slot, number);
            }
            if !self.scratch.effort.is_left_for_old() {
                return;
            }
        }
    }

    /// Whether any running room looks for players.
    pub(super) fn has_open_rooms(&self) -> bool {
        !self.rooms.rooms.is_empty()
    }

    /// A waiting ticket goes into one of the rooms of a lane, if there is one for it.
    pub(super) fn enter_some_room(&mut self, slot: Slot, lane: u32) -> bool {
        let rooms = &self.lanes[lane as usize].rooms;
        if rooms.is_empty() {
            return false;
        }
        let first: Vec<u64> = rooms.iter().take(BACKFILL_LOOKS_MAX).copied().collect();
        self.scratch.effort.spend(ROOM_LOOKS * first.len());
        first.into_iter().any(|number| self.enter_room(slot, number))
    }

    /// A waiting ticket goes into a room, if it is for it.
    fn enter_room(&mut self, slot: Slot, number: u64) -> bool {
        let hot = self.queue.hot[slot as usize];
        let Some(room) = self.rooms.rooms.get(&number).filter(|_| hot.backfill) else { return false };
        let record = self.queue.record(slot);
        let rules = &self.rules[room.rules];
        let far = hot.rating.abs_diff(room.backfill.rating) > hot.window;
        if far || !room.is_peaceful(&record.ticket) {
            return false;
        }
        let free = room.free();
        let by_role = rules.by_set.is_some();
        let team = |free: &FreeSeats| {
            Team::new(free.seats, by_role.then(|| seats_of_sets(free.by_role.iter().copied())))
        };
        let mut group = Group::default();
        group.reset(free.iter().map(team));
        if !group.take(&self.queue, slot, Filling::Fewest) {
            return false;
        }
        let places = seating::places(&mut group, &self.queue, rules, Some(&free));
        let lane = &self.lanes[room.lane as usize];
        let (pool, content, region) = (lane.pool, lane.content, self.regions.name(lane.region));
        let mut of = seating::compose(MatchId(0), rules, (content, region), places);
        of.tick_rate_hz = self.pools[pool].tick_rate_hz;
        of.room = Some(room.name.clone());
        let is_full = group.teams.iter().all(|team| team.free() == 0);
        of.id = self.next_match();
        let guest = self.guest(&of);
        if let Some(room) = self.rooms.rooms.get_mut(&number) {
            room.guests.push(guest);
        }
        if is_full {
            self.unlist(number);
        }
        self.found(of, &group.picks, pool);
        true
    }
}
