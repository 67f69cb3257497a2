//! A coordinator at work, with a store and nodes that do not fail, in virtual time.

mod explained;

use std::collections::BTreeSet;

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{Mode, RegionLatency, Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName};

use crate::board::{Ask, Board, Stage, Told};
use crate::body::TicketBody;
use crate::{Card, Coordinator, Epoch, Load, NodeId, NodeView};

const EPOCH: Epoch = Epoch(1);
const STEP_MS: u64 = 100;

struct Office {
    now_ms: u64,
    board: Board,
    coordinator: Coordinator,
    nodes: Vec<NodeView>,
    /// Nodes that open no room.
    refusing: BTreeSet<NodeId>,
    refused: u32,
    started: u32,
    tickets: u128,
}

fn node(number: u64, load: Load) -> NodeView {
    NodeView { node: NodeId(number), card: Card { modes_digest: "m".to_owned(), ..Card::default() }, load }
}

impl Office {
    fn new(nodes: Vec<NodeView>) -> Self {
        let modes = vec![Mode::new("arena", "duel", 2, 1)];
        Self {
            now_ms: 100_000,
            board: Board::default(),
            coordinator: Coordinator::new(EPOCH, 1, modes, 10_000, "m").unwrap(),
            nodes,
            refusing: BTreeSet::new(),
            refused: 0,
            started: 0,
            tickets: 0,
        }
    }

    fn ask(&mut self, ask: &Ask) -> Told {
        self.board.apply(self.now_ms, Some(EPOCH), true, ask)
    }

    fn submit(&mut self, mode: &str) -> String {
        self.submit_from(mode, &[])
    }

    fn submit_from(&mut self, mode: &str, regions: &[String]) -> String {
        self.tickets += 1;
        let number = self.tickets;
        let mut ticket = Ticket::solo(TicketId(number), "arena", mode, PlayerId(number as u64), 1_500);
        let region = |region: &String| RegionLatency { region: region.clone(), latency_ms: 20 };
        ticket.regions = regions.iter().map(region).collect();
        self.submit_ticket(ticket, false)
    }

    fn submit_ticket(&mut self, ticket: Ticket, is_guest: bool) -> String {
        let names = vec![PlayerName::try_from("ada").unwrap()];
        let kept = TicketBody::new(&SharedTicket { ticket, names, is_guest }).kept(0).unwrap();
        let id = kept.id.clone();
        assert!(matches!(self.ask(&Ask::Submit { ticket: kept, limit: 10_000 }), Told::Ticket { .. }));
        id
    }

