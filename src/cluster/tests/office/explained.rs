//! Why tickets wait: what the coordinator says, and what the other nodes say by what it lets them know.

use framekeep_matchmaking::{Hindrance, Mode, RegionLatency, Ticket, TicketId, Why, Widening};
use framekeep_protocol::PlayerId;

use super::{EPOCH, Office, STEP_MS, node};
use crate::board::{Ask, Stage, Told};
use crate::body::TicketBody;
use crate::queue::published::Published;
use crate::queue::why::by_published;
use crate::{Coordinator, Load, NodeId};

fn modes() -> Vec<Mode> {
    let brawl = Mode {
        tick_rates_hz: vec![30, 60],
        contents: vec!["pit".to_owned(), "yard".to_owned()],
        ..Mode::new("arena", "brawl", 1, 4)
    };
    vec![Mode::new("arena", "duel", 2, 1), brawl]
}

fn office(loads: impl IntoIterator<Item = Load>) -> Office {
    let nodes = (1..).zip(loads).map(|(number, load)| node(number, load)).collect();
    let coordinator = Coordinator::new(EPOCH, 1, modes(), 10_000, "m").unwrap();
    Office { coordinator, ..Office::new(nodes) }
}

fn ticket(number: u64, mode: &str) -> Ticket {
    Ticket::solo(TicketId(number.into()), "arena", mode, PlayerId(number), 1_500)
}

fn of_region(number: u64, region: &str) -> Ticket {
    let regions = vec![RegionLatency { region: region.to_owned(), latency_ms: 20 }];
    Ticket { regions, ..ticket(number, "brawl") }
}

impl Office {
    fn published(&self) -> Published {
        let told = serde_json::to_string(&Published::new(NodeId(1), &self.coordinator, 0)).unwrap();
        serde_json::from_str(&told).unwrap()
    }

    /// Why a ticket waits: as the coordinator says, and as another node does.
    fn whys(&mut self, id: &str) -> [Option<Why>; 2] {
        let Told::Ticket { record, body, .. } = self.ask(&Ask::Show { id: id.to_owned() }) else {
            panic!("it is there")
        };
        let ticket = TicketBody::read(&body).unwrap().shared();
        let elsewhere = by_published(&modes(), &self.published(), self.now_ms, &record, &ticket);
        [self.coordinator.why(self.now_ms, ticket.ticket.id), elsewhere]
    }

    fn hindrances(&mut self, id: &str) -> [Option<Hindrance>; 2] {
        self.whys(id).map(|why| why.map(|why| why.hindrance))
    }
}

#[test]
fn another_node_counts_those_who_wait_for_the_same() {
    let mut office = office([Load::default()]);
    office.step();
    let fast = Ticket { tick_rate_hz: 60, ..ticket(1, "brawl") };
    let fast = office.submit_ticket(fast, false);
    assert_eq!(office.hindrances(&fast), [None, Some(Hindrance::NotYet)], "the coordinator has not read it");
    for number in 2..5 {
        // As many wait for the mode as it needs, and for another tick rate, content or region.
        let other = match number {
            2 => Ticket { contents: vec!["yard".to_owned()], ..ticket(number, "brawl") },
            3 => Ticket { contents: vec!["pit".to_owned()], ..ticket(number, "brawl") },
            _ => of_region(number, "eu"),
        };
        office.submit_ticket(other, false);
    }
    let slow = office.submit_ticket(ticket(5, "brawl"), false);
    office.run(200);
    let few = |there| [Some(Hindrance::TooFew { there, needed: 4 }); 2];
    assert_eq!((office.hindrances(&fast), office.hindrances(&slow)), (few(1), few(2)));
    for number in 6..8 {
        let blocked = vec![PlayerId(5)];
        office.submit_ticket(Ticket { blocked, ..ticket(number, "brawl") }, false);
    }
    office.run(200);
    assert_eq!(office.hindrances(&slow), [Some(Hindrance::DoNotFit { there: 4, needed: 4 }); 2]);
    let [here, there] = office.whys(&slow).map(Option::unwrap);
    let told = |why: &Why| (why.rating_allowed, why.latency_allowed_ms, why.expires_at_ms, why.waited_ms);
    assert_eq!(told(&here), told(&there));
    assert_eq!(told(&here).0, None, "ratings may be as far apart as they like");
}

#[test]
fn answers_are_counted_of_all_players_of_the_match() {
    let mut office = office([Load::default()]);
    let asking = Mode { ready_check_ms: 20_000, party_max: 2, ..Mode::new("arena", "trio", 1, 3) };
    office.coordinator = Coordinator::new(EPOCH, 1, vec![asking], 10_000, "m").unwrap();
    let mut pair = ticket(1, "trio");
    pair.party.push(ticket(2, "trio").party[0].clone());
    let ids = [pair, ticket(3, "trio")].map(|ticket| office.submit_ticket(ticket, false));
    office.run(300);
    let answers = |office: &mut Office, id: &String| match office.ask(&Ask::Show { id: id.clone() }) {
        Told::Ticket { answers, .. } => answers.map(|answers| (answers.there, answers.of)),
        told => panic!("it is there: {told:?}"),
    };
    let seen = |office: &mut Office| ids.each_ref().map(|id| answers(office, id));
    assert_eq!(seen(&mut office), [Some((0, 3)); 2]);
    for (id, player, there) in [(0, 2, 1), (1, 3, 2)] {
        let player = PlayerId(player).to_string();
        office.ask(&Ask::Answer { id: ids[id].clone(), player, accepts: true });
        assert_eq!(seen(&mut office), [Some((there, 3)); 2]);
    }
    office.ask(&Ask::Answer { id: ids[0].clone(), player: PlayerId(1).to_string(), accepts: true });
    office.run(300);
    assert_eq!((office.started, seen(&mut office)), (1, [None; 2]), "nobody is asked any more");
}

