//! Nodes, their store and clients, in virtual time.

use std::collections::{BTreeMap, BTreeSet};

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{Mode, Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName};
use framekeep_sim::Pcg32;

use super::history::History;
use super::rooms::{CREW, CREW_SEATS, Rooms, room_of};
use crate::board::{Ask, Board, Change, Kept, Placed, Record, Stage, Step, Told, parts};
use crate::body::{MatchBody, TicketBody};
use crate::{COORDINATOR, Card, Coordinator, Epoch, Load, Member, NodeId, Reply, Request, Table, Timing};

const STEP_MS: u64 = 20;
const WORK_EVERY_MS: u64 = 100;
const NODES: u64 = 3;
const REPLICA_AGE_MS: u64 = 2_000;
const KEPT_MS: u64 = 60_000;
const THEIRS_KEPT_MS: u64 = 10_000;
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
}

impl Loss {
    fn of_writes(self) -> bool {
        self != Self::Nothing
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
    /// Tickets that were taken in here, and until when they are remembered once they have a match.
    kept: BTreeMap<TicketId, (Kept, u64)>,
    mine: BTreeMap<String, Placed>,
    /// Matches of other nodes that it has seen, and until when they are remembered.
    theirs: BTreeMap<String, (Placed, u64)>,
    witnesses: bool,
    pub(super) rooms: Rooms,
    store_since_ms: Option<u64>,
    cursor: u64,
    paused_until_ms: u64,
    cut_off_until_ms: u64,
    work_at_ms: u64,
}

pub(super) struct World {
    pub(super) rng: Pcg32,
    loss: Loss,
    pub(super) now_ms: u64,
    store: Store,
    replicas: Vec<(u64, Store)>,
    nodes: BTreeMap<NodeId, Node>,
    started: u64,
    tickets: u128,
    /// Tickets that nobody has acknowledged yet.
    unsent: Vec<SharedTicket>,
    /// Requests whose sender has given them up, and that are done later all the same.
    late: Vec<(u64, Ask)>,
    /// Tickets whose players have answered for a match.
    answered: BTreeSet<(String, String)>,
    well_since_ms: u64,
    quiet_until_ms: u64,
    is_healed: bool,
    /// Matches that came into running rooms.
    pub(super) filled: usize,
    /// Since when each ticket waits that was acknowledged.
    since_ms: BTreeMap<String, u64>,
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
            nodes: BTreeMap::new(),
            started: 0,
            tickets: 0,
            unsent: Vec::new(),
            late: Vec::new(),
            answered: BTreeSet::new(),
            well_since_ms: now_ms,
            quiet_until_ms: 0,
            is_healed: false,
            filled: 0,
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
        self.board_view()
            .into_iter()
            .map(|(id, record)| (id, matches!(record.stage, Stage::Waiting | Stage::Asked)))
            .collect()
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
            kept: BTreeMap::new(),
            mine: BTreeMap::new(),
            theirs: BTreeMap::new(),
            witnesses: false,
            rooms: Rooms::default(),
            store_since_ms: None,
            cursor: 0,
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
            0 => {
                self.nodes.remove(&id);
                self.well_since_ms = self.now_ms;
            }
            1 if (self.nodes.len() as u64) < NODES => self.start_node(),
            2 => self.node(id).paused_until_ms = ill_until_ms,
            3 => self.node(id).cut_off_until_ms = ill_until_ms,
            4 => self.promote(),
            _ => {}
        }
    }

    fn is_well(&self) -> bool {
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
            self.store = replica.clone();
            self.quiet_until_ms = self.now_ms + 4_500;
            self.late.clear();
            if self.loss.of_a_node() && self.nodes.len() > 2 {
                self.lose_a_node();
            }
        }
        self.store.since_ms = self.now_ms;
        self.store.table.promote(self.now_ms);
        self.replicas.clear();
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
        let (due, rest) = std::mem::take(&mut self.late).into_iter().partition(|(at_ms, _)| *at_ms <= now_ms);
        self.late = rest;
        let due: Vec<(u64, Ask)> = due;
        due.iter().for_each(|(_, ask)| drop(self.apply(ask)));
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
            if !sent {
                self.unsent.insert(0, ticket);
            }
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

    fn submit(&mut self, id: NodeId, ticket: &SharedTicket) -> bool {
        if self.node(id).paused_until_ms > self.now_ms {
            return false;
        }
        let kept = TicketBody::new(ticket).kept(0).unwrap();
        match self.call(id, &Ask::Submit { ticket: kept.clone(), limit: 10_000 }) {
            Some(Told::Ticket { record, .. }) => {
                let kept = Kept { since_ms: record.since_ms.max(1), ..kept };
                self.node(id).kept.insert(ticket.ticket.id, (kept, u64::MAX));
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
        if self.node(id).cut_off_until_ms > self.now_ms {
            return None;
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
        Some(told)
    }

    /// What a node does ten times a second.
    fn work(&mut self, id: NodeId) {
        self.membership(id);
        self.follow(id);
        self.open(id);
        self.live_in_rooms(id);
        self.lead(id);
    }

    fn membership(&mut self, id: NodeId) {
        let now_ms = self.now_ms;
        let card = Card { modes_digest: "m".to_owned(), ..Card::default() };
        for request in self.node(id).member.poll(now_ms, &card, &Load::default()) {
            if self.node(id).cut_off_until_ms > now_ms {
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
            if let Reply::Noted { since_ms } = reply {
                let is_other = node.store_since_ms.is_some_and(|before| before != since_ms);
                node.store_since_ms = Some(since_ms);
                if is_other {
                    self.retell(id);
                }
            }
        }
    }

    fn retell(&mut self, id: NodeId) {
        let node = self.node(id);
        node.cursor = 0;
        node.coordinator = None;
        node.rooms.forget_told();
        let started = node.mine.values().filter(|it| it.step == Step::Started);
        let started: Vec<_> =
            started.chain(node.theirs.values().map(|(placed, _)| placed)).cloned().collect();
        let kept: Vec<_> = node.kept.values().map(|(kept, _)| kept.clone()).collect();
        let mut is_told = true;
        for placed in started {
            let tickets = MatchBody::read(&placed.body).unwrap().tickets;
            let told = self.call(id, &Ask::Retell { placed: placed.clone(), tickets });
            let is_unseen = parts(&placed.tickets).any(|ticket| self.unseen.contains(ticket));
            assert!(
                is_unseen || told != Some(Told::Gone),
                "match {} was started, its tickets are in another",
                placed.of
            );
            is_told &= told.is_some();
        }
        for ticket in kept {
            is_told &= self.call(id, &Ask::Submit { ticket, limit: u32::MAX }).is_some();
        }
        if !is_told {
            // All of it is told again.
            self.node(id).store_since_ms = Some(0);
        }
    }

    fn follow(&mut self, id: NodeId) {
        let bodies = self.is_witness(id);
        let node = self.node(id);
        if bodies != node.witnesses {
            node.witnesses = bodies;
            node.cursor = if bodies { 0 } else { node.cursor };
        }
        let ask = Ask::Changes { after: node.cursor, limit: 1_000, bodies };
        let Some(Told::Changes { tickets, last, .. }) = self.call(id, &ask) else { return };
        self.node(id).cursor = last;
        self.note(id, &tickets, bodies);
    }

    /// Of the nodes that do not coordinate the first one remembers what all tickets say.
    fn is_witness(&mut self, id: NodeId) -> bool {
        let ask = Request::Holder(COORDINATOR.to_owned());
        let coordinator = match self.store.table.apply(self.now_ms, &ask) {
            Reply::Holder(lease) => lease.map(|lease| lease.node),
            _ => None,
        };
        self.nodes.keys().find(|node| Some(**node) != coordinator) == Some(&id)
    }

    fn note(&mut self, id: NodeId, tickets: &[Change], bodies: bool) {
        let until_ms = self.now_ms + KEPT_MS;
        for change in tickets {
            let ticket = change.id.parse().unwrap();
            if bodies {
                self.witness(id, ticket, change);
            }
            match change.record.stage {
                Stage::Over => {
                    self.history.over(&change.id);
                    self.node(id).kept.remove(&ticket);
                }
                Stage::Matched if change.record.plays => drop(self.node(id).kept.remove(&ticket)),
                Stage::Matched => {
                    let kept = self.node(id).kept.get_mut(&ticket);
                    kept.into_iter().for_each(|(_, until)| *until = until_ms.min(*until));
                }
                Stage::Waiting | Stage::Asked => {
                    let kept = self.node(id).kept.get_mut(&ticket);
                    kept.into_iter().for_each(|(_, until)| *until = u64::MAX);
                }
            }
        }
        let now_ms = self.now_ms;
        self.node(id).kept.retain(|_, (_, until)| *until > now_ms);
        self.node(id).theirs.retain(|_, (_, until)| *until > now_ms);
    }

    fn witness(&mut self, id: NodeId, ticket: TicketId, change: &Change) {
        let until_ms = self.now_ms + THEIRS_KEPT_MS;
        let (node, record) = (self.node(id), &change.record);
        if record.plays {
            if let Ok(placed) = serde_json::from_str::<Placed>(&change.body) {
                node.theirs.insert(placed.of.clone(), (placed, until_ms));
            }
        } else if record.stage != Stage::Over {
            let kept = Kept {
                id: change.id.clone(),
                body: change.body.clone(),
                players: record.players.clone(),
                since_ms: record.since_ms,
            };
            node.kept.entry(ticket).or_insert((kept, u64::MAX));
        }
    }

    /// Opens rooms for the matches that are this node's, and says so until the store has heard it.
    fn open(&mut self, id: NodeId) {
        let fetch = Ask::Fetch { node: id.to_string(), limit: 64 };
        if let Some(Told::Matches { matches }) = self.call(id, &fetch) {
            self.node(id).mine.extend(matches.into_iter().map(|placed| (placed.of.clone(), placed)));
        }
        for mut placed in self.unopened(id) {
            let of = placed.of.clone();
            if !self.seat(id, &placed) {
                self.node(id).mine.remove(&of);
                self.call(id, &Ask::TakeBack { epoch: Epoch(0), of, node: id.to_string() });
                continue;
            }
            let room = room_of(&placed);
            let ask = Ask::Started { of: of.clone(), node: id.to_string(), room: room.clone() };
            match self.call(id, &ask) {
                Some(Told::Done) => {
                    (placed.step, placed.room) = (Step::Started, room);
                    self.history.start(&of, parts(&placed.tickets));
                    let now_ms = self.now_ms;
                    self.told_at_ms.extend(parts(&placed.tickets).map(|ticket| (ticket.to_owned(), now_ms)));
                    self.node(id).mine.insert(of, placed);
                }
                Some(Told::Fenced) | None => {}
                Some(_) => {
                    self.unseat(id, &placed);
                    self.node(id).mine.remove(&of);
                }
            }
        }
    }

    /// Matches that the node has fetched and has no room for yet, or has not told of.
    pub(super) fn unopened(&mut self, id: NodeId) -> Vec<Placed> {
        self.node(id).mine.values().filter(|it| it.step == Step::Placed).cloned().collect()
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
        let Some(Told::Changes { tickets, last, .. }) = self.call(id, &ask) else { return };
        coordinator.take_in(now_ms, &tickets, last);
        self.note(id, &tickets, true);
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