    fn stage(&mut self, id: &str) -> Option<Stage> {
        match self.ask(&Ask::Show { id: id.to_owned() }) {
            Told::Ticket { record, .. } => Some(record.stage),
            _ => None,
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        let ask = Ask::Changes { after: self.coordinator.cursor(), limit: 10_000, bodies: true };
        let Told::Changes { tickets, last, .. } = self.ask(&ask) else { panic!("these are changes") };
        self.coordinator.take_in(self.now_ms, &tickets, last);
        for ask in self.coordinator.round(self.now_ms, &self.nodes) {
            let told = self.ask(&ask);
            self.coordinator.hear(self.now_ms, &ask, &told);
        }
        for id in self.nodes.iter().map(|view| view.node).collect::<Vec<_>>() {
            self.open(id);
        }
        self.ask(&Ask::Sweep { epoch: EPOCH });
    }

    fn open(&mut self, id: NodeId) {
        let node = id.to_string();
        let Told::Matches { matches } = self.ask(&Ask::Fetch { node: node.clone(), limit: 64 }) else {
            panic!("these are matches")
        };
        for placed in matches {
            let (of, node) = (placed.of, node.clone());
            if self.refusing.contains(&id) {
                self.refused += 1;
                self.ask(&Ask::TakeBack { epoch: Epoch(0), of, node });
            } else {
                self.started += 1;
                self.ask(&Ask::Started { of, node, room: "room".to_owned() });
            }
        }
    }

    fn run(&mut self, for_ms: u64) {
        (0..for_ms / STEP_MS).for_each(|_| self.step());
    }
}

#[test]
fn a_node_that_opens_no_rooms_is_no_black_hole() {
    let rooms = |rooms| Load { rooms, ..Load::default() };
    let mut office = Office::new(vec![node(1, rooms(1)), node(2, rooms(40))]);
    office.refusing.insert(NodeId(1));
    office.submit("duel");
    office.submit("duel");
    office.run(2_000);
    assert_eq!((office.refused, office.started), (1, 1));
    // And where it is the only one it is not asked all the time.
    let mut office = Office::new(vec![node(1, rooms(1))]);
    office.refusing.insert(NodeId(1));
    office.submit("duel");
    office.submit("duel");
    office.run(28_000);
    assert!(office.refused <= 4 && office.started == 0, "{} times", office.refused);
    office.refusing.clear();
    office.run(16_000);
    assert_eq!(office.started, 1);
}

#[test]
fn what_tickets_say_is_forgotten_once_they_have_their_match() {
    let mut office = Office::new(vec![node(1, Load::default())]);
    for _ in 0..200 {
        office.submit("duel");
        office.step();
    }
    office.run(1_000);
    assert_eq!((office.started, office.coordinator.bodies_kept()), (100, 0));
    // A match that was taken back is formed again of what the store says.
    office.refusing.insert(NodeId(1));
    let id = office.submit("duel");
    office.submit("duel");
    office.run(500);
    assert_eq!((office.refused, office.stage(&id)), (1, Some(Stage::Waiting)));
    office.refusing.clear();
    office.run(70_000);
    assert_eq!((office.started, office.coordinator.bodies_kept()), (101, 0));
}

#[test]
fn a_ticket_of_a_mode_that_the_coordinator_does_not_know_ends_soon_and_says_why() {
    let mut office = Office::new(vec![node(1, Load::default())]);
    let (one, other) = (office.submit("removed"), office.submit("removed"));
    office.run(5_000);
    assert!(matches!(office.ask(&Ask::Cancel { id: other }), Told::Ticket { .. }));
    office.run(4_000);
    assert_eq!(office.stage(&one), Some(Stage::Waiting), "a node that knows it may take over");
    office.run(2_000);
    let Told::Ticket { record, .. } = office.ask(&Ask::Show { id: one }) else { panic!("it is remembered") };
    assert_eq!((record.stage, record.why.as_str()), (Stage::Over, "unknown_mode"));
}

#[test]
fn a_ticket_for_which_there_is_no_room_now_is_tried_again() {
    let mut office = Office::new(vec![node(1, Load::default())]);
    office.coordinator = Coordinator::new(EPOCH, 1, vec![Mode::new("arena", "duel", 2, 1)], 2, "m").unwrap();
    for _ in 0..3 {
        office.submit("duel");
    }
    office.run(3_000);
    assert_eq!(office.started, 1);
    office.submit("duel");
    office.run(1_000);
    assert_eq!(office.started, 2);
}

#[test]
fn regions_that_guests_invent_keep_nobody_from_the_region_of_a_node() {
    let load = Load { region: "eu".to_owned(), ..Load::default() };
    let mut office = Office::new(vec![node(1, load)]);
    office.step();
    for nth in 0..16 {
        let invented: Vec<_> = (0..8).map(|other| format!("r{nth}-{other}")).collect();
        office.submit_from("duel", &invented);
    }
    office.step();
    office.submit_from("duel", &["eu".to_owned()]);
    office.submit_from("duel", &["eu".to_owned()]);
    office.run(500);
    assert_eq!(office.started, 1);
}

#[test]
fn what_a_node_that_is_gone_was_not_told_is_forgotten() {
    let mut office = Office::new(Vec::new());
    let (of, tickets) = ("m1".to_owned(), office.submit("duel"));
    let (body, node) = (String::new(), "gone".to_owned());
    office.ask(&Ask::Claim { epoch: EPOCH, of, body, tickets, node, seats: None });
    for (after_ms, left) in [(59_900, 1), (100, 0)] {
        office.now_ms += after_ms;
        office.ask(&Ask::Sweep { epoch: EPOCH });
        assert_eq!(office.board.untold_lists(), left);
    }
}
