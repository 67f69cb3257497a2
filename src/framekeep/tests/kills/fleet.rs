//! `Fleet`, several built servers as one cluster over a real Redis.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, Reply};
use crate::node::Node;
use crate::redis::RedisServer;

const ADMIN_TOKEN: &str = "canary-admin-token-0123456789";
/// How long anything may take.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// How long it is between two looks at what is waited for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The default arena, whose time is not up while a test runs.
pub(crate) const LONG: &str = "long";

/// What a fleet is started with besides.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// Nodes of one cluster, `eu0` and so on; those that are down are `None`.
pub(crate) struct Fleet {
    pub(crate) nodes: Vec<Option<Node>>,
    pub(crate) folder: TempDir,
    settings: Settings,
    /// Where the data folders of all are, if they share them.
    heirs: Option<TempDir>,
}

impl Fleet {
    /// Starts so many, and waits until each sees all.
    pub(crate) fn start(
        redis: &RedisServer,
        count: usize,
        durability: &'static str,
        further: Settings,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let content = folder.path().join("content").join("arena");
        std::fs::create_dir_all(&content).expect("a folder");
        let arena = include_str!("../../../../assets/arenas/courtyard.toml");
        let long = arena.replace("time_limit_s = 60", "time_limit_s = 3600");
        std::fs::write(content.join("long.toml"), long).expect("a file");
        let mut settings: Settings = vec![
            ("FRAMEKEEP__CLUSTER__REDIS_URL", redis.url()),
            ("FRAMEKEEP__CLUSTER__PEER", "127.0.0.1:0".to_owned()),
            ("FRAMEKEEP_CLUSTER_SECRET", "a secret of a whole fleet".to_owned()),
            ("FRAMEKEEP_ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
            ("FRAMEKEEP__HTTP__ADDRESS", "127.0.0.1:0".to_owned()),
            ("FRAMEKEEP__HTTP__REQUESTS_PER_S", "0".to_owned()),
            ("FRAMEKEEP__ADMIN__ADDRESS", "127.0.0.1:0".to_owned()),
            // The machine is everybody's.
            ("FRAMEKEEP__ROOMS__STEP_BUDGET_MS", "0".to_owned()),
            ("FRAMEKEEP__CONTENT__FOLDER", folder.path().join("content").display().to_string()),
            ("FRAMEKEEP__DATA__DURABILITY", durability.to_owned()),
        ];
        settings.extend(further);
        let mut fleet = Self { nodes: Vec::new(), folder, settings, heirs: None };
        fleet.grow(count);
        fleet
    }

    /// The same with data folders on a disk that all share.
    pub(crate) fn start_sharing(
        redis: &RedisServer,
        count: usize,
        durability: &'static str,
        further: Settings,
    ) -> Self {
        let heirs = tempfile::tempdir().expect("a folder");
        let mut settings = further;
        settings.push(("FRAMEKEEP__CLUSTER__HEIRS", heirs.path().display().to_string()));
        let mut fleet = Self::start(redis, 0, durability, settings);
        fleet.heirs = Some(heirs);
        fleet.grow(count);
        fleet
    }

    fn grow(&mut self, count: usize) {
        for nth in 0..count {
            let node = self.seed(nth).start();
            self.nodes.push(Some(node));
        }
        self.until("all nodes are one cluster", |fleet| (0..count).all(|nth| fleet.sees(nth) == count));
    }

    /// What starts a node, on another thread if that is wanted.
    pub(crate) fn seed(&self, nth: usize) -> Seed {
        let folder = self.folder.path().join(name(nth));
        std::fs::create_dir_all(&folder).expect("a folder");
        if let Some(heirs) = &self.heirs {
            let shared = heirs.path().join(name(nth));
            std::fs::create_dir_all(&shared).expect("a folder");
            // It is there already if the node was started before.
            let _ = std::os::unix::fs::symlink(shared, folder.join("data"));
        }
        Seed { folder, nth, settings: self.settings.clone() }
    }

    pub(crate) fn node(&self, nth: usize) -> &Node {
        self.nodes[nth].as_ref().expect("it is up")
    }

    /// Where a node is over UDP.
    pub(crate) fn udp(&self, nth: usize) -> SocketAddr {
        self.node(nth).address
    }

    /// Where the HTTP of every node is that is up.
    pub(crate) fn fronts(&self) -> Vec<SocketAddr> {
        self.nodes.iter().flatten().map(|node| node.at("http")).collect()
    }

    /// How many nodes a node sees.
    pub(crate) fn sees(&self, nth: usize) -> usize {
        sees(self.node(nth).at("http"))
    }

    /// Everything that a node has logged.
    pub(crate) fn said(&self, nth: usize) -> String {
        crate::node::said(&self.folder.path().join(name(nth)))
    }

    /// Kills a node without a word.
    pub(crate) fn kill(&mut self, nth: usize) {
        let folder = self.folder.path().join(name(nth));
        self.nodes[nth].take().expect("it is up").kill(&folder);
    }

    /// Ends a node in order.
    pub(crate) fn stop(&mut self, nth: usize) {
        self.nodes[nth].take().expect("it is up").stop();
    }

    /// Asks the operators' port of a node.
    pub(crate) fn operate(&self, nth: usize, method: &str, path: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {ADMIN_TOKEN}");
        http::ask(self.node(nth).at("admin"), method, path, &[("Authorization", &bearer)], body)
    }

    /// What the directory says of a room, asked of a node.
    pub(crate) fn claim(&self, nth: usize, room: &str) -> Value {
        let path = format!("/api/v1/cluster/rooms/{room}");
        let reply = http::ask(self.node(nth).at("http"), "GET", &path, &[], "");
        serde_json::from_str(&reply.body).unwrap_or_default()
    }

    /// The rooms on their way from or to a node, as it says.
    pub(crate) fn moves(&self, nth: usize) -> Vec<Value> {
        let reply = http::ask(self.node(nth).at("http"), "GET", "/api/v1/cluster", &[], "");
        let seen = serde_json::from_str::<Value>(&reply.body).unwrap_or_default();
        seen["moves"].as_array().cloned().unwrap_or_default()
    }

    /// The nodes at which each room is, of those that are up.
    pub(crate) fn rooms(&self) -> BTreeMap<String, Vec<usize>> {
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for nth in (0..self.nodes.len()).filter(|nth| self.nodes[*nth].is_some()) {
            let reply = http::ask(self.node(nth).at("http"), "GET", "/api/v1/rooms?limit=1000", &[], "");
            let rows = serde_json::from_str::<Value>(&reply.body).unwrap_or_default()["rooms"].clone();
            for row in rows.as_array().into_iter().flatten().filter(|row| row["phase"] != "closed") {
                let name = row["name"].as_str().expect("a name").to_owned();
                found.entry(name).or_default().push(nth);
            }
        }
        found
    }

    /// The nodes at which a room is.
    pub(crate) fn nodes_of(&self, room: &str) -> Vec<usize> {
        self.rooms().remove(room).unwrap_or_default()
    }

    /// Starts `framekeep drain --move` against a node.
    pub(crate) fn drain_to_others(&self, nth: usize, grace_s: u64) -> Child {
        let others: Vec<_> = (0..self.nodes.len()).filter(|other| *other != nth).map(name).collect();
        let (admin, grace) = (self.node(nth).at("admin").to_string(), grace_s.to_string());
        let mut command = Command::new(env!("CARGO_BIN_EXE_framekeep"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FRAMEKEEP") {
                command.env_remove(name);
            }
        }
        command.env("FRAMEKEEP_ADMIN_TOKEN", ADMIN_TOKEN);
        command.args(["drain", "--move", &others.join(","), "--admin", &admin, "--grace", &grace]);
        command.stdout(Stdio::null()).spawn().expect("the binary runs")
    }

    /// Looks again and again until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < LONGEST, "never: {what}\n{}", self.logs());
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// The end of what every node has logged.
    pub(crate) fn logs(&self) -> String {
        let of_node = |nth: usize| {
            let log = crate::node::said(&self.folder.path().join(name(nth)));
            let is_news = |line: &&str| !line.contains("\"status\"") && !line.contains("\"DEBUG\"");
            let lines: Vec<_> = log.lines().rev().filter(is_news).take(30).collect();
            format!("--- {}\n{}\n", name(nth), lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
        };
        (0..self.nodes.len()).map(of_node).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}

/// What a node knows of its cluster.
pub(crate) fn cluster(front: SocketAddr) -> Value {
    let reply = http::ask(front, "GET", "/api/v1/cluster", &[], "");
    serde_json::from_str::<Value>(&reply.body).unwrap_or_default()["together"].clone()
}

/// How many nodes a node sees.
pub(crate) fn sees(front: SocketAddr) -> usize {
    cluster(front)["nodes"].as_array().map_or(0, Vec::len)
}

/// A node's name.
pub(crate) fn name(nth: usize) -> String {
    format!("eu{nth}")
}

/// What a node is started from.
pub(crate) struct Seed {
    folder: std::path::PathBuf,
    nth: usize,
    settings: Settings,
}

impl Seed {
    /// Starts the node in its folder.
    pub(crate) fn start(self) -> Node {
        let name = name(self.nth);
        let mut settings: Vec<(&str, &str)> = vec![("FRAMEKEEP__NET__NAME", &name)];
        settings.extend(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        let any = "127.0.0.1:0".parse().expect("an address");
        Node::start_with(Path::new(&self.folder), "second", any, &settings)
    }
}
