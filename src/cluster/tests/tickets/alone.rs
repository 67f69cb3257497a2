//! The store is away, from all nodes or from one: they match new tickets alone, and come back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{Match, MatchId, Place, Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName};

use super::world::{Loss, World};
use crate::NodeId;
use crate::board::{Ask, Board, Kept, Placed, Stage, Step, Told};
use crate::body::{MatchBody, TicketBody};
use crate::queue::memory::{Heard, Memory};

/// How long the store may be silent until a node works alone; a lease and a little.
const ALONE_AFTER_MS: u64 = 3_200;

/// How long after the store is back its nodes have nothing worse than broken connections.
const QUIET_MS: u64 = 4_500;

/// How long after the store goes on a node may take to reach it.
const BACK_WITHIN_MS: u32 = 2_000;

/// When the store was there.
#[derive(Default)]
pub(super) struct Away {
    /// When it was asked last.
    pub(super) asked_at_ms: u64,
    /// Until when nobody reaches it.
    pub(super) until_ms: u64,
    /// Tickets that were taken in meanwhile.
    taken: Vec<SharedTicket>,
    /// Those that a node alone has taken in which could not reach it: their clients stay with that node.
    pub(super) held: BTreeSet<String>,
    /// Tickets that were sent to nodes which have asked the store, or have taken them in.
    asked: BTreeSet<String>,
    /// Since when the tickets of both wait. The store may have heard of one meanwhile, and let it wait since then.
    since_ms: BTreeMap<String, u64>,
    /// Matches that nodes have formed alone.
    pub(super) formed: usize,
}

impl Away {
    /// A store that begins now is as one that was asked now.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { asked_at_ms: now_ms, ..Self::default() }
    }
}

/// What a node has of its own.
pub(super) struct Alone {
    /// When the store answered last.
    pub(super) heard_at_ms: u64,
    /// When it reaches the store again that was away.
    pub(super) back_at_ms: u64,
    /// Tickets that the store was asked to take in.
    sent: BTreeSet<String>,
    /// Tickets that wait here, and those that nobody knows whether the store has.
    waiting: Vec<SharedTicket>,
    unsure: Vec<SharedTicket>,
    /// Tickets that have played here, which the node remembers, and whether the store may not know of some.
    played: BTreeSet<String>,
    is_telling: bool,
    formed: u64,
}

impl Alone {
    pub(super) fn new(now_ms: u64, back_at_ms: u64) -> Self {
        let (sent, played, waiting, unsure) = (BTreeSet::new(), BTreeSet::new(), Vec::new(), Vec::new());
        Self { heard_at_ms: now_ms, back_at_ms, sent, waiting, unsure, played, is_telling: false, formed: 0 }
    }

    /// Whether it has tickets that nobody else knows of.
    pub(super) fn knows_alone(&self) -> bool {
        !self.waiting.is_empty() || !self.unsure.is_empty() || self.is_telling
    }

    fn is_own(&self, id: &str) -> bool {
        self.played.contains(id) || self.waiting.iter().any(|one| one.ticket.id.to_string() == id)
    }
}

