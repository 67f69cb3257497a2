//! Histories of real nodes with a real Redis while processes are killed and stopped, checked as those in virtual time
//! are: no ticket is in two matches, none that was acknowledged is lost, no name is held by two.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framekeep_sim::Pcg32;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use self::history::History;
use crate::named::Named;
use crate::nodes::{Nodes, TICKETS, ask, id, ticket, together};
use crate::redis::{RedisServer, pause};
use crate::serving::LONGEST;

#[path = "../../../cluster/tests/tickets/history.rs"]
mod history;

/// How long faults happen.
const FAULTS_FOR: Duration = Duration::from_secs(16);

/// How often one begins.
const FAULT_EVERY: Duration = Duration::from_secs(5);

/// How often somebody makes a ticket.
const TICKET_EVERY: Duration = Duration::from_millis(70);

const NODES: usize = 3;

/// Tickets that may be left over: a duel lacks one player, pairs three, a brawl one.
const TOO_FEW: usize = 5;

/// What may go wrong in one run. A node that dies takes with it what it alone knows: tickets that it took in while
/// Redis was away, or that Redis has forgotten. So nodes die in one kind of run, and Redis forgets in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nodes are killed and others started; nodes and Redis hang for a while.
    NodesDie,
    /// Redis is killed and starts empty; nodes and Redis hang for longer.
    RedisForgets,
}

/// A ticket and the node by which it is sent until it is acknowledged.
struct Sent {
    ticket: Value,
    by: Pid,
}

struct Run {
    rng: Pcg32,
    kind: Kind,
    redis: RedisServer,
    nodes: Nodes,
    history: History,
    unsent: Vec<Sent>,
    /// Tickets that were acknowledged and are neither matched nor over.
    waiting: Vec<Value>,
    made: u64,
    /// The nodes that were seen to have a room.
    rooms: BTreeMap<String, BTreeSet<Pid>>,
    named: Named,
    held: Vec<JoinHandle<()>>,
    faults: Vec<String>,
}

/// Stops a process for so long.
fn hold(pid: Pid, lasting: Duration) -> JoinHandle<()> {
    kill(pid, Signal::SIGSTOP).expect("it is there");
    let begun = Instant::now();
    std::thread::spawn(move || {
        while begun.elapsed() < lasting {
            pause();
        }
        // It may have been killed meanwhile.
        let _ = kill(pid, Signal::SIGCONT);
    })
}

impl Run {
    fn start(seed: u64) -> Option<Self> {
        let redis = RedisServer::start()?;
        let secret = ("FRAMEKEEP_CLUSTER_SECRET", "a-secret-of-all-nodes");
        let nodes = Nodes::start_at(&redis.url(), NODES, &[secret]);
        let kind = if seed.is_multiple_of(2) { Kind::NodesDie } else { Kind::RedisForgets };
        Some(Self {
            rng: Pcg32::new(seed, 21),
            kind,
            redis,
            nodes,
            history: History::default(),
            unsent: Vec::new(),
            waiting: Vec::new(),
            made: 0,
            rooms: BTreeMap::new(),
            named: Named::new(),
            held: Vec::new(),
            faults: Vec::new(),
        })
    }

    fn some_node(&mut self) -> usize {
        self.rng.below(self.nodes.serving.len() as u32) as usize
    }

    fn fault(&mut self) {
        let nth = self.some_node();
        // A node that hangs for longer than a lease loses what it coordinates.
        let hang = Duration::from_millis(1_000 + u64::from(self.rng.below(4_000)));
        let what = match (self.rng.below(3), self.kind) {
            (0, Kind::NodesDie) => {
                self.until_unheld();
                self.nodes.kill_coordinator();
                self.nodes.start_one();
                "the coordinator is killed".to_owned()
            }
            (1, Kind::NodesDie) => {
                self.until_unheld();
                self.nodes.kill(nth);
                self.nodes.start_one();
                "a node is killed".to_owned()
            }
            (0, Kind::RedisForgets) => {
                self.redis.kill();
                self.redis.start_again();
                "Redis is killed and starts empty".to_owned()
            }
            (1, Kind::RedisForgets) => {
                self.held.push(hold(self.redis.pid(), hang * 2));
                format!("Redis hangs for {} ms", hang.as_millis() * 2)
            }
            _ => {
                self.held.push(hold(self.nodes.serving[nth].pid(), hang));
                format!("a node hangs for {} ms", hang.as_millis())
            }
        };
        self.faults.push(what);
    }

