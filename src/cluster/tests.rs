//! Nodes and a store in virtual time, with crashes, pauses, partitions, lost answers and replicas that were promoted
//! without the last writes: no name is ever held by two, no number given twice, and somebody takes over soon.

mod kept;
mod office;
mod redis;
mod tickets;

use std::collections::{BTreeMap, BTreeSet};

use framekeep_sim::Pcg32;

use self::kept::Kept;
use crate::{COORDINATOR, Card, Epoch, Lapsed, Load, Member, NodeId, Reply, Request, Table, Timing};

const ROOMS: [&str; 3] = ["room/den", "room/pit", "room/hall"];
const STEP_MS: u64 = 10;
const NODES: u64 = 3;
const FREE: Timing = Timing { lapsed: Lapsed::Free, ..TIMING };
const TIMING: Timing =
    Timing { lease_ms: 3_000, renew_every_ms: 750, drift_ms: 200, rank_step_ms: 100, lapsed: Lapsed::Kept };

/// Something on its way.
enum Letter {
    Asked { by: NodeId, request: Request, at_ms: u64 },
    Answered { to: NodeId, request: Request, asked_at_ms: u64, reply: Reply },
}

/// A cluster in virtual time.
struct World {
    rng: Pcg32,
    now_ms: u64,
    store: Table,
    /// What replicas know, the oldest first.
    replicas: Vec<(u64, Table)>,
    nodes: BTreeMap<NodeId, Node>,
    letters: BTreeMap<(u64, u64), Letter>,
    sent: u64,
    started: u64,
    /// The highest number under which anybody has acted, by name, and who.
    acted: BTreeMap<String, (Epoch, NodeId)>,
    takeovers: u32,
    kept: Kept,
}

struct Node {
    member: Member,
    paused_until_ms: u64,
    cut_off_until_ms: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self::with(seed, Kept::default())
    }

    fn with(seed: u64, kept: Kept) -> Self {
        let store = Table::new(0, kept.timing());
        let mut world = Self {
            rng: Pcg32::new(seed, 3),
            now_ms: 100_000,
            replicas: Vec::new(),
            store,
            nodes: BTreeMap::new(),
            letters: BTreeMap::new(),
            sent: 0,
            started: 0,
            acted: BTreeMap::new(),
            takeovers: 0,
            kept,
        };
        (0..NODES).for_each(|_| world.start_node());
        world
    }

    fn start_node(&mut self) {
        self.started += 1;
        let mut member = Member::new(NodeId(self.started), self.kept.timing());
        self.kept.dead.iter().for_each(|dead| member.know_dead(*dead));
        ROOMS.iter().for_each(|room| member.want(room));
        self.nodes.insert(member.node(), Node { member, paused_until_ms: 0, cut_off_until_ms: 0 });
    }

    fn some_node(&mut self) -> Option<NodeId> {
        let nth = self.rng.below((self.nodes.len() as u32).max(1)) as usize;
        self.nodes.keys().nth(nth).copied()
    }

    fn chance(&mut self, of_ten_thousand: u32) -> bool {
        self.rng.below(10_000) < of_ten_thousand
    }

    fn post(&mut self, letter: Letter) {
        let late = if self.chance(300) { 4_000 } else { 60 };
        let at_ms = self.now_ms + 1 + u64::from(self.rng.below(late));
        self.sent += 1;
        self.letters.insert((at_ms, self.sent), letter);
    }

    /// One of the things that go wrong.
    fn fault(&mut self) {
        let for_ms = u64::from(self.rng.below(8_000));
        let Some(node) = self.some_node() else { return self.start_node() };
        match self.rng.below(5) {
            0 => {
                self.nodes.remove(&node);
                self.kept.dead.push(node);
            }
            1 if (self.nodes.len() as u64) < NODES => self.start_node(),
            2 => self.nodes.get_mut(&node).unwrap().paused_until_ms = self.now_ms + for_ms,
            3 => self.nodes.get_mut(&node).unwrap().cut_off_until_ms = self.now_ms + for_ms,
            4 if !self.kept.is_lossless => {
                // The replica that is promoted lacks the writes of up to two seconds.
                let nth = self.rng.below((self.replicas.len() as u32).max(1)) as usize;
                if let Some((_, replica)) = self.replicas.get(nth) {
                    self.store = replica.clone();
                    self.store.promote(self.now_ms);
                    self.replicas.clear();
                    self.kept.stores += 1;
                }
            }
            _ => {}
        }
    }

    fn is_cut_off(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_none_or(|node| node.cut_off_until_ms > self.now_ms)
    }

    fn deliver(&mut self) {
        while let Some(first) = self.letters.first_entry().filter(|first| first.key().0 <= self.now_ms) {
            match first.remove() {
                Letter::Asked { by, request, at_ms } => {
                    let reply = self.store.apply(self.now_ms, &request);
                    self.kept.note(by, &request, &reply);
                    if !self.is_cut_off(by) {
                        self.post(Letter::Answered { to: by, request, asked_at_ms: at_ms, reply });
                    }
                }
                Letter::Answered { to, request, asked_at_ms, reply } => {
                    let now_ms = self.now_ms;
                    let cut_off = self.is_cut_off(to);
                    if let Some(node) = self.nodes.get_mut(&to).filter(|_| !cut_off) {
                        node.member.hear(now_ms, &request, asked_at_ms, &reply);
                    }
                }
            }
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        let now_ms = self.now_ms;
        if now_ms.is_multiple_of(100) {
            self.replicas.retain(|(at_ms, _)| at_ms + 2_000 > now_ms);
            self.replicas.push((now_ms, self.store.clone()));
        }
        self.deliver();
        let nodes: Vec<_> = self.nodes.keys().copied().collect();
        for id in nodes {
            let cut_off = self.is_cut_off(id);
            let node = self.nodes.get_mut(&id).unwrap();
            if node.paused_until_ms > now_ms {
                continue;
            }
            let requests = node.member.poll(now_ms, &Card::default(), &Load::default());
            for request in requests {
                if !cut_off {
                    self.post(Letter::Asked { by: id, request, at_ms: now_ms });
                }
            }
        }
        self.check();
    }

    /// Nobody acts for what another acts for, and nobody acts under a number that is not above all of others.
    fn check(&mut self) {
        for name in ROOMS.iter().chain(&[COORDINATOR]) {
            let acting = self.acting(name);
            if self.kept.timing().keeps(name) {
                self.check_kept(name, &acting);
                continue;
            }
            let who: BTreeSet<_> = acting.iter().map(|(node, _)| *node).collect();
            assert!(who.len() <= 1, "{name} is held by {acting:?} at {}", self.now_ms);
            let Some((node, epoch)) = acting.first().copied() else { continue };
            match self.acted.get(*name).copied() {
                Some((last, by)) if by != node => {
                    assert!(epoch > last, "{name}: {node} acts under {epoch:?} after {by} under {last:?}");
                    self.takeovers += 1;
                }
                Some((last, _)) => assert!(epoch >= last, "{name}: {epoch:?} after {last:?}"),
                None => {}
            }
            self.acted.insert((*name).to_owned(), (epoch, node));
        }
    }

    fn acting(&self, name: &str) -> Vec<(NodeId, Epoch)> {
        let awake = self.nodes.values();
        // A node that is paused does nothing, and looks at its clock before it does anything again.
        let acts = |node: &Node| Some((node.member.node(), node.member.epoch(name, self.now_ms)?));
        awake.filter_map(acts).collect()
    }

    fn run(&mut self, for_ms: u64) {
        (0..for_ms / STEP_MS).for_each(|_| self.step());
    }

    fn until_held(&mut self, name: &str, within_ms: u64) -> u64 {
        let begun = self.now_ms;
        while self.acting(name).is_empty() {
            assert!(self.now_ms - begun <= within_ms, "nobody has {name} after {within_ms} ms");
            self.step();
        }
        self.now_ms - begun
    }
}

