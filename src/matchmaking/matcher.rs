//! `Matcher`, the queue and who may ask what of it.

mod asking;
mod attempt;
mod due;
mod effort;
mod pairing;
mod record;
mod rooms;
mod shown;
mod time;
mod why;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use framekeep_protocol::PlayerId;

use self::asking::Formed;
use self::attempt::Scratch;
use self::due::Due;
use self::rooms::OpenRooms;
use crate::lane::Lane;
use crate::limits::{REMEMBERED_MAX, REMEMBERED_MS, TICKETS_MAX};
use crate::mode::validate_all;
use crate::pool::Pool;
use crate::queue::{NearLanes, Queue, Slot};
use crate::regions::Regions;
use crate::rules::Rules;
use crate::{
    Ended, Event, Match, MatchId, Mode, ModeFault, Operation, Refused, Ticket, TicketId, TicketState,
    TicketView,
};

/// Who waits for whom. Time is an argument and never goes back: an earlier one is taken for the latest.
///
/// What has come of operations and of time is taken with [`poll`](Self::poll), after every operation; what is not
/// taken waits.
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Vec<Rules>,
    regions: Regions,
    pools: Vec<Pool>,
    lanes: Vec<Lane>,
    /// Lanes in which something is new, or many have left.
    unsettled: Vec<u32>,
    /// The last number of a stay that a round has come to: later ones have not been looked at.
    looked: u64,
    queue: Queue,
    due: Due,
    /// Tickets that were tried while no new room can be had: they are tried again once one can.
    parked: BTreeSet<Slot>,
    rooms: OpenRooms,
    matches: BTreeMap<MatchId, Formed>,
    /// Matches whose players are asked, by when they must have answered.
    asked: BTreeSet<(u64, MatchId)>,
    /// Matches to be forgotten, in the order of their time.
    settled: VecDeque<(u64, MatchId)>,
    matches_formed: u64,
    tickets_max: usize,
    now_ms: u64,
    events: VecDeque<Event>,
    scratch: Scratch,
    log: Option<Vec<u8>>,
}

impl Matcher {
    /// An empty queue for these modes.
    ///
    /// # Errors
    /// [`ModeFault`] if one of them cannot be played or two are the same.
    pub fn new(modes: Vec<Mode>) -> Result<Self, ModeFault> {
        validate_all(&modes)?;
        let (mut rules, mut pools) = (Vec::new(), Vec::new());
        for mode in modes {
            let new = Rules::new(mode, pools.len());
            pools.extend(new.tick_rates_hz.iter().map(|hz| Pool::new(rules.len(), *hz)));
            rules.push(new);
        }
        Ok(Self {
            rules,
            regions: Regions::default(),
            pools,
            lanes: Vec::new(),
            unsettled: Vec::new(),
            looked: 0,
            queue: Queue::default(),
            due: Due::default(),
            parked: BTreeSet::new(),
            rooms: OpenRooms::default(),
            matches: BTreeMap::new(),
            asked: BTreeSet::new(),
            settled: VecDeque::new(),
            matches_formed: 0,
            tickets_max: TICKETS_MAX,
            now_ms: 0,
            events: VecDeque::new(),
            scratch: Scratch::default(),
            log: None,
        })
    }

    /// With another limit of tickets that are not over.
    #[must_use]
    pub fn with_tickets_max(mut self, tickets_max: usize) -> Self {
        self.tickets_max = tickets_max;
        self
    }

    /// With rounds that do less.
    #[cfg(test)]
    pub(crate) fn with_round(mut self, looks_max: usize, search_steps_max: u32) -> Self {
        self.scratch.effort.limit(looks_max, search_steps_max);
        self
    }

    /// Whether everybody whose turn it is was tried.
    #[cfg(test)]
    pub(crate) fn is_caught_up(&self) -> bool {
        self.due.is_empty()
    }

    /// The modes.
    pub fn modes(&self) -> impl Iterator<Item = &Mode> {
        self.rules.iter().map(|rules| &rules.mode)
    }

