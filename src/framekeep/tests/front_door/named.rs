//! `Named`, rooms of one name that players of several nodes ask for at once, and who has played how much of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use framekeep_sim::Pcg32;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::nodes::Nodes;
use crate::udp::UdpBot;

/// How often a name is asked for, and how often a room is to go to another node.
const NAME_EVERY: Duration = Duration::from_millis(1_300);
const MOVE_EVERY: Duration = Duration::from_millis(900);

/// A time in which one node played a room: the first and the last tick that it was seen to have stepped.
#[derive(Debug)]
pub(crate) struct Stay {
    node: Pid,
    first: u64,
    last: u64,
}

/// Rooms that players of several nodes ask for at once.
pub(crate) struct Named {
    made: u64,
    moves: u64,
    bots: Vec<UdpBot>,
    asked_at: Instant,
    moved_at: Instant,
    /// The tick that a node said last of a room.
    said: BTreeMap<(String, Pid), u64>,
    stays: BTreeMap<String, Vec<Stay>>,
}

impl Named {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let (said, stays) = (BTreeMap::new(), BTreeMap::new());
        Self { made: 0, moves: 0, bots: Vec::new(), asked_at: now, moved_at: now, said, stays }
    }

    /// Lets two players of each of two nodes ask for a new name, and a room go to another node, if it is time.
    pub(crate) fn live(&mut self, nodes: &Nodes, rng: &mut Pcg32) {
        let mut some = |below: usize| rng.below(below as u32) as usize;
        let count = nodes.serving.len();
        if self.asked_at.elapsed() >= NAME_EVERY {
            self.asked_at = Instant::now();
            let name = format!("den-{}", self.made);
            self.made += 1;
            let first = some(count);
            for (nth, who) in ["ada", "bob", "cleo", "dora"].iter().enumerate() {
                let serving = &nodes.serving[(first + nth / 2) % count];
                self.bots.push(UdpBot::join_as(serving, &name, &format!("{who}-{name}"), ""));
            }
        }
        if self.moved_at.elapsed() >= MOVE_EVERY {
            self.moved_at = Instant::now();
            let from = &nodes.serving[some(count)];
            let to = nodes.serving[some(count)].name.clone();
            let rooms = from.rooms();
            let plays = |row: &&Value| row["phase"] == "playing" && is_named(row);
            if let Some(row) = rooms.iter().find(plays) {
                let path = format!("/admin/v1/rooms/{}/move", row["name"].as_str().expect("a name"));
                // A room that does not move stays where it is.
                let reply = from.operate("POST", &path, &json!({ "node": to }).to_string());
                self.moves += u64::from(reply.status < 300);
            }
        }
    }

    /// Notes how far a node has played its rooms.
    pub(crate) fn note(&mut self, node: Pid, rooms: &[Value]) {
        for row in rooms.iter().filter(|row| is_named(row)) {
            let (Some(name), Some(tick)) = (row["name"].as_str(), row["tick"].as_u64()) else { continue };
            let before = self.said.insert((name.to_owned(), node), tick);
            let stays = self.stays.entry(name.to_owned()).or_default();
            // A report that is as it was says nothing of now.
            if before.is_some_and(|before| tick <= before) {
                continue;
            }
            match stays.last_mut().filter(|stay| stay.node == node) {
                Some(stay) => stay.last = tick,
                None => stays.push(Stay { node, first: tick, last: tick }),
            }
        }
    }

    /// No tick of a room was played by two nodes. Gives rooms that were played, and stays at nodes.
    pub(crate) fn check(&self) -> (usize, usize) {
        for (name, stays) in &self.stays {
            let apart = stays.windows(2).all(|pair| pair[0].last <= pair[1].first);
            assert!(apart, "{name} was played by two nodes at once: {stays:?}");
        }
        (self.stays.len(), self.stays.values().map(Vec::len).sum())
    }

    /// Whether too little was played, or too few rooms have moved, to mean anything.
    pub(crate) fn is_short(&self) -> bool {
        let stays: usize = self.stays.values().map(Vec::len).sum();
        self.stays.len() < 5 || stays < self.stays.len() + 2
    }

    /// Names that were asked for, and moves that were begun.
    pub(crate) fn made(&self) -> (u64, u64) {
        (self.made, self.moves)
    }
}

fn is_named(row: &Value) -> bool {
    row["name"].as_str().is_some_and(|name| name.starts_with("den-"))
}