#[test]
fn no_name_is_held_by_two_under_any_faults() {
    let seeds = if cfg!(debug_assertions) { 250 } else { 5_000 };
    let mut takeovers = 0;
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..4_000 {
                if world.chance(60) {
                    world.fault();
                }
                world.step();
            }
            if world.nodes.is_empty() {
                world.start_node();
            }
            // Faults are over: everything is held again soon.
            world.run(16_000);
            for name in ROOMS.iter().chain(&[COORDINATOR]) {
                assert!(!world.acting(name).is_empty(), "nobody has {name}");
            }
            world.takeovers
        });
        takeovers += outcome.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(takeovers > 1_000, "{takeovers} is too few to mean anything");
}

#[test]
fn a_coordinator_that_is_gone_is_followed_within_six_seconds() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        world.until_held(COORDINATOR, 6_000);
        world.run(5_000);
        let (first, _) = world.acting(COORDINATOR)[0];
        world.nodes.remove(&first);
        let after_ms = world.until_held(COORDINATOR, 6_000);
        let (next, _) = world.acting(COORDINATOR)[0];
        assert!(next != first, "seed {seed}, after {after_ms} ms");
    }
}

#[test]
fn the_lowest_node_is_first_where_all_begin_together() {
    let (mut table, timing) = (Table::new(0, Timing::default()), Timing::default());
    let mut members: Vec<_> = [3, 1, 2].map(|id| Member::new(NodeId(id), timing)).into();
    for now_ms in (0..8_000).step_by(10) {
        for member in &mut members {
            for request in member.poll(now_ms, &Card::default(), &Load::default()) {
                let reply = table.apply(now_ms, &request);
                member.hear(now_ms, &request, now_ms, &reply);
            }
        }
    }
    let coordinators: Vec<_> = members.iter().filter(|member| member.is_coordinator(8_000)).collect();
    assert_eq!(coordinators.iter().map(|member| member.node()).collect::<Vec<_>>(), [NodeId(1)]);
    assert_eq!(coordinators[0].nodes().len(), 3);
}

