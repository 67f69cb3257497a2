//! Nodes, their store and clients, in virtual time.

use std::collections::{BTreeMap, BTreeSet};

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{Mode, Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName};
use framekeep_sim::Pcg32;

use super::alone::{Alone, Away};
use super::history::History;
use super::rooms::{CREW, CREW_SEATS, Rooms, room_of};
use crate::board::{Ask, Board, Placed, Record, Stage, Told, parts};
use crate::body::TicketBody;
use crate::queue::memory::{Heard, Memory, is_witness};
use crate::{COORDINATOR, Card, Coordinator, Epoch, Load, Member, NodeId, Reply, Request, Table, Timing};

const STEP_MS: u64 = 20;
const WORK_EVERY_MS: u64 = 100;
const NODES: u64 = 3;
const REPLICA_AGE_MS: u64 = 2_000;
/// For so long after another store has begun some of its answers are lost.
const UNSTEADY_MS: u64 = 2_000;
/// What nobody but the store and one node knows yet: what was done since the others looked last, twice ten a second.
const UNSEEN_MS: u64 = 2 * WORK_EVERY_MS + STEP_MS;

/// What a replica that is promoted may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: what was acknowledged was replicated.
    Nothing,
    /// The writes of up to two seconds. It happens while the nodes are well, and they stay so until they have told the
    /// new one what they know.
    LastWrites,
    /// The same, and a node is gone in the same moment.
    LastWritesAndANode,
    /// The same, where tickets and matches are acknowledged only when the replica has them.
    CopiedAndANode,
    /// Nothing, and at times no node reaches the store.
    Away,
    /// All of it: the store begins anew and knows nothing. No node is gone.
    Everything,
}

impl Loss {
    pub(super) fn of_writes(self) -> bool {
        !matches!(self, Self::Nothing | Self::Away)
    }

    fn of_a_node(self) -> bool {
        matches!(self, Self::LastWritesAndANode | Self::CopiedAndANode)
    }
}

#[derive(Clone)]
struct Store {
    table: Table,
    board: Board,
    since_ms: u64,
}

pub(super) struct Node {
    member: Member,
    coordinator: Option<Coordinator>,
    pub(super) memory: Memory,
    pub(super) rooms: Rooms,
    pub(super) alone: Alone,
    paused_until_ms: u64,
    cut_off_until_ms: u64,
    work_at_ms: u64,
}

pub(super) struct World {
    pub(super) rng: Pcg32,
    pub(super) loss: Loss,
    pub(super) now_ms: u64,
    store: Store,
    replicas: Vec<(u64, Store)>,
    /// When the store was asked last, and when nobody reached it.
    pub(super) away: Away,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    started: u64,
    tickets: u128,
    /// Tickets that nobody has acknowledged yet.
    unsent: Vec<SharedTicket>,
    /// All others: their clients may send them again at any time.
    sent: Vec<SharedTicket>,
    /// Tickets that were over when the store began anew, and were not sent again since.
    buried: BTreeSet<String>,
    /// Requests whose sender has given them up, and that are done later all the same.
    pub(super) late: Vec<(u64, Ask)>,
    /// Tickets whose players have answered for a match.
    answered: BTreeSet<(String, String)>,
    well_since_ms: u64,
    pub(super) quiet_until_ms: u64,
    is_healed: bool,
    /// Matches that came into running rooms.
    pub(super) filled: usize,
    /// Those for which there was no seat left.
    pub(super) refused: usize,
    /// Since when each ticket waits that was acknowledged.
    pub(super) since_ms: BTreeMap<String, u64>,
    /// When tickets were acknowledged, or their matches started, last.
    told_at_ms: BTreeMap<String, u64>,
    /// Tickets that only the node knew of that was gone with the last writes.
    pub(super) unseen: BTreeSet<String>,
    pub(super) history: History,
}

