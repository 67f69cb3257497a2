//! `Memory`, what a node remembers of tickets and matches for a store that has forgotten them, and what it still has to
//! tell it. Time is an argument and nothing is sent: nodes in virtual time run the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use framekeep_matchmaking::TicketId;

use crate::NodeId;
use crate::board::{
    Ask, Change, Kept, PLAYED_KEPT_MS, Placed, REMEMBERED_MS, Record, Stage, Step, Told, parts,
};
use crate::body::MatchBody;

/// Tickets that a node remembers.
const KEPT_MAX: usize = 200_000;

/// How long a ticket that has a match is remembered while it is not known that its room is open: the store may forget
/// both. Longer than a coordinator waits for the room.
const KEPT_MATCHED_MS: u64 = 60_000;

/// How long matches that started here are remembered.
const STARTED_KEPT_MS: u64 = 120_000;

/// How long a match of another node is remembered whose room is open, and how many: the store may forget it when that
/// node is gone.
const THEIRS_KEPT_MS: u64 = 10_000;
const THEIRS_MAX: usize = 50_000;

/// How long a match is to be told that this node has formed alone, and tickets of such matches: a store forgets the
/// numbers of those that had their match after as long.
const ALONE_KEPT_MS: u64 = PLAYED_KEPT_MS;
const ALONE_TICKETS_MAX: usize = 50_000;

/// A store that has not answered for so long may be followed by another one.
const SILENCE_MS: u64 = 1_000;

/// Who has not read the changes for so long may miss some of them: the store forgets what is over.
const MISSES_AFTER_MS: u64 = REMEMBERED_MS / 2;

/// Changes that are asked for at once.
pub(crate) const CHANGES_MAX: u32 = 1_000;

/// More than any change has as its number: asks for the newest only.
pub(crate) const NEWEST: u64 = 1 << 52;

/// What came of reading changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// There are more of them.
    More,
    /// These were all.
    All,
    /// The store is another one than before: it has to be told what this node knows.
    Anew,
}

/// Whether a node remembers all tickets, though others took them in: of the nodes that do not coordinate the one with
/// the lowest number, or the two lowest while nobody coordinates. With the one that took a ticket in and the
/// coordinator, which reads all, two nodes know it whichever of them is gone.
pub(crate) fn is_witness(node: NodeId, nodes: &[NodeId], coordinator: Option<NodeId>) -> bool {
    let many = if coordinator.is_some_and(|one| nodes.contains(&one)) { 1 } else { 2 };
    let lower = nodes.iter().filter(|other| **other < node && Some(**other) != coordinator);
    Some(node) != coordinator && nodes.contains(&node) && lower.count() < many
}

/// What a node remembers, and what it still has to tell.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    node: String,
    /// Since when the store serves whose changes were read.
    store_since_ms: Option<u64>,
    /// The number of the last change that was read; none before the first answer.
    cursor: Option<u64>,
    /// When all changes were read last.
    read_at_ms: u64,
    /// Tickets that were kept when it was begun to read all changes from the first, and were not in them so far.
    unseen: Option<BTreeSet<TicketId>>,
    /// Whether tickets that others took in are remembered as well.
    witnesses: bool,
    /// Tickets that are not over; and since when they have a match.
    kept: BTreeMap<TicketId, (Kept, Option<u64>)>,
    /// Matches that are opened, or were started, here.
    mine: BTreeMap<String, (Placed, u64)>,
    /// Matches that have their room at other nodes, as far as this one has seen them.
    theirs: BTreeMap<String, (Placed, u64)>,
    noted_at_ms: Option<u64>,
    /// What a store that has begun anew has not answered to.
    untold_matches: BTreeMap<String, Placed>,
    untold_tickets: BTreeSet<TicketId>,
    /// Tickets that were over while this node had them alone, why, and since when: to be told for as long as they are
    /// remembered.
    over: BTreeMap<TicketId, (Kept, String, u64)>,
    /// Matches that this node has formed alone and may still have to tell, the oldest first: since when, and how many
    /// tickets they have; and how many that are in all.
    alone: VecDeque<(u64, String, usize)>,
    alone_tickets: usize,
}