    /// What has come of operations and of time, the first first.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Does what is asked, or refuses and changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says what stands in the way.
    pub fn apply(&mut self, now_ms: u64, operation: Operation) -> Result<(), Refused> {
        match operation {
            Operation::Submit(ticket) => self.submit(now_ms, ticket).map(drop),
            Operation::Restore(ticket, since_ms) => self.restore(now_ms, ticket, since_ms).map(drop),
            Operation::RestoreGuest(ticket, since_ms) => {
                self.restore_guest(now_ms, ticket, since_ms).map(drop)
            }
            Operation::Cancel(id) => self.cancel(now_ms, id).map(drop),
            Operation::Accept(id, player) => self.answer(now_ms, id, player, true).map(drop),
            Operation::Decline(id, player) => self.answer(now_ms, id, player, false).map(drop),
            Operation::GiveBack(id) => self.give_back(now_ms, id),
            Operation::OpenBackfill(room) => self.open_backfill(now_ms, room),
            Operation::CloseBackfill(room) => self.close_backfill(now_ms, &room),
            Operation::NameRegion(region) => self.name_region(now_ms, &region),
            Operation::Round => {
                self.round(now_ms);
                Ok(())
            }
            Operation::Wait => {
                self.wait(now_ms);
                Ok(())
            }
            Operation::Fill => {
                self.fill(now_ms);
                Ok(())
            }
        }
    }

    /// Lets a ticket wait. The same ticket again gives the same answer as before, wherever it is in its life.
    ///
    /// # Errors
    /// [`Refused`] if it cannot be served, says something else than before, or one of its players waits already.
    pub fn submit(&mut self, now_ms: u64, ticket: Ticket) -> Result<TicketView, Refused> {
        self.restore(now_ms, ticket, now_ms)
    }