/// What nodes with those modes do together; gives who coordinates in the end.
fn elect(table: &mut Table, members: &mut [(Member, &str)], from_ms: u64, for_ms: u64) -> Vec<NodeId> {
    for now_ms in (from_ms..from_ms + for_ms).step_by(10) {
        for (member, modes) in members.iter_mut() {
            let card = Card { modes_digest: (*modes).to_owned(), ..Card::default() };
            for request in member.poll(now_ms, &card, &Load::default()) {
                let reply = table.apply(now_ms, &request);
                member.hear(now_ms, &request, now_ms, &reply);
            }
        }
        let acting = members.iter().filter(|(member, _)| member.is_coordinator(now_ms)).count();
        assert!(acting <= 1, "{acting} coordinate at {now_ms}");
    }
    let acting = members.iter().filter(|(member, _)| member.is_coordinator(from_ms + for_ms));
    acting.map(|(member, _)| member.node()).collect()
}

#[test]
fn a_node_with_new_modes_coordinates_once_most_have_them() {
    let (mut table, timing) = (Table::new(0, Timing::default()), Timing::default());
    let member = |id, modes| (Member::new(NodeId(id), timing), modes);
    // The first of the new is the lowest, and the only one at first.
    let mut members = vec![member(1, "new")];
    assert_eq!(elect(&mut table, &mut members, 0, 8_000), [NodeId(1)]);
    members.extend([member(2, "old"), member(3, "old")]);
    assert_eq!(elect(&mut table, &mut members, 8_000, 6_000), [NodeId(2)], "most have the old ones");
    members.push(member(4, "new"));
    assert_eq!(elect(&mut table, &mut members, 14_000, 6_000), [NodeId(2)], "as many have the old ones");
    members.retain(|(member, _)| member.node() != NodeId(3));
    let elected = elect(&mut table, &mut members, 20_000, 8_000);
    assert!(elected == [NodeId(1)] || elected == [NodeId(4)], "most have the new ones: {elected:?}");
}

#[test]
fn a_name_that_is_given_up_is_free_at_once() {
    let (mut table, timing) = (Table::new(0, FREE), FREE);
    let take = |node| Request::Take { name: "room/den".to_owned(), node: NodeId(node), over: None, rank: 0 };
    let Reply::Granted(first) = table.apply(5_000, &take(1)) else { panic!("it is free") };
    assert!(matches!(table.apply(5_001, &take(2)), Reply::Busy { holder: Some(NodeId(1)), for_ms: 2_999 }));
    let release = Request::Release { name: "room/den".to_owned(), node: NodeId(1), epoch: first };
    table.apply(5_002, &release);
    assert_eq!(table.apply(5_002, &Request::Holder("room/den".to_owned())), Reply::Holder(None));
    let Reply::Granted(second) = table.apply(5_003, &take(2)) else { panic!("it is free") };
    assert!(second > first);
    let late = Request::Renew { name: "room/den".to_owned(), node: NodeId(1), epoch: first, rank: 0 };
    assert_eq!(table.apply(5_004, &late), Reply::Lost);
    // A store that follows without the last grant hears of it from who has it, and gives nothing away until then.
    let mut replica = Table::new(0, timing);
    replica.promote(6_000);
    assert!(matches!(replica.apply(6_100, &take(3)), Reply::Busy { holder: None, .. }));
    let renew = Request::Renew { name: "room/den".to_owned(), node: NodeId(2), epoch: second, rank: 0 };
    assert_eq!(replica.apply(6_200, &renew), Reply::Granted(second));
    assert!(matches!(replica.apply(9_100, &take(3)), Reply::Busy { holder: Some(NodeId(2)), .. }));
}

#[test]
fn of_two_rooms_of_one_name_the_one_in_which_more_is_done_keeps_it() {
    let timing = Timing::default();
    let mut table = Table::new(0, timing);
    let name = || "room/den".to_owned();
    let now_ms = timing.lease_ms;
    let take = Request::Take { name: name(), node: NodeId(1), over: None, rank: 5 };
    let Reply::Granted(first) = table.apply(now_ms, &take) else { panic!("it is nobody's") };
    let challenge = |node, rank| Request::Challenge { name: name(), node: NodeId(node), rank };
    for rank in [4, 5] {
        let told = table.apply(now_ms, &challenge(2, rank));
        assert!(matches!(told, Reply::Busy { holder: Some(NodeId(1)), .. }), "{rank}: {told:?}");
    }
    // What is done there counts as it was said last.
    let renew = |epoch, rank| Request::Renew { name: name(), node: NodeId(1), epoch, rank };
    assert_eq!(table.apply(now_ms, &renew(first, 7)), Reply::Granted(first));
    assert!(matches!(table.apply(now_ms, &challenge(2, 6)), Reply::Busy { .. }));
    let Reply::Granted(second) = table.apply(now_ms, &challenge(2, 8)) else { panic!("more is done there") };
    assert!(second > first);
    assert_eq!(table.apply(now_ms, &renew(first, 100)), Reply::Lost, "the other one is told");
}
