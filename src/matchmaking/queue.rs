//! `Queue`, the tickets and their places in memory.

use std::collections::{BTreeMap, VecDeque};

use framekeep_protocol::PlayerId;

use crate::limits::PARTY_MAX;
use crate::marks::Marks;
use crate::{Ticket, TicketId, TicketState, TicketView};

/// Tickets that are forgotten with one operation: a crowd that came together does not go together.
const FORGET_AT_ONCE: usize = 256;

/// Where a ticket is in memory. Used again once the ticket is forgotten.
pub(crate) type Slot = u32;

/// What is looked at of every ticket that is considered: kept together, in one line of the cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(crate) struct Hot {
    /// Since when it has been waiting.
    pub(crate) queued_at_ms: u64,
    pub(crate) rating: i32,
    /// How far away in rating others may be now.
    pub(crate) window: u32,
    pub(crate) size: u8,
    pub(crate) priority: u8,
    pub(crate) backfill: bool,
    /// Whether it is to be tried.
    pub(crate) due: bool,
    /// Whether its choices are to be searched through.
    pub(crate) searches: bool,
    /// Of each member the roles as bits.
    roles: [u8; PARTY_MAX],
    /// The marks of its players, and of those whom it blocks.
    pub(crate) marks: Marks,
}

impl Hot {
    /// The roles of its players.
    pub(crate) fn roles(&self) -> &[u8] {
        &self.roles[..usize::from(self.size)]
    }
}

/// The lanes a waiting ticket is in: kept beside each other, and only looked up anew where they are too many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NearLanes {
    count: u32,
    first: [u32; NEAR_LANES],
}

/// Lanes that are kept: those of two regions and three contents.
const NEAR_LANES: usize = 7;

impl NearLanes {
    pub(crate) fn push(&mut self, lane: u32) {
        if let Some(place) = self.first.get_mut(self.count as usize) {
            *place = lane;
        }
        self.count += 1;
    }

    /// All of them; `None` if they are too many.
    pub(crate) fn all(&self) -> Option<&[u32]> {
        self.first.get(..self.count as usize)
    }
}

/// What a round needs of a ticket that gets its match, and changes of it: kept beside each other, since a round that
/// finds many matches spends its time waiting for memory.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Card {
    pub(crate) id: TicketId,
    /// Its place in the order of arrival.
    pub(crate) seq: u64,
    /// The first of its players; often they are all.
    first: [PlayerId; NEAR_PLAYERS],
    pub(crate) state: TicketState,
    pub(crate) revision: u32,
    pub(crate) pool: u32,
    pub(crate) lanes: NearLanes,
    /// When it is forgotten; 0 while it is not over.
    forget_at_ms: u64,
}

/// Players of a ticket that are kept.
const NEAR_PLAYERS: usize = 4;

/// What a ticket wants in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) rules: usize,
    pub(crate) pool: usize,
    /// Contents of the mode, the dearest first.
    pub(crate) contents: Vec<u8>,
    /// Regions and their latency in milliseconds, the nearest first.
    pub(crate) regions: Vec<(u8, u32)>,
    /// Whether its regions are a guest's.
    pub(crate) is_guest: bool,
    /// Of each member the roles as bits; all where roles do not matter.
    pub(crate) roles: [u8; PARTY_MAX],
    pub(crate) expires_after_ms: u64,
}

/// Everything else of a ticket.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) ticket: Ticket,
    pub(crate) wish: Wish,
    pub(crate) seq: u64,
    /// How many of its regions are near enough.
    pub(crate) near: usize,
    /// When it is looked at again.
    pub(crate) wake_at_ms: u64,
}

/// The tickets that are not forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    /// Of each a new number when it begins to wait; 0 while it does not. Looked at most of all.
    pub(crate) stamps: Vec<u64>,
    pub(crate) hot: Vec<Hot>,
    pub(crate) cards: Vec<Card>,
    records: Vec<Option<Box<Record>>>,
    free: Vec<Slot>,
    by_id: BTreeMap<TicketId, Slot>,
    /// By which ticket a player waits or is asked, or did last.
    by_player: BTreeMap<PlayerId, Slot>,
    wakes: BTreeMap<u64, Vec<(Slot, u64)>>,
    /// Tickets that are over, and when they are forgotten.
    over: VecDeque<(u64, Slot, u64)>,
    /// How many tickets are over and remembered.
    over_count: usize,
    seqs: u64,
    stamps_given: u64,
}