#[test]
fn an_estimate_is_of_matches_that_have_begun_and_never_nothing() {
    let mut office = office([Load::default()]);
    office.refusing.insert(NodeId(1));
    for number in 1..3 {
        office.submit_ticket(ticket(number, "duel"), false);
    }
    office.run(1_500);
    let queue = |office: &Office| office.coordinator.queues().next().unwrap();
    let counted = |office: &Office| {
        let queue = queue(office);
        (queue.formed, queue.matched, queue.wait_ms_p50, office.coordinator.matches_per_min())
    };
    assert_eq!((office.refused, counted(&office)), (1, (0, 0, None, 0)), "it was given back");
    office.refusing.clear();
    office.run(1_500);
    let waited_ms = queue(&office).wait_ms_p50.unwrap();
    assert_eq!((office.started, counted(&office)), (1, (1, 2, Some(waited_ms), 1)));
    let id = office.submit_ticket(ticket(3, "duel"), false);
    office.step();
    let estimates = |office: &mut Office| office.whys(&id).map(|why| why.unwrap().estimate_ms);
    assert_eq!(estimates(&mut office), [Some(waited_ms - STEP_MS); 2]);
    office.run(waited_ms);
    assert_eq!(estimates(&mut office), [None; 2]);
}

#[test]
fn a_ticket_that_is_held_up_says_for_what() {
    let mut office = office([Load { region: "eu".to_owned(), ..Load::default() }]);
    office.step();
    let of = |number: u64| of_region(number, &format!("r{number}"));
    let guests: Vec<_> = (1..=16).map(|number| office.submit_ticket(of(number), true)).collect();
    office.run(200);
    assert_eq!(office.hindrances(&guests[14]), [Some(Hindrance::TooFew { there: 1, needed: 4 }); 2]);
    assert_eq!(office.hindrances(&guests[15]), [Some(Hindrance::Regions { of_guests: true }); 2]);
    // Back ends have the other places, and guests may name what others do.
    let known: Vec<_> = (17..=64).map(|number| office.submit_ticket(of(number), false)).collect();
    let there = office.submit_ticket(of_region(65, "eu"), true);
    office.run(200);
    assert_eq!(office.hindrances(&known[46]), [Some(Hindrance::TooFew { there: 1, needed: 4 }); 2]);
    assert_eq!(office.hindrances(&known[47]), [Some(Hindrance::Regions { of_guests: false }); 2]);
    assert_eq!(office.hindrances(&there), [Some(Hindrance::TooFew { there: 1, needed: 4 }); 2]);
    // A place that is free again is had by who waits for it.
    assert!(matches!(office.ask(&Ask::Cancel { id: guests[0].clone() }), Told::Ticket { .. }));
    office.run(1_500);
    assert_eq!(office.hindrances(&guests[15]), [Some(Hindrance::TooFew { there: 1, needed: 4 }); 2]);
    let unknown = office.submit_ticket(ticket(100, "chess"), false);
    office.run(200);
    assert_eq!(office.hindrances(&unknown), [Some(Hindrance::UnknownMode); 2]);
}

#[test]
fn where_no_node_can_have_a_room_it_is_said() {
    let full = Load { rooms: 4, rooms_max: 4, ..Load::default() };
    let draining = Load { draining: true, ..Load::default() };
    let mut office = office([full, draining]);
    let ids = [1, 2].map(|number| office.submit_ticket(ticket(number, "duel"), false));
    office.run(1_000);
    assert_eq!(office.hindrances(&ids[0]), [Some(Hindrance::NoRooms); 2]);
    assert!(office.published().no_rooms);
    office.nodes[0].load.rooms_max = 6;
    office.run(1_000);
    assert_eq!((office.started, office.published().no_rooms), (1, false));
}

#[test]
fn where_no_node_can_have_a_room_nobody_is_asked_for_a_match() {
    let mut office = office([Load::default()]);
    let asking = Mode { ready_check_ms: 20_000, ..Mode::new("arena", "duel", 2, 1) };
    office.coordinator = Coordinator::new(EPOCH, 1, vec![asking], 10_000, "m").unwrap();
    office.nodes[0].card.is_gateway = true;
    let ids = [1, 2].map(|number| office.submit_ticket(ticket(number, "duel"), false));
    for _ in 0..100 {
        office.step();
        assert_eq!(ids.each_ref().map(|id| office.stage(id)), [Some(Stage::Waiting); 2]);
    }
    assert_eq!(office.hindrances(&ids[0]), [Some(Hindrance::NoRooms); 2]);
    office.nodes[0].card.is_gateway = false;
    office.run(200);
    assert_eq!(office.stage(&ids[0]), Some(Stage::Asked));
}

#[test]
fn whose_ratings_do_not_fit_is_told_the_same_at_every_node() {
    let mut office = office([Load::default()]);
    let rating = Widening { start: 50, per_s: 0, max: 50 };
    let close = Mode { rating, ..Mode::new("arena", "duel", 2, 1) };
    office.coordinator = Coordinator::new(EPOCH, 1, vec![close], 10_000, "m").unwrap();
    let better = Ticket::solo(TicketId(2), "arena", "duel", PlayerId(2), 1_900);
    let ids = [ticket(1, "duel"), better].map(|ticket| office.submit_ticket(ticket, false));
    office.run(500);
    for id in &ids {
        assert_eq!(office.hindrances(id), [Some(Hindrance::DoNotFit { there: 2, needed: 2 }); 2]);
    }
}