impl Memory {
    pub(crate) fn new(node: String) -> Self {
        Self { node, ..Self::default() }
    }

    /// Whether a ticket is remembered.
    pub(crate) fn keeps(&self, id: TicketId) -> bool {
        self.kept.contains_key(&id)
    }

    /// Since when the store serves whose changes were read.
    pub(crate) fn store_since_ms(&self) -> Option<u64> {
        self.store_since_ms
    }

    /// The store has shown a ticket that was sent to it when it served since `store_since_ms`: it is remembered while
    /// it waits.
    pub(crate) fn take_in(&mut self, id: TicketId, kept: Kept, record: &Record, store_since_ms: Option<u64>) {
        match record.stage {
            Stage::Waiting | Stage::Asked => {}
            // The store may forget the ticket and its match as long as no room is open.
            Stage::Matched if !record.plays => return,
            Stage::Matched | Stage::Over => {
                self.kept.remove(&id);
                return;
            }
        }
        if self.kept.len() >= KEPT_MAX && !self.keeps(id) {
            return;
        }
        self.kept.insert(id, (Kept { since_ms: record.since_ms.max(1), ..kept }, None));
        if store_since_ms != self.store_since_ms {
            // The one that knows it may be gone, and the next one was told without it.
            self.untold_tickets.insert(id);
        }
    }

    /// What is to be asked for next.
    pub(crate) fn question(&mut self, now_ms: u64, witnesses: bool) -> Ask {
        let begins = witnesses && !self.witnesses;
        self.witnesses = witnesses;
        let misses = self.cursor.is_some() && now_ms >= self.read_at_ms + MISSES_AFTER_MS;
        if begins || misses {
            // What was before is to be known as well.
            self.read_anew(now_ms);
        }
        Ask::Changes { after: self.cursor.unwrap_or(NEWEST), limit: CHANGES_MAX, bodies: witnesses }
    }

    fn read_anew(&mut self, now_ms: u64) {
        self.cursor = Some(0);
        self.read_at_ms = now_ms;
        // Who has not told everything yet does not know what the store would know.
        self.unseen = (!self.is_telling()).then(|| self.kept.keys().copied().collect());
    }

    /// Hears what has changed.
    pub(crate) fn hear_changes(&mut self, now_ms: u64, told: &Told) -> Option<Heard> {
        let Told::Changes { tickets, last, newest, since_ms, .. } = told else { return None };
        let before = self.store_since_ms.replace(*since_ms);
        // What was taken in before the first answer may have gone to a store that was before this one.
        let knows = !self.kept.is_empty() || !self.mine.is_empty();
        if before.map_or(knows, |before| before != *since_ms) {
            self.tell_all(now_ms);
            return Some(Heard::Anew);
        }
        self.note(now_ms, tickets, self.witnesses);
        if self.cursor.is_none() {
            (self.cursor, self.read_at_ms) = (Some(*newest), now_ms);
            return Some(Heard::All);
        }
        self.cursor = Some(*last);
        if tickets.len() >= CHANGES_MAX as usize {
            return Some(Heard::More);
        }
        self.read_at_ms = now_ms;
        for id in self.unseen.take().unwrap_or_default() {
            // The store has known it, and does not any more: it was over.
            self.kept.remove(&id);
        }
        Some(Heard::All)
    }

    /// Notes what this node has read as the coordinator.
    pub(crate) fn hear_as_coordinator(&mut self, now_ms: u64, tickets: &[Change], since_ms: u64) {
        if self.store_since_ms.is_none_or(|known| known == since_ms) {
            self.note(now_ms, tickets, true);
        }
    }