    fn until_unheld(&mut self) {
        self.held.drain(..).for_each(|held| held.join().expect("it goes on"));
    }

    fn make_ticket(&mut self) {
        self.made += 1;
        let mode = ["duel", "pairs", "brawl"][self.rng.below(3) as usize];
        let nth = self.some_node();
        let by = self.nodes.serving[nth].pid();
        self.unsent.push(Sent { ticket: ticket(self.made * 8, 1, mode), by });
    }

    /// Sends what is not acknowledged yet; through another node only if the one before is gone.
    fn send(&mut self) {
        for mut sent in std::mem::take(&mut self.unsent) {
            let by = self.nodes.serving.iter().find(|serving| serving.pid() == sent.by);
            let reply = ask(by.unwrap_or(&self.nodes.serving[0]), "POST", TICKETS, &sent.ticket);
            match reply.status {
                201 => {
                    self.history.acknowledge(&id(&sent.ticket));
                    self.waiting.push(sent.ticket);
                }
                503 => {
                    sent.by = by.unwrap_or(&self.nodes.serving[0]).pid();
                    self.unsent.push(sent);
                }
                _ => panic!("{} {}", reply.status, reply.body),
            }
        }
    }

    /// Asks some node about each ticket that waits, and answers for its players. Those of a node alone are known there
    /// only.
    fn look(&mut self) {
        for ticket in std::mem::take(&mut self.waiting) {
            let path = format!("{TICKETS}/{}", id(&ticket));
            let mut is_done = false;
            for nth in 0..self.nodes.serving.len() {
                let reply = ask(&self.nodes.serving[nth], "GET", &path, &Value::Null);
                if reply.status != 200 {
                    continue;
                }
                let status = reply.json();
                for player in status["why"]["unanswered"].as_array().into_iter().flatten() {
                    let answer = json!({ "player": player, "accept": true });
                    ask(&self.nodes.serving[nth], "POST", &format!("{path}/answer"), &answer);
                }
                match status["state"].as_str().unwrap_or_default() {
                    "matched" => {
                        self.history.start(
                            status["room"].as_str().expect("a room"),
                            [id(&ticket).as_str()].into_iter(),
                        );
                        is_done = true;
                    }
                    "waiting" | "asked" | "opening" => {}
                    other => {
                        self.faults.push(format!("{} is {other}", id(&ticket)));
                        self.history.over(&id(&ticket));
                        is_done = true;
                    }
                }
            }
            if !is_done {
                self.waiting.push(ticket);
            }
        }
    }

    /// Notes who has which name and which room.
    fn note(&mut self) {
        // A Redis that hangs is not asked: everything else would wait for it.
        if self.held.iter().all(JoinHandle::is_finished) {
            for (name, (node, epoch, _)) in self.redis.directory() {
                self.history.grant(&name, &node, epoch);
            }
        }
        for serving in &self.nodes.serving {
            let rooms = serving.rooms();
            self.named.note(serving.pid(), &rooms);
            for row in rooms.iter().filter(|row| row["phase"] != "closed") {
                let name = row["name"].as_str().expect("a name").to_owned();
                // Those of players move, and are looked at by tick.
                if !name.starts_with("match-") {
                    continue;
                }
                self.rooms.entry(name).or_default().insert(serving.pid());
            }
        }
    }