pub(super) fn modes() -> Vec<Mode> {
    let pairs = Mode { ready_check_ms: 3_000, ..Mode::new("arena", "pairs", 2, 2) };
    vec![Mode::new("arena", "duel", 2, 1), pairs, Mode::new("arena", CREW, 1, CREW_SEATS)]
}

impl World {
    pub(super) fn new(seed: u64, loss: Loss) -> Self {
        let now_ms = 100_000;
        let table = Table::new(now_ms, Timing::default());
        let mut world = Self {
            rng: Pcg32::new(seed, 9),
            loss,
            now_ms,
            store: Store { table, board: Board::default(), since_ms: now_ms },
            replicas: Vec::new(),
            away: Away::new(now_ms),
            nodes: BTreeMap::new(),
            started: 0,
            tickets: 0,
            unsent: Vec::new(),
            sent: Vec::new(),
            buried: BTreeSet::new(),
            late: Vec::new(),
            answered: BTreeSet::new(),
            well_since_ms: now_ms,
            quiet_until_ms: 0,
            is_healed: false,
            filled: 0,
            refused: 0,
            since_ms: BTreeMap::new(),
            told_at_ms: BTreeMap::new(),
            unseen: BTreeSet::new(),
            history: History::default(),
        };
        (0..NODES).for_each(|_| world.start_node());
        world
    }

    /// What the store knows of each ticket.
    fn board_view(&self) -> Vec<(String, Record)> {
        self.store.board.records().map(|(id, record)| (id.clone(), record.clone())).collect()
    }

    /// The tickets that the store knows in the end, and whether they wait.
    pub(super) fn in_the_end(&self) -> BTreeMap<String, bool> {
        self.board_view().into_iter().map(|(id, record)| (id, record.stage.is_open())).collect()
    }

    /// Faults are over, and nobody makes tickets any more.
    pub(super) fn heal(&mut self) {
        self.is_healed = true;
        for node in self.nodes.values_mut() {
            (node.paused_until_ms, node.cut_off_until_ms) = (0, 0);
        }
        while (self.nodes.len() as u64) < NODES {
            self.start_node();
        }
    }

    pub(super) fn live(&mut self, for_ms: u64) {
        (0..for_ms / STEP_MS).for_each(|_| self.step());
    }

    pub(super) fn chance(&mut self, of_ten_thousand: u32) -> bool {
        self.rng.below(10_000) < of_ten_thousand
    }