    fn note(&mut self, now_ms: u64, tickets: &[Change], bodies: bool) {
        for change in tickets {
            let Ok(id) = change.id.parse::<TicketId>() else { continue };
            if let Some(unseen) = &mut self.unseen {
                unseen.remove(&id);
            }
            if bodies {
                self.witness(now_ms, id, change);
            }
            match change.record.stage {
                Stage::Over => drop(self.kept.remove(&id)),
                // From now on its match is told, not the ticket.
                Stage::Matched if change.record.plays => drop(self.kept.remove(&id)),
                Stage::Matched => self.kept.get_mut(&id).into_iter().for_each(|(_, since)| {
                    since.get_or_insert(now_ms);
                }),
                Stage::Waiting | Stage::Asked => {
                    self.kept.get_mut(&id).into_iter().for_each(|(_, since)| *since = None);
                }
            }
        }
        self.kept.retain(|_, (_, since)| since.is_none_or(|since| now_ms < since + KEPT_MATCHED_MS));
        if self.noted_at_ms.replace(now_ms).is_some_and(|at_ms| now_ms > at_ms + SILENCE_MS) {
            // What the store knew before it fell silent may be missing in the next one.
            self.theirs.values_mut().for_each(|(_, since)| *since = now_ms);
        }
        self.theirs.retain(|_, (_, since)| now_ms < *since + THEIRS_KEPT_MS);
    }

    /// Remembers a ticket that was taken in elsewhere, or the match of another node that it is in.
    fn witness(&mut self, now_ms: u64, id: TicketId, change: &Change) {
        let record = &change.record;
        if record.plays {
            if self.theirs.len() < THEIRS_MAX
                && !self.mine.contains_key(&record.of)
                && let Ok(placed) = serde_json::from_str::<Placed>(&change.body)
            {
                self.theirs.insert(placed.of.clone(), (placed, now_ms));
            }
            return;
        }
        if record.stage != Stage::Over && self.kept.len() < KEPT_MAX && !self.keeps(id) {
            let kept = Kept {
                id: change.id.clone(),
                body: change.body.clone(),
                players: record.players.clone(),
                since_ms: record.since_ms.max(1),
            };
            self.kept.insert(id, (kept, None));
        }
    }

    /// Has a match to open a room for.
    pub(crate) fn open(&mut self, now_ms: u64, placed: Placed) {
        self.mine.insert(placed.of.clone(), (placed, now_ms));
    }

    /// Matches that are opened here, or were started.
    pub(crate) fn mine(&self, of: &str) -> Option<&Placed> {
        self.mine.get(of).map(|(placed, _)| placed)
    }

    /// Those that are not started.
    #[cfg(test)]
    pub(crate) fn unopened(&self) -> impl Iterator<Item = &Placed> {
        self.mine.values().map(|(placed, _)| placed).filter(|placed| placed.step == Step::Placed)
    }

    /// The store knows that the room of a match is open.
    pub(crate) fn started(&mut self, now_ms: u64, of: &str, room: String) {
        self.mine.retain(|_, (_, since)| now_ms < *since + STARTED_KEPT_MS);
        if let Some((placed, _)) = self.mine.get_mut(of) {
            (placed.step, placed.room) = (Step::Started, room);
        }
    }

    /// A match is not this node's any more.
    pub(crate) fn forget_match(&mut self, of: &str) {
        self.mine.remove(of);
    }

    /// This node has formed a match alone and has its room: the store is to be told of it. Whether there were so many
    /// that the oldest of them will not be told.
    pub(crate) fn formed_alone(&mut self, now_ms: u64, placed: Placed) -> bool {
        let count = parts(&placed.tickets).count();
        self.alone_tickets += count;
        self.alone.push_back((now_ms, placed.of.clone(), count));
        self.untold_matches.insert(placed.of.clone(), placed);
        let mut is_over = false;
        while self.alone_tickets > ALONE_TICKETS_MAX
            || self.alone.front().is_some_and(|(since, ..)| now_ms >= since + ALONE_KEPT_MS)
        {
            let Some((_, of, count)) = self.alone.pop_front() else { break };
            self.alone_tickets -= count;
            is_over |= self.untold_matches.remove(&of).is_some();
        }
        is_over
    }

    /// A ticket is over that this node had alone: the store is to be told of it.
    pub(crate) fn over_alone(&mut self, now_ms: u64, id: TicketId, kept: Kept, why: &str) {
        if self.over.len() < ALONE_TICKETS_MAX {
            self.over.insert(id, (kept, why.to_owned(), now_ms));
        }
    }