impl Queue {
    /// The ticket's place, if it is not forgotten.
    pub(crate) fn find(&self, id: TicketId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The ticket by which a player waits or is asked.
    pub(crate) fn of_player(&self, player: PlayerId) -> Option<Slot> {
        self.by_player.get(&player).copied().filter(|slot| self.card(*slot).forget_at_ms == 0)
    }

    /// Tickets that are not over.
    pub(crate) fn live(&self) -> usize {
        self.by_id.len() - self.over_count
    }

    /// The ticket of that place.
    ///
    /// # Panics
    /// If there is none: places are held only by what is cleared away with the ticket.
    pub(crate) fn record(&self, slot: Slot) -> &Record {
        self.records[slot as usize].as_deref().expect("a place that is held has a ticket")
    }

    /// The ticket of that place, to be changed.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn record_mut(&mut self, slot: Slot) -> &mut Record {
        self.records[slot as usize].as_deref_mut().expect("a place that is held has a ticket")
    }

    /// What a round needs of the ticket of that place.
    pub(crate) fn card(&self, slot: Slot) -> &Card {
        &self.cards[slot as usize]
    }

    /// The same, to be changed.
    pub(crate) fn card_mut(&mut self, slot: Slot) -> &mut Card {
        &mut self.cards[slot as usize]
    }