    /// Lets a ticket wait that has been waiting since then, by another matcher.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn restore(&mut self, now_ms: u64, ticket: Ticket, since_ms: u64) -> Result<TicketView, Refused> {
        let operation = self.to_log(|| Operation::Restore(ticket.clone(), since_ms));
        self.logged(now_ms, operation, |it| it.take_in(now_ms, ticket, since_ms, false))
    }

    /// Lets a guest's ticket wait, since then. Guests are vouched for by nobody: of regions that are not known all of
    /// them together may name [`GUEST_REGIONS_MAX`](crate::limits::GUEST_REGIONS_MAX).
    ///
    /// # Errors
    /// As for [`submit`](Self::submit); [`Refused::GuestRegions`] if one of its regions would be one too many.
    pub fn restore_guest(
        &mut self,
        now_ms: u64,
        ticket: Ticket,
        since_ms: u64,
    ) -> Result<TicketView, Refused> {
        let operation = self.to_log(|| Operation::RestoreGuest(ticket.clone(), since_ms));
        self.logged(now_ms, operation, |it| it.take_in(now_ms, ticket, since_ms, true))
    }

    fn take_in(
        &mut self,
        now_ms: u64,
        ticket: Ticket,
        since_ms: u64,
        is_guest: bool,
    ) -> Result<TicketView, Refused> {
        self.elapse(now_ms);
        if let Some(slot) = self.queue.find(ticket.id) {
            let is_same = self.queue.record(slot).ticket == ticket;
            return if is_same { Ok(self.queue.view(slot)) } else { Err(Refused::OtherTicket(ticket.id)) };
        }
        ticket.validate()?;
        if self.queue.live() >= self.tickets_max {
            return Err(Refused::QueueFull { limit: self.tickets_max });
        }
        for member in &ticket.party {
            if let Some(other) = self.queue.of_player(member.player) {
                let ticket = self.queue.record(other).ticket.id;
                return Err(Refused::PlayerWaits { player: member.player, ticket });
            }
        }
        let rules = self.rules_of(&ticket.game, &ticket.mode)?;
        let regions = self.take_regions(&ticket, is_guest)?;
        let numbers = regions.clone();
        let wish = self.rules[rules].wish(rules, &ticket, regions, is_guest);
        let wish = wish.inspect_err(|_| self.release_regions(&numbers, is_guest))?;
        let slot = self.queue.add(ticket, wish, since_ms.min(self.now_ms));
        self.begin_waiting(slot);
        Ok(self.queue.view(slot))
    }

    /// What can be seen of a ticket, as it was at the last operation.
    #[must_use]
    pub fn view(&self, id: TicketId) -> Option<TicketView> {
        self.queue.find(id).map(|slot| self.queue.view(slot))
    }

    /// What a ticket said.
    #[must_use]
    pub fn ticket(&self, id: TicketId) -> Option<&Ticket> {
        self.queue.find(id).map(|slot| &self.queue.record(slot).ticket)
    }

    /// A match whose players are asked, or that was formed lately.
    #[must_use]
    pub fn matched(&self, id: MatchId) -> Option<&Arc<Match>> {
        self.matches.get(&id).map(|formed| &formed.of)
    }

    /// Takes a ticket back. Those it was to play with wait again, as long as they have.
    ///
    /// # Errors
    /// [`Refused`] if there is no such ticket or it has its match. One that is over stays as it is.
    pub fn cancel(&mut self, now_ms: u64, id: TicketId) -> Result<TicketView, Refused> {
        let operation = self.to_log(|| Operation::Cancel(id));
        self.logged(now_ms, operation, |it| it.take_back(now_ms, id))
    }

    fn take_back(&mut self, now_ms: u64, id: TicketId) -> Result<TicketView, Refused> {
        self.elapse(now_ms);
        let slot = self.queue.find(id).ok_or(Refused::UnknownTicket(id))?;
        match self.queue.card(slot).state {
            TicketState::Waiting => {
                self.stop_waiting(slot);
                self.end(slot, Ended::Cancelled);
            }
            TicketState::Asked { of, .. } => {
                self.fall_through(of, |other| (other == slot).then_some(Ended::Cancelled));
            }
            TicketState::Matched { of } => return Err(Refused::AlreadyMatched { ticket: id, of }),
            TicketState::Ended(_) => {}
        }
        Ok(self.queue.view(slot))
    }

    /// Tickets that are not over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.live()
    }

    /// Whether no ticket waits or is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn rules_of(&self, game: &str, mode: &str) -> Result<usize, Refused> {
        let found = self.rules.iter().position(|rules| rules.mode.game == game && rules.mode.name == mode);
        found.ok_or_else(|| Refused::UnknownMode { game: game.to_owned(), mode: mode.to_owned() })
    }

    fn rules_of_ticket(&self, slot: Slot) -> &Rules {
        &self.rules[self.pools[self.queue.card(slot).pool as usize].rules]
    }

    /// Operators name a region: tickets that invent others cannot take its place.
    ///
    /// # Errors
    /// [`Refused::TooManyRegions`] if as many as there may be are named, or used now.
    pub fn name_region(&mut self, now_ms: u64, region: &str) -> Result<(), Refused> {
        let operation = self.to_log(|| Operation::NameRegion(region.to_owned()));
        self.logged(now_ms, operation, |it| {
            it.elapse(now_ms);
            it.regions.name_for_good(region)
        })
    }

    /// The numbers of a ticket's regions, the nearest first; each is used once more.
    fn take_regions(&mut self, ticket: &Ticket, is_guest: bool) -> Result<Vec<(u8, u32)>, Refused> {
        let mut regions = Vec::with_capacity(ticket.regions.len().max(1));
        for wanted in &ticket.regions {
            match self.regions.take(&wanted.region, is_guest) {
                Ok(number) => regions.push((number, wanted.latency_ms)),
                Err(why) => {
                    self.release_regions(&regions, is_guest);
                    return Err(why);
                }
            }
        }
        regions.sort_by_key(|(_, latency_ms)| *latency_ms);
        if regions.is_empty() {
            regions.push((self.regions.take("", is_guest)?, 0));
        }
        Ok(regions)
    }

    fn release_regions(&mut self, regions: &[(u8, u32)], is_guest: bool) {
        regions.iter().for_each(|(number, _)| self.regions.release(*number, is_guest));
    }

    /// The lane of a pool, region and content; made if there is none.
    fn lane_of(&mut self, pool: usize, region: u8, content: u8) -> u32 {
        if let Some(lane) = self.pools[pool].lane(region, content) {
            return lane;
        }
        let lane = self.lanes.len() as u32;
        self.lanes.push(Lane::new(pool, region, content));
        self.pools[pool].set_lane(region, content, lane);
        lane
    }

    /// A ticket waits, from now on or again.
    fn begin_waiting(&mut self, slot: Slot) {
        let stamp = self.queue.next_stamp();
        self.queue.stamps[slot as usize] = stamp;
        let size = self.queue.hot[slot as usize].size;
        self.queue.record_mut(slot).near = 0;
        let card = self.queue.card_mut(slot);
        card.lanes = NearLanes::default();
        let pool = card.pool as usize;
        self.pools[pool].tickets += 1;
        self.pools[pool].players += u64::from(size);
        self.set_state(slot, TicketState::Waiting);
        self.refresh(slot);
    }

    /// A ticket does not wait any more. Its entries stay behind, marked by their stamp.
    fn stop_waiting(&mut self, slot: Slot) {
        self.queue.stamps[slot as usize] = 0;
        let size = self.queue.hot[slot as usize].size;
        let pool = self.queue.card(slot).pool as usize;
        self.pools[pool].tickets -= 1;
        self.pools[pool].players -= u64::from(size);
        let mut nth = 0;
        while let Some(lane) = self.lane_of_ticket(slot, nth) {
            if self.lanes[lane as usize].note_gone(size) {
                self.unsettle(lane);
            }
            nth += 1;
        }
    }

    /// A waiting ticket goes into the lanes of its next region.
    fn enter_region(&mut self, slot: Slot) {
        let record = self.queue.record(slot);
        let (pool, (region, _)) = (record.wish.pool, record.wish.regions[record.near]);
        let contents = record.wish.contents.clone();
        let by_role = self.rules[record.wish.rules].by_set.is_some();
        for content in contents {
            let nth = self.lane_of(pool, region, content);
            self.lanes[nth as usize].add(slot, by_role, &self.queue);
            self.queue.card_mut(slot).lanes.push(nth);
            self.unsettle(nth);
        }
        self.queue.record_mut(slot).near += 1;
    }

    /// A lane is settled before the next round.
    fn unsettle(&mut self, nth: u32) {
        if !std::mem::replace(&mut self.lanes[nth as usize].unsettled, true) {
            self.unsettled.push(nth);
        }
    }

    fn set_state(&mut self, slot: Slot, state: TicketState) {
        let card = self.queue.card_mut(slot);
        card.state = state;
        card.revision += 1;
    }

    /// A ticket that does not wait is over.
    fn end(&mut self, slot: Slot, ended: Ended) {
        self.set_state(slot, TicketState::Ended(ended));
        self.events.push_back(Event::Ended(self.queue.card(slot).id, ended));
        self.queue.end(slot, self.now_ms + REMEMBERED_MS);
        let record = self.queue.record_mut(slot);
        record.near = 0;
        let (regions, is_guest) = (std::mem::take(&mut record.wish.regions), record.wish.is_guest);
        self.release_regions(&regions, is_guest);
        self.forget();
    }

    /// Forgets tickets that were over long ago; those that had their match have kept their regions until now.
    fn forget(&mut self) {
        let regions = self.queue.forget(self.now_ms, REMEMBERED_MAX);
        regions.into_iter().for_each(|(number, is_guest)| self.regions.release(number, is_guest));
    }

    /// Answers for a player who was asked.
    ///
    /// # Errors
    /// [`Refused`] if nobody is asked, or not that player.
    pub fn answer(
        &mut self,
        now_ms: u64,
        id: TicketId,
        player: PlayerId,
        accepts: bool,
    ) -> Result<TicketView, Refused> {
        let said = |id, player| match accepts {
            true => Operation::Accept(id, player),
            false => Operation::Decline(id, player),
        };
        let operation = self.to_log(|| said(id, player));
        self.logged(now_ms, operation, |it| it.hear_answer(now_ms, id, player, accepts))
    }

    fn hear_answer(
        &mut self,
        now_ms: u64,
        id: TicketId,
        player: PlayerId,
        accepts: bool,
    ) -> Result<TicketView, Refused> {
        self.elapse(now_ms);
        let slot = self.queue.find(id).ok_or(Refused::UnknownTicket(id))?;
        let record = self.queue.record(slot);
        if record.ticket.party.iter().all(|member| member.player != player) {
            return Err(Refused::NotOfTicket { ticket: id, player });
        }
        match self.queue.card(slot).state {
            TicketState::Asked { of, .. } if accepts => self.accept(of, player),
            TicketState::Asked { of, .. } => {
                self.fall_through(of, |other| (other == slot).then_some(Ended::Declined));
            }
            // Somebody who was there is still there.
            TicketState::Matched { .. } if accepts => {}
            TicketState::Matched { of } => return Err(Refused::AlreadyMatched { ticket: id, of }),
            TicketState::Waiting | TicketState::Ended(_) => return Err(Refused::NotAsked(id)),
        }
        Ok(self.queue.view(slot))
    }
}