    fn live(&mut self) {
        let (begun, mut made, mut faulted) = (Instant::now(), Instant::now(), Instant::now());
        // On a busy machine less happens in that time.
        while begun.elapsed() < FAULTS_FOR || self.is_short() && begun.elapsed() < LONGEST {
            if made.elapsed() >= TICKET_EVERY {
                made += TICKET_EVERY;
                self.make_ticket();
            }
            if faulted.elapsed() >= FAULT_EVERY {
                faulted = Instant::now();
                self.fault();
            }
            self.named.live(&self.nodes, &mut self.rng);
            self.send();
            self.look();
            self.note();
            pause();
        }
        self.until_unheld();
    }

    /// Whether too little has happened to mean anything.
    fn is_short(&self) -> bool {
        let is_still = self.kind == Kind::NodesDie && self.named.is_short();
        self.history.acknowledged() <= 50 || self.history.started() <= 15 || is_still
    }

    /// All is well again: asks until everybody for whom there is a match has it.
    fn settle(&mut self) -> Duration {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST && (self.waiting.len() > TOO_FEW || !self.unsent.is_empty()) {
            self.send();
            self.look();
            self.note();
            pause();
        }
        begun.elapsed()
    }

    /// Waits until all nodes name the same coordinator: how long that took.
    fn agree(&self) -> Duration {
        let begun = Instant::now();
        loop {
            let named: Vec<_> =
                self.nodes.serving.iter().map(|one| together(one)["coordinator"].clone()).collect();
            if named.windows(2).all(|pair| pair[0] == pair[1]) || begun.elapsed() >= LONGEST {
                return begun.elapsed();
            }
            pause();
        }
    }

    /// Whether tickets wait or have a match by what any node says at the end, those that were matched before as well.
    fn check(&mut self) {
        let mut known = BTreeMap::new();
        for number in 1..=self.made {
            let one = ticket(number * 8, 1, "duel");
            for serving in &self.nodes.serving {
                let reply = ask(serving, "GET", &format!("{TICKETS}/{}", id(&one)), &Value::Null);
                if reply.status != 200 {
                    continue;
                }
                let status = reply.json();
                if let Some(room) = status["room"].as_str() {
                    self.history.start(room, [id(&one).as_str()].into_iter());
                }
                let waits =
                    ["waiting", "asked", "opening"].contains(&status["state"].as_str().unwrap_or_default());
                *known.entry(id(&one)).or_insert(false) |= waits;
            }
        }
        self.history.check(&known, TOO_FEW, &BTreeSet::new());
        let twice: Vec<_> = self.rooms.iter().filter(|(_, nodes)| nodes.len() > 1).collect();
        assert!(twice.is_empty(), "rooms at two nodes: {twice:?}");
        // Where the store forgets a name while its node hangs, two nodes may have it, under two numbers.
        if self.kind == Kind::NodesDie {
            let (played, stays) = self.named.check();
            let (made, moves) = self.named.made();
            println!(
                "of {made} names {played} were played, {moves} moves begun, {stays} stays; none of two at once"
            );
        }
    }
}

fn history(seed: u64) {
    let Some(mut run) = Run::start(seed) else { return };
    run.live();
    let settled = run.settle();
    // Who was held last may not have heard of its successor yet.
    let agreed = run.agree();
    assert!(agreed < LONGEST, "they do not agree on a coordinator");
    run.check();
    println!(
        "seed {seed}, {:?}: {} tickets acknowledged, {} matches, {} rooms seen; 0 doubled, 0 lost, 0 rooms at two \
         nodes; settled after {} ms, \
         one coordinator after {} ms; {:?}",
        run.kind,
        run.history.acknowledged(),
        run.history.started(),
        run.rooms.len(),
        settled.as_millis(),
        agreed.as_millis(),
        run.faults
    );
    assert!(!run.is_short(), "too few to mean anything");
}

#[test]
fn a_history_in_which_nodes_die_is_one_that_may_be() {
    history(2);
}

#[test]
fn a_history_in_which_redis_forgets_is_one_that_may_be() {
    history(1);
}

#[test]
#[ignore = "takes minutes"]
fn five_histories_are_ones_that_may_be() {
    (1..=5).for_each(history);
}