impl World {
    /// Nobody reaches the store for a while: it hangs.
    pub(super) fn go_away(&mut self) {
        if self.is_well() {
            self.away.until_ms = self.now_ms + 4_000 + u64::from(self.rng.below(5_000));
            self.quiet_until_ms = self.away.until_ms + QUIET_MS;
            // They connect again one after the other.
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                let back_at_ms = self.away.until_ms + u64::from(self.rng.below(BACK_WITHIN_MS));
                self.node(id).alone.back_at_ms = back_at_ms;
            }
        }
    }

    /// Whether the store does not answer: what it was asked may be done when it goes on.
    pub(super) fn is_away(&mut self, id: NodeId, ask: &Ask) -> bool {
        let is_away = self.now_ms < self.node(id).alone.back_at_ms;
        if is_away && self.chance(1_000) {
            let at_ms = self.away.until_ms + u64::from(self.rng.below(400));
            self.late.push((at_ms, ask.clone()));
        }
        is_away
    }

    fn works_alone(&mut self, id: NodeId) -> bool {
        self.loss == Loss::Away && self.now_ms >= self.node(id).alone.heard_at_ms + ALONE_AFTER_MS
    }

    /// A node is sent a ticket: whether it takes it by itself; `None` where the store is asked.
    pub(super) fn submit_alone(&mut self, id: NodeId, ticket: &SharedTicket) -> Option<bool> {
        let (is_alone, now_ms) = (self.works_alone(id), self.now_ms);
        let is_total = now_ms < self.away.until_ms;
        let number = ticket.ticket.id.to_string();
        let node = self.node(id);
        if node.alone.is_own(&number) {
            return Some(true);
        }
        if !is_alone {
            node.alone.sent.insert(number.clone());
            self.away.asked.insert(number);
            return None;
        }
        // Where others reach the store, a client stays with the node that it has asked first.
        let stays = !is_total && self.away.asked.contains(&number);
        let node = self.node(id);
        if stays || node.alone.sent.contains(&number) || node.memory.keeps(ticket.ticket.id) {
            return Some(false);
        }
        node.alone.waiting.push(ticket.clone());
        self.away.asked.insert(number.clone());
        self.history.acknowledge(&number);
        self.away.since_ms.insert(number.clone(), now_ms);
        if is_total {
            self.away.taken.push(ticket.clone());
        } else {
            self.away.held.insert(number);
        }
        Some(true)
    }

    /// Clients send what was taken in while the store was away to any node that has heard it since.
    pub(super) fn send_again(&mut self) {
        if self.now_ms < self.away.until_ms || self.away.taken.is_empty() || !self.chance(2_000) {
            return;
        }
        let Some(id) = self.some_node() else { return };
        if self.node(id).alone.heard_at_ms > self.away.until_ms {
            let nth = self.rng.below(self.away.taken.len() as u32) as usize;
            let ticket = self.away.taken.swap_remove(nth);
            self.submit(id, &ticket);
        }
    }

    /// Plays rounds while the node works alone, and lets its tickets go to where all are once the store is back. No
    /// random number is drawn where the store is never away.
    pub(super) fn play_alone(&mut self, id: NodeId) {
        if self.loss != Loss::Away {
            return;
        }
        if self.works_alone(id) {
            while let Some(pair) = self.pair(id) {
                self.form(id, &pair);
            }
        } else if self.node(id).alone.heard_at_ms == self.now_ms && self.chance(3_000) {
            self.move_over(id);
        }
    }

    fn pair(&mut self, id: NodeId) -> Option<[SharedTicket; 2]> {
        let waiting = &mut self.node(id).alone.waiting;
        let mut found = (0..waiting.len()).filter(|nth| waiting[*nth].ticket.mode == "duel");
        let (first, second) = (found.next()?, found.next()?);
        let second = waiting.remove(second);
        Some([waiting.remove(first), second])
    }

    fn form(&mut self, id: NodeId, pair: &[SharedTicket; 2]) {
        let now_ms = self.now_ms;
        let alone = &mut self.node(id).alone;
        alone.formed += 1;
        let (nth, of) = (alone.formed, format!("alone-{id}-{}", alone.formed));
        let ids = pair.each_ref().map(|one| one.ticket.id.to_string());
        alone.is_telling = true;
        alone.played.extend(ids.iter().cloned());
        let since_ms = ids.each_ref().map(|id| self.away.since_ms[id]);
        let kept = pair.iter().zip(since_ms).map(|(one, since)| TicketBody::new(one).kept(since).unwrap());
        let placed = Placed {
            of: of.clone(),
            step: Step::Started,
            node: id.to_string(),
            body: MatchBody::new(&played(nth, pair), kept.collect()).text().unwrap(),
            tickets: ids.join(","),
            room: format!("room-{of}"),
            at_ms: now_ms,
            into: String::new(),
        };
        self.history.start(&of, ids.iter().map(String::as_str));
        self.away.formed += 1;
        assert!(!self.node(id).memory.formed_alone(now_ms, placed));
    }

    fn move_over(&mut self, id: NodeId) {
        let alone = &mut self.node(id).alone;
        let waiting = [std::mem::take(&mut alone.unsure), std::mem::take(&mut alone.waiting)].concat();
        for ticket in waiting {
            let number = ticket.ticket.id.to_string();
            self.node(id).alone.sent.insert(number.clone());
            let kept = TicketBody::new(&ticket).kept(self.away.since_ms[&number]).unwrap();
            let store_since_ms = self.node(id).memory.store_since_ms();
            let ask = Ask::Submit { ticket: kept.clone(), limit: u32::MAX };
            match self.call(id, &ask) {
                Some(Told::Ticket { record, .. }) => {
                    self.away.held.remove(&number);
                    self.since_ms.insert(number, record.since_ms);
                    self.node(id).memory.take_in(ticket.ticket.id, kept, &record, store_since_ms);
                }
                Some(other) => panic!("{other:?}"),
                None => self.node(id).alone.unsure.push(ticket),
            }
        }
        if self.node(id).memory.untold() == (0, 0) {
            let Self { nodes, away, .. } = self;
            let alone = &mut nodes.get_mut(&id).unwrap().alone;
            alone.is_telling = false;
            away.held.retain(|number| !alone.played.contains(number));
        }
    }
}