    /// All that is remembered is to be told: matches that are played, and tickets that have none.
    fn tell_all(&mut self, now_ms: u64) {
        let started = self.mine.values().filter(|(placed, _)| placed.step == Step::Started);
        let started = started.chain(self.theirs.values()).map(|(placed, _)| placed.clone());
        self.untold_matches.extend(started.map(|placed| (placed.of.clone(), placed)));
        self.untold_tickets = self.kept.keys().copied().collect();
        self.read_anew(now_ms);
    }

    /// How many matches and tickets are still to be told.
    pub(crate) fn untold(&self) -> (usize, usize) {
        (self.untold_matches.len(), self.untold_tickets.len())
    }

    fn is_telling(&self) -> bool {
        self.untold() != (0, 0)
    }

    /// What is to be told next, at most so much: the matches first, as a ticket that has one does not wait again. It is
    /// given again until [`hear_told`](Self::hear_told) has heard the answer.
    pub(crate) fn still_to_tell(&mut self, now_ms: u64, limit: usize) -> Vec<Ask> {
        if !self.untold_matches.is_empty() {
            let retell = |placed: &Placed| Ask::Retell {
                placed: placed.clone(),
                tickets: MatchBody::read(&placed.body).map(|body| body.tickets).unwrap_or_default(),
            };
            return self.untold_matches.values().take(limit).map(retell).collect();
        }
        self.over.retain(|_, (.., since)| now_ms < *since + REMEMBERED_MS);
        if !self.over.is_empty() {
            let retire =
                |(kept, why, _): &(Kept, String, u64)| Ask::Retire { ticket: kept.clone(), why: why.clone() };
            return self.over.values().take(limit).map(retire).collect();
        }
        if !self.untold_tickets.is_empty() {
            // Meanwhile some are over, or have their match.
            self.untold_tickets.retain(|id| self.kept.contains_key(id));
            self.told_all_of_it(now_ms);
        }
        let tickets = self.untold_tickets.iter().filter_map(|id| self.kept.get(id));
        tickets.take(limit).map(|(kept, _)| Ask::Submit { ticket: kept.clone(), limit: u32::MAX }).collect()
    }

    /// Hears what the store says to what it was told; gives the match that it does not take, as its tickets play
    /// elsewhere.
    pub(crate) fn hear_told(&mut self, now_ms: u64, ask: &Ask, told: &Told) -> Option<Placed> {
        let mut refused = None;
        match ask {
            Ask::Retell { placed, .. } => {
                self.untold_matches.remove(&placed.of);
                if *told == Told::Gone {
                    self.mine.remove(&placed.of);
                    self.theirs.remove(&placed.of);
                    refused = Some(placed.clone());
                    self.let_wait(placed);
                } else if self.is_own(placed) {
                    self.mine.insert(placed.of.clone(), (placed.clone(), now_ms));
                }
            }
            Ask::Retire { ticket, .. } => {
                ticket.id.parse().ok().and_then(|id: TicketId| self.over.remove(&id));
                return None;
            }
            Ask::Submit { ticket, .. } => {
                let Ok(id) = ticket.id.parse::<TicketId>() else { return None };
                self.untold_tickets.remove(&id);
                match told {
                    Told::Ticket { record, .. } if record.stage != Stage::Over && !record.plays => {}
                    // It is over, or its players wait by another one.
                    _ => drop(self.kept.remove(&id)),
                }
            }
            _ => return None,
        }
        self.told_all_of_it(now_ms);
        refused
    }

    /// A match of this node gave way, as one of its tickets plays elsewhere: the store is told of all of them, and says
    /// which wait.
    fn let_wait(&mut self, placed: &Placed) {
        let body = MatchBody::read(&placed.body).filter(|_| self.is_own(placed));
        for kept in body.map(|body| body.tickets).unwrap_or_default() {
            let Ok(id) = kept.id.parse::<TicketId>() else { continue };
            if self.kept.len() < KEPT_MAX {
                self.kept.entry(id).or_insert((kept, None));
                self.untold_tickets.insert(id);
            }
        }
    }

    /// What the store does not know although it was told all of it, is over.
    fn told_all_of_it(&mut self, now_ms: u64) {
        if !self.is_telling() {
            self.read_anew(now_ms);
        }
    }

    /// Whether a match is of this node.
    pub(crate) fn is_own(&self, placed: &Placed) -> bool {
        placed.node == self.node
    }
}