    /// The players of a ticket.
    pub(crate) fn players(&self, slot: Slot) -> impl Iterator<Item = PlayerId> + '_ {
        let kept = self.card(slot).first.get(..self.hot[slot as usize].size.into());
        let all = if kept.is_some() { &[] } else { self.record(slot).ticket.party.as_slice() };
        kept.unwrap_or_default().iter().copied().chain(all.iter().map(|member| member.player))
    }

    /// Whether the place is still that of the ticket that arrived as the `seq`th.
    pub(crate) fn holds(&self, slot: Slot, seq: u64) -> bool {
        self.records.get(slot as usize).is_some_and(|one| one.as_ref().is_some_and(|one| one.seq == seq))
    }

    /// Whether the ticket waits, and is not asked, nor over.
    pub(crate) fn is_waiting(&self, slot: Slot) -> bool {
        self.stamps[slot as usize] != 0
    }

    /// What can be seen of a ticket.
    pub(crate) fn view(&self, slot: Slot) -> TicketView {
        let card = self.card(slot);
        TicketView {
            id: card.id,
            state: card.state,
            revision: card.revision,
            queued_at_ms: self.hot[slot as usize].queued_at_ms,
        }
    }

    /// Takes a ticket in; it does not wait yet.
    pub(crate) fn add(&mut self, ticket: Ticket, wish: Wish, queued_at_ms: u64) -> Slot {
        self.seqs += 1;
        let seq = self.seqs;
        let hot = Hot {
            queued_at_ms,
            rating: ticket.rating(),
            size: ticket.party.len() as u8,
            priority: ticket.priority,
            backfill: ticket.backfill,
            roles: wish.roles,
            marks: Marks::of(&ticket),
            ..Hot::default()
        };
        let slot = self.free.pop().unwrap_or(self.hot.len() as Slot);
        self.by_id.insert(ticket.id, slot);
        let card = Card {
            id: ticket.id,
            seq,
            first: core::array::from_fn(|nth| {
                ticket.party.get(nth).map_or(PlayerId(0), |member| member.player)
            }),
            state: TicketState::Waiting,
            revision: 0,
            pool: wish.pool as u32,
            lanes: NearLanes::default(),
            forget_at_ms: 0,
        };
        let record = Some(Box::new(Record { ticket, wish, seq, near: 0, wake_at_ms: 0 }));
        if slot as usize == self.hot.len() {
            self.stamps.push(0);
            self.hot.push(hot);
            self.cards.push(card);
            self.records.push(record);
        } else {
            self.stamps[slot as usize] = 0;
            self.hot[slot as usize] = hot;
            self.cards[slot as usize] = card;
            self.records[slot as usize] = record;
        }
        self.hold_players(slot);
        slot
    }

    /// A number that no stay in the lanes has had.
    pub(crate) fn next_stamp(&mut self) -> u64 {
        self.stamps_given += 1;
        self.stamps_given
    }

    /// The last such number.
    pub(crate) fn stamps_given(&self) -> u64 {
        self.stamps_given
    }

    /// The players of a ticket wait by it.
    pub(crate) fn hold_players(&mut self, slot: Slot) {
        let record = self.records[slot as usize].as_deref();
        for member in record.iter().flat_map(|record| &record.ticket.party) {
            self.by_player.insert(member.player, slot);
        }
    }

    /// Nothing is known of the players of a ticket any more.
    fn forget_players(&mut self, slot: Slot) {
        let record = self.records[slot as usize].as_deref();
        for member in record.iter().flat_map(|record| &record.ticket.party) {
            if self.by_player.get(&member.player) == Some(&slot) {
                self.by_player.remove(&member.player);
            }
        }
    }

    /// Looks at a ticket again at that time, and not at the time that was said before.
    pub(crate) fn wake(&mut self, slot: Slot, at_ms: u64) {
        let record = self.record_mut(slot);
        record.wake_at_ms = at_ms;
        let seq = record.seq;
        self.wakes.entry(at_ms).or_default().push((slot, seq));
    }

    /// When the next ticket is looked at again, or forgotten.
    pub(crate) fn next_at(&self) -> Option<u64> {
        let forgotten = self.over.front().map(|(at_ms, ..)| *at_ms);
        self.wakes.keys().next().copied().into_iter().chain(forgotten).min()
    }

    /// When a ticket was over, if it is; so long is it remembered.
    pub(crate) fn over_at(&self, slot: Slot, remembered_ms: u64) -> Option<u64> {
        let at_ms = self.card(slot).forget_at_ms;
        (at_ms > 0).then(|| at_ms.saturating_sub(remembered_ms))
    }

    /// The tickets of the next time that has come.
    pub(crate) fn take_woken(&mut self, now_ms: u64) -> Option<Vec<Slot>> {
        let first = self.wakes.first_entry().filter(|first| *first.key() <= now_ms)?;
        let (at_ms, woken) = first.remove_entry();
        let is_it = |(slot, seq): &(Slot, u64)| {
            self.holds(*slot, *seq) && self.is_waiting(*slot) && self.record(*slot).wake_at_ms == at_ms
        };
        Some(woken.into_iter().filter(is_it).map(|(slot, _)| slot).collect())
    }

    /// A ticket is over; it is forgotten at that time.
    pub(crate) fn end(&mut self, slot: Slot, forget_at_ms: u64) {
        self.card_mut(slot).forget_at_ms = forget_at_ms;
        let seq = self.card(slot).seq;
        self.over.push_back((forget_at_ms, slot, seq));
        self.over_count += 1;
    }

    /// A ticket that was over is not: its match fell through. Its players wait by it if `hold` says so.
    pub(crate) fn revive(&mut self, slot: Slot, hold: bool) {
        self.card_mut(slot).forget_at_ms = 0;
        self.over_count -= 1;
        if hold {
            self.hold_players(slot);
        }
    }

    /// Forgets what was over long ago, and what is too much to remember; gives the regions of the tickets and whether
    /// they are guests'.
    pub(crate) fn forget(&mut self, now_ms: u64, most: usize) -> Vec<(u8, bool)> {
        let mut regions = Vec::new();
        for _ in 0..FORGET_AT_ONCE {
            let Some(&(at_ms, slot, seq)) = self.over.front() else { break };
            if at_ms > now_ms && self.over.len() <= most {
                break;
            }
            self.over.pop_front();
            if self.holds(slot, seq) && self.card(slot).forget_at_ms == at_ms {
                let id = self.card(slot).id;
                self.by_id.remove(&id);
                self.forget_players(slot);
                let record = self.records[slot as usize].take();
                let wish = record.map(|record| record.wish);
                let named = |wish: Wish| wish.regions.into_iter().map(move |(nth, _)| (nth, wish.is_guest));
                regions.extend(wish.into_iter().flat_map(named));
                self.free.push(slot);
                self.over_count -= 1;
            }
        }
        regions
    }
}