/// The match of two tickets.
fn played(nth: u64, pair: &[SharedTicket; 2]) -> Match {
    let place = |(team, one): (u8, &SharedTicket)| Place {
        player: one.ticket.party[0].player,
        ticket: one.ticket.id,
        team,
        role: None,
    };
    Match {
        id: MatchId(nth),
        game: Arc::from("arena"),
        mode: Arc::from("duel"),
        content: Arc::from(""),
        region: Arc::from(""),
        tick_rate_hz: 0,
        room: None,
        places: (0..).zip(pair).map(place).collect(),
    }
}

/// A match that a node has formed of tickets with those numbers.
fn formed(of: &str, node: &str, numbers: [u64; 2]) -> Placed {
    let pair = numbers.map(solo);
    let body = MatchBody::new(&played(1, &pair), pair.each_ref().map(kept).into());
    Placed {
        of: of.to_owned(),
        step: Step::Started,
        node: node.to_owned(),
        body: body.text().unwrap(),
        tickets: pair.each_ref().map(|one| one.ticket.id.to_string()).join(","),
        room: format!("room-{of}"),
        at_ms: 10_000,
        into: String::new(),
    }
}

fn solo(number: u64) -> SharedTicket {
    let ticket = Ticket::solo(TicketId(number.into()), "arena", "duel", PlayerId(number), 1_500);
    SharedTicket { ticket, names: vec![PlayerName::try_from("ada").unwrap()], is_guest: false }
}

fn kept(one: &SharedTicket) -> Kept {
    TicketBody::new(one).kept(7_000).unwrap()
}

/// Tells a store all that is to be told; gives the matches that it does not take.
fn tell(memory: &mut Memory, board: &mut Board, now_ms: u64) -> Vec<String> {
    let mut refused = Vec::new();
    loop {
        let asks = memory.still_to_tell(now_ms, 64);
        if asks.is_empty() {
            return refused;
        }
        for ask in asks {
            let told = board.apply(now_ms, None, true, &ask);
            refused.extend(memory.hear_told(now_ms, &ask, &told).map(|placed| placed.of));
        }
    }
}

#[test]
fn of_two_matches_that_two_nodes_have_formed_of_one_ticket_the_first_that_is_told_stays() {
    let mut board = Board::default();
    let [mut first, mut second] = ["1", "2"].map(|node| Memory::new(node.to_owned()));
    // The store had taken one in before.
    board.apply(8_000, None, true, &Ask::Submit { ticket: kept(&solo(1)), limit: 10 });
    assert!(!first.formed_alone(10_000, formed("a", "1", [1, 2])));
    assert!(!second.formed_alone(10_000, formed("b", "2", [2, 3])));
    assert_eq!(tell(&mut first, &mut board, 20_000), [""; 0]);
    assert_eq!(tell(&mut second, &mut board, 20_000), ["b"]);
    let stage = |board: &mut Board, number: u64| {
        let id = TicketId(number.into()).to_string();
        match board.apply(20_000, None, true, &Ask::Show { id }) {
            Told::Ticket { record, .. } => (record.stage, record.of, record.since_ms),
            other => panic!("{other:?}"),
        }
    };
    for number in [1, 2] {
        assert_eq!(stage(&mut board, number), (Stage::Matched, "a".to_owned(), 7_000));
    }
    // Who had found one that plays elsewhere waits again, as long as they have, and is remembered.
    assert_eq!(stage(&mut board, 3), (Stage::Waiting, String::new(), 7_000));
    assert_eq!([1, 2, 3].map(|number| second.keeps(TicketId(number))), [false, false, true]);
    assert_eq!((first.untold(), second.untold()), ((0, 0), (0, 0)));
    // A store that forgets is told again of the one that stays.
    let mut anew = Board::default();
    anew.promote(30_000);
    let ask = first.question(30_100, false);
    first.hear_changes(30_100, &board.apply(30_100, None, true, &ask)).unwrap();
    let ask = first.question(30_200, false);
    assert_eq!(first.hear_changes(30_200, &anew.apply(30_200, None, true, &ask)), Some(Heard::Anew));
    assert_eq!(tell(&mut first, &mut anew, 30_300), [""; 0]);
    assert_eq!(stage(&mut anew, 1).1, "a");
}

#[test]
fn of_matches_that_a_node_has_formed_alone_the_last_are_remembered_for_half_an_hour() {
    let mut memory = Memory::new("1".to_owned());
    for nth in 0..25_000 {
        assert!(!memory.formed_alone(1_000, formed(&format!("a{nth}"), "1", [2 * nth, 2 * nth + 1])));
    }
    assert!(memory.formed_alone(1_000, formed("b", "1", [60_000, 60_001])));
    assert_eq!(memory.untold(), (25_000, 0));
    memory.formed_alone(1_801_000, formed("c", "1", [70_000, 70_001]));
    assert_eq!(memory.untold(), (1, 0));
}