    pub(super) fn node(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).unwrap()
    }

    fn start_node(&mut self) {
        self.started += 1;
        let node = Node {
            member: Member::new(NodeId(self.started), Timing::default()),
            coordinator: None,
            memory: Memory::new(NodeId(self.started).to_string()),
            rooms: Rooms::default(),
            alone: Alone::new(self.now_ms, self.away.until_ms),
            paused_until_ms: 0,
            cut_off_until_ms: 0,
            work_at_ms: self.now_ms + u64::from(self.rng.below(100)),
        };
        self.nodes.insert(NodeId(self.started), node);
    }

    pub(super) fn some_node(&mut self) -> Option<NodeId> {
        let nth = self.rng.below((self.nodes.len() as u32).max(1)) as usize;
        self.nodes.keys().nth(nth).copied()
    }

    fn fault(&mut self) {
        let ill_until_ms = self.now_ms + u64::from(self.rng.below(7_000));
        let Some(id) = self.some_node() else { return self.start_node() };
        match self.rng.below(5) {
            0 if self.loss != Loss::Everything && !self.node(id).alone.knows_alone() => {
                self.nodes.remove(&id);
                self.well_since_ms = self.now_ms;
            }
            1 if (self.nodes.len() as u64) < NODES => self.start_node(),
            2 => self.node(id).paused_until_ms = ill_until_ms,
            3 => self.node(id).cut_off_until_ms = ill_until_ms,
            4 if self.loss == Loss::Away => self.go_away(),
            4 => self.promote(),
            _ => {}
        }
    }

    pub(super) fn is_well(&self) -> bool {
        let ill = |node: &Node| node.paused_until_ms.max(node.cut_off_until_ms) > self.now_ms;
        !self.nodes.values().any(ill)
    }

    fn promote(&mut self) {
        if self.loss.of_writes() {
            if !self.is_well() || self.now_ms < self.well_since_ms + REPLICA_AGE_MS + 500 {
                return;
            }
            let nth = self.rng.below((self.replicas.len() as u32).max(1)) as usize;
            let Some((_, replica)) = self.replicas.get(nth) else { return };
            if self.loss == Loss::Everything {
                self.bury();
            } else {
                self.store = replica.clone();
            }
            self.quiet_until_ms = self.now_ms + 4_500;
            self.late.clear();
            if self.loss.of_a_node() && self.nodes.len() > 2 {
                self.lose_a_node();
            }
        }
        self.store.since_ms = self.now_ms;
        self.store.table.promote(self.now_ms);
        self.store.board.promote(self.now_ms);
        self.replicas.clear();
    }

    /// The store forgets everything. What was over for a while, so that every node has read it, must not come back.
    fn bury(&mut self) {
        let now = std::mem::replace(&mut self.store, self.replicas[0].1.clone());
        let over = self.board_view().into_iter().filter(|(_, record)| record.stage == Stage::Over);
        self.buried.extend(over.map(|(id, _)| id));
        let table = Table::new(self.now_ms, Timing::default());
        self.store = Store { table, board: Board::default(), since_ms: now.since_ms };
    }

    fn lose_a_node(&mut self) {
        let Some(id) = self.some_node() else { return };
        self.nodes.remove(&id);
        if self.loss == Loss::LastWritesAndANode {
            let from_ms = self.now_ms - UNSEEN_MS;
            let unseen = self.told_at_ms.iter().filter(|(_, at_ms)| **at_ms >= from_ms);
            self.unseen.extend(unseen.map(|(id, _)| id.clone()));
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        let now_ms = self.now_ms;
        if !self.is_well() {
            self.well_since_ms = now_ms;
        }
        if now_ms.is_multiple_of(500) && self.loss.of_writes() {
            self.replicas.retain(|(at_ms, _)| at_ms + REPLICA_AGE_MS > now_ms);
            self.replicas.push((now_ms, self.store.clone()));
        }
        let is_due = |(at_ms, _): &(u64, Ask)| *at_ms.max(&self.away.until_ms) <= now_ms;
        let (due, rest) = std::mem::take(&mut self.late).into_iter().partition(is_due);
        self.late = rest;
        let due: Vec<(u64, Ask)> = due;
        due.iter().for_each(|(_, ask)| drop(self.apply(ask)));
        self.send_again();
        if !self.is_healed {
            if now_ms >= self.quiet_until_ms && self.chance(80) {
                self.fault();
            }
            if self.chance(1_200) {
                self.make_ticket();
            }
        }
        self.clients();
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        for id in ids {
            let node = self.node(id);
            if node.paused_until_ms <= now_ms && node.work_at_ms <= now_ms {
                node.work_at_ms = now_ms + WORK_EVERY_MS;
                self.work(id);
            }
        }
    }

    fn make_ticket(&mut self) {
        self.tickets += 1;
        let number = self.tickets;
        let mode = match self.rng.below(10) {
            0..=4 => "duel",
            5..=6 => "pairs",
            _ => CREW,
        };
        let ticket = Ticket::solo(TicketId(number), "arena", mode, PlayerId(number as u64), 1_500);
        let names = vec![PlayerName::try_from(format!("p{number}").as_str()).unwrap()];
        self.unsent.push(SharedTicket { ticket, names, is_guest: false });
    }

    /// Clients send tickets until they are acknowledged, answer when they are asked, and take some back.
    fn clients(&mut self) {
        if let Some(ticket) = self.unsent.pop() {
            let sent = self.some_node().is_some_and(|id| self.submit(id, &ticket));
            match sent {
                true => self.sent.push(ticket),
                false => self.unsent.insert(0, ticket),
            }
        }
        if !self.is_healed && self.now_ms >= self.quiet_until_ms && self.chance(200) {
            self.resend();
        }
        let Some(id) = self.some_node() else { return };
        if !self.now_ms.is_multiple_of(200) {
            return;
        }
        for (ticket, record) in self.board_view() {
            if let Some(since_ms) = self.since_ms.get(&ticket).filter(|_| !self.unseen.contains(&ticket)) {
                assert_eq!(record.since_ms, *since_ms, "ticket {ticket} has lost its place");
            }
            // Nobody says it twice: what was answered must not be waited for.
            let question = (ticket.clone(), record.of);
            if record.stage == Stage::Asked && !self.answered.contains(&question) {
                let (player, accepts) = (record.players, !self.chance(300));
                if self.call(id, &Ask::Answer { id: ticket, player, accepts }).is_some() {
                    self.answered.insert(question);
                }
            }
        }
        if self.chance(100) && self.tickets > 0 {
            let nth = u128::from(self.rng.below(self.tickets as u32)) + 1;
            self.call(id, &Ask::Cancel { id: TicketId(nth).to_string() });
        }
    }

    /// A client that does not know whether its ticket was heard sends it again, perhaps to another node, however it
    /// is by now.
    fn resend(&mut self) {
        let nth = self.rng.below((self.sent.len() as u32).max(1)) as usize;
        let (Some(ticket), Some(id)) = (self.sent.get(nth).cloned(), self.some_node()) else { return };
        if self.away.held.contains(&ticket.ticket.id.to_string()) {
            return;
        }
        self.buried.remove(&ticket.ticket.id.to_string());
        self.submit(id, &ticket);
    }

    pub(super) fn submit(&mut self, id: NodeId, ticket: &SharedTicket) -> bool {
        if self.node(id).paused_until_ms > self.now_ms {
            return false;
        }
        if let Some(taken) = self.submit_alone(id, ticket) {
            return taken;
        }
        let kept = TicketBody::new(ticket).kept(0).unwrap();
        let since_ms = self.node(id).memory.store_since_ms();
        match self.call(id, &Ask::Submit { ticket: kept.clone(), limit: 10_000 }) {
            Some(Told::Ticket { record, .. }) => {
                self.node(id).memory.take_in(ticket.ticket.id, kept, &record, since_ms);
                let id = ticket.ticket.id.to_string();
                self.history.acknowledge(&id);
                self.since_ms.insert(id.clone(), record.since_ms);
                self.told_at_ms.insert(id, self.now_ms);
                true
            }
            Some(other) => panic!("{other:?}"),
            None => false,
        }
    }

    fn apply(&mut self, ask: &Ask) -> Told {
        let asked_at_ms = std::mem::replace(&mut self.away.asked_at_ms, self.now_ms);
        if self.now_ms >= asked_at_ms + Timing::default().lease_ms {
            self.store.since_ms = self.now_ms;
            self.store.table.promote(self.now_ms);
            self.store.board.promote(self.now_ms);
        }
        let holder = Request::Holder(COORDINATOR.to_owned());
        let coordinator = match self.store.table.apply(self.now_ms, &holder) {
            Reply::Holder(lease) => lease.map(|lease| lease.epoch),
            _ => None,
        };
        let is_settled = self.now_ms >= self.store.since_ms + Timing::default().lease_ms;
        self.store.board.apply(self.now_ms, coordinator, is_settled, ask)
    }

    /// A node asks the store; `None` if no answer comes. What was asked may be done all the same, even later.
    pub(super) fn call(&mut self, id: NodeId, ask: &Ask) -> Option<Told> {
        if self.node(id).cut_off_until_ms > self.now_ms || self.is_away(id, ask) {
            return None;
        }
        // Connections to a store that has just begun break again and again.
        let begun_ms = self.store.since_ms.max(self.away.until_ms);
        if self.now_ms < begun_ms + UNSTEADY_MS && self.now_ms < self.quiet_until_ms {
            match self.rng.below(6) {
                0 => return None,
                1 => {
                    self.apply(ask);
                    return None;
                }
                _ => {}
            }
        }
        let may_fail = !self.is_healed && self.now_ms >= self.quiet_until_ms;
        if may_fail && self.chance(60) {
            match self.rng.below(3) {
                0 => {}
                1 => drop(self.apply(ask)),
                _ => self.late.push((self.now_ms + u64::from(self.rng.below(4_000)), ask.clone())),
            }
            return None;
        }
        let told = self.apply(ask);
        let promises =
            matches!(ask, Ask::Submit { .. } | Ask::Cancel { .. } | Ask::Answer { .. } | Ask::Started { .. });
        if self.loss == Loss::CopiedAndANode && promises {
            self.replicas = vec![(self.now_ms, self.store.clone())];
        }
        self.node(id).alone.heard_at_ms = self.now_ms;
        Some(told)
    }

    /// What a node does ten times a second.
    fn work(&mut self, id: NodeId) {
        self.membership(id);
        self.follow(id);
        self.play_alone(id);
        self.open(id);
        self.live_in_rooms(id);
        self.lead(id);
    }

    fn membership(&mut self, id: NodeId) {
        let now_ms = self.now_ms;
        let card = Card { modes_digest: "m".to_owned(), ..Card::default() };
        for request in self.node(id).member.poll(now_ms, &card, &Load::default()) {
            if self.node(id).cut_off_until_ms > now_ms || now_ms < self.node(id).alone.back_at_ms {
                continue;
            }
            let reply = self.store.table.apply(now_ms, &request);
            if let (Request::Take { name, .. } | Request::Renew { name, .. }, Reply::Granted(epoch)) =
                (&request, &reply)
            {
                self.history.grant(name, &id.to_string(), epoch.0);
            }
            let node = self.node(id);
            node.member.hear(now_ms, &request, now_ms, &reply);
        }
    }

    /// Tells a store that has begun anew what it has not answered to yet, and reads what has changed, as
    /// `queue/feed.rs` does.
    fn follow(&mut self, id: NodeId) {
        self.tell(id);
        let witnesses = self.is_witness(id);
        loop {
            let now_ms = self.now_ms;
            let ask = self.node(id).memory.question(now_ms, witnesses);
            let Some(told) = self.call(id, &ask) else { return };
            if let Told::Changes { tickets, .. } = &told {
                let over = tickets.iter().filter(|change| change.record.stage == Stage::Over);
                over.for_each(|change| self.history.over(&change.id));
            }
            match self.node(id).memory.hear_changes(now_ms, &told).unwrap() {
                Heard::More => {}
                Heard::All => return,
                Heard::Anew => {
                    let node = self.node(id);
                    node.coordinator = None;
                    node.rooms.forget_told();
                    return;
                }
            }
        }
    }

    fn tell(&mut self, id: NodeId) {
        let now_ms = self.now_ms;
        loop {
            let asks = self.node(id).memory.still_to_tell(now_ms, 64);
            if asks.is_empty() {
                return;
            }
            for ask in asks {
                let Some(told) = self.call(id, &ask) else { return };
                let Some(placed) = self.node(id).memory.hear_told(now_ms, &ask, &told) else { continue };
                let is_unseen = parts(&placed.tickets).any(|ticket| self.unseen.contains(ticket));
                assert!(is_unseen, "match {} was started, its tickets are in another", placed.of);
            }
        }
    }

    /// By who holds the lease, and those who are there.
    fn is_witness(&mut self, id: NodeId) -> bool {
        let ask = Request::Holder(COORDINATOR.to_owned());
        let coordinator = match self.store.table.apply(self.now_ms, &ask) {
            Reply::Holder(lease) => lease.map(|lease| lease.node),
            _ => None,
        };
        let nodes: Vec<_> = self.nodes.keys().copied().collect();
        is_witness(id, &nodes, coordinator)
    }

    /// Opens rooms for the matches that are this node's, and says so until the store has heard it.
    fn open(&mut self, id: NodeId) {
        let fetch = Ask::Fetch { node: id.to_string(), limit: 64 };
        if let Some(Told::Matches { matches }) = self.call(id, &fetch) {
            let now_ms = self.now_ms;
            matches.into_iter().for_each(|placed| self.node(id).memory.open(now_ms, placed));
        }
        for placed in self.unopened(id) {
            let of = placed.of.clone();
            if !self.seat(id, &placed) {
                self.node(id).memory.forget_match(&of);
                self.call(id, &Ask::TakeBack { epoch: Epoch(0), of, node: id.to_string() });
                continue;
            }
            let room = room_of(&placed);
            let ask = Ask::Started { of: of.clone(), node: id.to_string(), room: room.clone() };
            match self.call(id, &ask) {
                Some(Told::Done) => {
                    let back = parts(&placed.tickets).find(|ticket| self.buried.contains(*ticket));
                    assert_eq!(back, None, "a ticket was over, and has come back to life");
                    self.history.start(&of, parts(&placed.tickets));
                    let now_ms = self.now_ms;
                    self.told_at_ms.extend(parts(&placed.tickets).map(|ticket| (ticket.to_owned(), now_ms)));
                    self.node(id).memory.started(now_ms, &of, room);
                }
                Some(Told::Fenced) | None => {}
                Some(_) => {
                    self.unseat(id, &placed);
                    self.node(id).memory.forget_match(&of);
                }
            }
        }
    }

    /// Matches that the node has fetched and has no room for yet, or has not told of.
    pub(super) fn unopened(&mut self, id: NodeId) -> Vec<Placed> {
        self.node(id).memory.unopened().cloned().collect()
    }

    /// Forms matches while the node coordinates, as `queue/lead.rs` does.
    fn lead(&mut self, id: NodeId) {
        let now_ms = self.now_ms;
        let node = self.node(id);
        let Some(epoch) = node.member.epoch(COORDINATOR, now_ms) else {
            node.coordinator = None;
            return;
        };
        let mut coordinator = match node.coordinator.take() {
            Some(one) if one.epoch() == epoch && !one.is_lost() => one,
            _ => Coordinator::new(epoch, now_ms, modes(), 10_000, "m").unwrap(),
        };
        let nodes = node.member.nodes().to_vec();
        let ask = Ask::Changes { after: coordinator.cursor(), limit: 1_000, bodies: true };
        let Some(Told::Changes { tickets, last, since_ms, .. }) = self.call(id, &ask) else { return };
        coordinator.take_in(now_ms, &tickets, last);
        self.node(id).memory.hear_as_coordinator(now_ms, &tickets, since_ms);
        let ask = Ask::Offers { after: coordinator.offers_cursor(), limit: 1_000 };
        let Some(Told::Offers { offers, last }) = self.call(id, &ask) else { return };
        coordinator.take_offers(now_ms, &offers, last);
        for ask in coordinator.round(now_ms, &nodes) {
            let Some(told) = self.call(id, &ask) else { return };
            coordinator.hear(now_ms, &ask, &told);
        }
        let Some(Told::Matches { matches }) = self.call(id, &Ask::Unopened { limit: 500 }) else { return };
        for ask in coordinator.look_after(now_ms, Timing::default().lease_ms, &matches, &nodes) {
            if self.call(id, &ask).is_none() {
                return;
            }
        }
        if self.call(id, &Ask::Sweep { epoch }).is_some() {
            self.node(id).coordinator = Some(coordinator);
        }
    }
}
