//! Redis is several servers: a replica is promoted by a sentinel, without the last writes; slots of a Redis Cluster
//! move. Real processes on loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::away::{play, ticks, until_right, wrong};
use crate::nodes::{Nodes, TICKETS, ask, id, look, mixed, ticket, together, until_matched};
use crate::redis::{RedisServer, free_port, pause};
use crate::serving::{LONGEST, Serving};

/// How soon the directory has to be right after a replica was promoted.
const RIGHT_WITHIN: Duration = Duration::from_secs(10);

/// Who may ask the sentinel, and the password.
const LOGIN: [&str; 2] = ["watch", "watch-password"];

/// A server, a replica of it, and a sentinel that looks after both.
struct Watched {
    master: RedisServer,
    replica: RedisServer,
    sentinel: RedisServer,
}

impl Watched {
    fn start() -> Option<Self> {
        let master = RedisServer::start()?;
        // The replica has an account of its own, which can be taken from it.
        let account = ["ACL", "SETUSER", "copy", "on", ">copy-password", "~*", "&*", "+@all"];
        assert_eq!(master.ask(&account), "OK");
        let of = format!("127.0.0.1 {}", master.port);
        let replica = ["--replicaof", &of, "--masteruser", "copy", "--masterauth", "copy-password"];
        let replica =
            RedisServer::start_with(&[&replica[..], &["--repl-diskless-sync-delay", "0"]].concat())?;
        replica.until(&["ROLE"], |role| role[3] == "connected");
        let text = format!(
            "sentinel monitor games {of} 1\nsentinel down-after-milliseconds games 1000\n\
             sentinel failover-timeout games 5000\n"
        );
        let sentinel = RedisServer::start_sentinel(&text)?;
        sentinel.until(&["SENTINEL", "REPLICAS", "games"], |told| {
            told.as_array().is_some_and(|replicas| {
                let words = replicas.iter().flat_map(|one| one.as_array().cloned().unwrap_or_default());
                words
                    .collect::<Vec<_>>()
                    .windows(2)
                    .any(|pair| pair[0] == "master-link-status" && pair[1] == "ok")
            })
        });
        // From now on it tells nobody anything without a login.
        let [user, password] = [LOGIN[0], &format!(">{}", LOGIN[1])];
        let account = ["ACL", "SETUSER", user, "on", password, "+@all"];
        assert_eq!(sentinel.ask(&account), "OK");
        assert_eq!(sentinel.ask(&["ACL", "SETUSER", "default", "off"]), "OK");
        Some(Self { master, replica, sentinel })
    }

    fn url(&self) -> String {
        let [user, password] = LOGIN;
        let login = format!("sentinel_user={user}&sentinel_password={password}");
        format!("redis+sentinel://127.0.0.1:{}/games?{login}", self.sentinel.port)
    }

    /// From now on the replica gets no writes.
    fn cut_off(&self) {
        assert_eq!(self.master.ask(&["ACL", "SETUSER", "copy", "off"]), "OK");
        self.master.ask(&["CLIENT", "KILL", "TYPE", "replica"]);
        self.replica.until(&["ROLE"], |role| role[3] != "connected");
    }

    /// Kills the master; returns how long after the sentinel said that the replica is one, which is nobody's to know
    /// before.
    fn fail_over(&mut self) -> Duration {
        self.master.kill();
        let killed = Instant::now();
        self.replica.until(&["ROLE"], |role| role[0] == "master");
        let port = self.replica.port.to_string();
        let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "games"];
        while !self.sentinel.try_ask_as(LOGIN, &question).is_ok_and(|told| told[1] == *port) {
            assert!(killed.elapsed() < LONGEST, "the sentinel does not name the replica");
            pause();
        }
        killed.elapsed()
    }
}

/// Every room that is open, with the nodes that have it.
fn open_rooms(nodes: &Nodes) -> BTreeMap<String, usize> {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for row in nodes.serving.iter().flat_map(Serving::rooms).filter(|row| row["phase"] != "closed") {
        *all.entry(row["name"].as_str().expect("a name").to_owned()).or_default() += 1;
    }
    all
}

fn open(serving: &Serving, name: &str) {
    let body = json!({ "name": name, "game": "arena", "seats": 2 });
    serving.until("a room is opened", |serving| {
        pause();
        ask(serving, "POST", "/api/v1/rooms", &body).status == 201
    });
}

/// Where tickets are, as far as they have their match: their room.
fn rooms_of(nodes: &mut Nodes, tickets: &[Value]) -> BTreeMap<String, String> {
    let mut rooms = BTreeMap::new();
    for ticket in tickets {
        let path = format!("{TICKETS}/{}", id(ticket));
        let status = nodes.ask("GET", &path, &Value::Null).json();
        if let Some(room) = status["room"].as_str() {
            rooms.insert(id(ticket), room.to_owned());
        }
    }
    rooms
}

#[test]
fn a_replica_that_was_promoted_without_the_last_writes_is_told_what_it_lacks() {
    let Some(mut redis) = Watched::start() else { return };
    let mut nodes = Nodes::start_at(&redis.url(), 3, &[]);
    let bots = play(&nodes);
    nodes.serving[0].until("all rooms are in the directory", |_| {
        pause();
        ticks(&nodes).len() == 6 && wrong(&[&redis.master], &nodes).is_none()
    });
    redis.cut_off();
    // All of this is lost: rooms, matches, tickets that wait.
    nodes.serving.iter().enumerate().for_each(|(nth, serving)| open(serving, &format!("late-{nth}")));
    let tickets = mixed(60);
    tickets.iter().for_each(|ticket| nodes.submit(ticket));
    let matched: Vec<_> = (0..20).map(|nth| ticket(10_001 + nth * 8, 1, "duel")).collect();
    matched.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, matched.clone(), 0, LONGEST);
    until_right(&[&redis.master], &nodes);
    let before = rooms_of(&mut nodes, &matched);
    let directory = redis.master.directory();
    let lost = directory.len() - redis.replica.directory().len();
    let promoted = redis.fail_over();
    let begun = Instant::now();
    until_right(&[&redis.replica], &nodes);
    let right = begun.elapsed();
    for (name, (node, epoch, _)) in
        redis.replica.directory().iter().filter(|(name, _)| *name != "coordinator")
    {
        if let Some((holder, old, _)) = directory.get(name) {
            assert!(
                node == holder && epoch >= old,
                "{name} was {holder}'s under {old}, is {node}'s under {epoch}"
            );
        }
    }
    let coordinator = |directory: &crate::redis::Directory| directory["coordinator"].1;
    assert!(coordinator(&redis.replica.directory()) >= coordinator(&directory));
    assert!(open_rooms(&nodes).values().all(|count| *count == 1), "{:?}", open_rooms(&nodes));
    assert_eq!(rooms_of(&mut nodes, &matched), before, "who had a match has it still");
    let mut seen = until_matched(&mut nodes, [tickets, matched].concat(), 5, LONGEST);
    assert!(bots.into_iter().all(|bot| bot.leave() > 0));
    println!(
        "a replica named {} ms after the kill, without {lost} of {} names: directory right after {} ms; {} rooms, \
         {} players, nobody twice, waited p99 {} ms",
        promoted.as_millis(),
        directory.len(),
        right.as_millis(),
        seen.rooms.len(),
        seen.players.len(),
        seen.wait_p99()
    );
    assert!(lost >= 3 && right <= RIGHT_WITHIN, "{lost} names lost, {right:?}");
}

/// The coordinator has taken tickets in and is killed with the server, which its replica follows without the last
/// writes, as far as `is_cut_off` says.
fn lose_both(more: &[(&str, &str)], is_cut_off: bool) {
    let Some(mut redis) = Watched::start() else { return };
    let mut nodes = Nodes::start_at(&redis.url(), 3, more);
    let own = together(&nodes.serving[0])["coordinator"].clone();
    let is_it = |serving: &Serving| together(serving)["node"] == own;
    let nth = nodes.serving.iter().position(is_it).expect("it is one of them");
    if is_cut_off {
        redis.cut_off();
    }
    let send = |ticket: &Value| {
        let serving = &nodes.serving[nth];
        serving.until("it is taken in", |serving| ask(serving, "POST", TICKETS, ticket).status == 201);
    };
    let matched: Vec<_> = (0..20).map(|nth| ticket(10_001 + nth * 8, 1, "duel")).collect();
    let tickets = mixed(40);
    matched.iter().chain(&tickets).for_each(send);
    until_matched(&mut nodes, matched.clone(), 0, LONGEST);
    let own_http = nodes.serving[nth].http;
    let is_own = |ticket: &Value| nodes.node_of(&look(&nodes.serving[nth], ticket)).http == own_http;
    let (gone, there): (Vec<_>, Vec<_>) = matched.into_iter().partition(is_own);
    let before = rooms_of(&mut nodes, &there);
    // Of what was said within a fifth of a second nobody else need know, unless the replica has to: the others look
    // ten times a second where they have the time.
    let known = Instant::now();
    nodes.serving[0].until("the others have looked", |_| {
        pause();
        !is_cut_off || known.elapsed() > Duration::from_secs(2)
    });
    let late = ticket(20_001, 1, "crew");
    if !is_cut_off {
        assert_eq!(ask(&nodes.serving[nth], "POST", TICKETS, &late).status, 201);
    }
    nodes.kill(nth);
    let promoted = redis.fail_over();
    nodes.serving[0].until("they are together", |serving| {
        pause();
        let seen = together(serving);
        seen["redis_away_ms"] == 0 && seen["nodes"].as_array().is_some_and(|nodes| nodes.len() == 2)
    });
    let mut left = tickets;
    left.extend((!is_cut_off).then(|| [late, ticket(20_009, 1, "crew")]).into_iter().flatten());
    // One that has to know of what is promised from now on.
    let of = format!("127.0.0.1 {}", redis.replica.port);
    let next = RedisServer::start_with(&["--replicaof", &of, "--repl-diskless-sync-delay", "0"]);
    let next = next.expect("there is a server");
    next.until(&["ROLE"], |role| role[3] == "connected");
    if !is_cut_off {
        nodes.submit(&left[left.len() - 1]);
    }
    let mut seen = until_matched(&mut nodes, [left, there.clone()].concat(), 5, LONGEST);
    let after = rooms_of(&mut nodes, &there);
    let logs: Vec<_> = nodes.serving.iter().map(Serving::log).collect();
    assert_eq!(after, before, "who had a match has it still: {}", logs.join("\n"));
    // Rooms of the node are gone with it, and their players are in no other.
    for ticket in &gone {
        nodes.serving[0].until("its room is lost", |serving| look(serving, ticket)["state"] == "lost");
    }
    println!(
        "a node killed with Redis, a replica promoted after {} ms: {} rooms, {} players, waited p99 {} ms",
        promoted.as_millis(),
        seen.rooms.len(),
        seen.players.len(),
        seen.wait_p99()
    );
}

#[test]
fn a_node_that_is_killed_with_the_last_writes_takes_no_ticket_that_others_have_seen() {
    lose_both(&[], true);
}

#[test]
fn a_ticket_that_a_replica_has_to_know_of_outlives_its_node_and_the_server() {
    lose_both(&[("FRAMEKEEP__CLUSTER__COPIES", "1")], false);
}

#[test]
fn a_ticket_is_not_acknowledged_while_the_replica_that_has_to_know_of_it_is_stopped() {
    let Some(redis) = Watched::start() else { return };
    let nodes = Nodes::start_at(&redis.url(), 1, &[("FRAMEKEEP__CLUSTER__COPIES", "1")]);
    let (serving, ticket) = (&nodes.serving[0], ticket(1, 1, "duel"));
    redis.replica.signal(Signal::SIGSTOP);
    let reply = ask(serving, "POST", TICKETS, &ticket);
    redis.replica.signal(Signal::SIGCONT);
    assert_eq!((reply.status, reply.problem().as_str()), (503, "store_away"), "{}", reply.body);
    serving.until("it is taken in", |serving| ask(serving, "POST", TICKETS, &ticket).status == 201);
}

/// A server of a Redis Cluster, whose nodes reach it at that port.
fn cluster_server(bus: &str, timeout_ms: &str) -> Option<RedisServer> {
    let args = ["--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", timeout_ms];
    RedisServer::start_with(&[&args[..], &["--repl-diskless-sync-delay", "0"]].concat())
}

/// The server of three that has the queue, and its slot.
fn queue_at(servers: &[RedisServer]) -> (usize, String) {
    let slot = servers[0].ask(&["CLUSTER", "KEYSLOT", "framekeep:{framekeep.queue}:meta"]).to_string();
    let number: u64 = slot.parse().expect("a slot");
    ((number / 5_461).min(2) as usize, slot)
}

/// Three servers that share the slots.
fn cluster(timeout_ms: &str) -> Option<Vec<RedisServer>> {
    let bus: Vec<_> = (0..3).map(|_| free_port().to_string()).collect();
    let servers: Vec<_> = bus.iter().map_while(|bus| cluster_server(bus, timeout_ms)).collect();
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for (server, (from, to)) in servers.iter().zip(slots) {
        assert_eq!(server.ask(&["CLUSTER", "ADDSLOTSRANGE", from, to]), "OK");
    }
    for (server, bus) in servers.iter().zip(&bus).skip(1) {
        servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &server.port.to_string(), bus]);
    }
    for server in &servers {
        server.until(&["CLUSTER", "INFO"], |told| {
            let text = told.as_str().unwrap_or_default();
            text.contains("cluster_state:ok") && text.contains("cluster_known_nodes:3")
        });
    }
    (servers.len() == 3).then_some(servers)
}

/// Moves the slot of the queue to another server, key by key.
fn move_queue(servers: &[RedisServer]) -> usize {
    let (from, slot) = queue_at(servers);
    let to = (from + 1) % 3;
    let name = |nth: usize| servers[nth].ask(&["CLUSTER", "MYID"]).as_str().expect("a name").to_owned();
    servers[to].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &name(from)]);
    servers[from].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &name(to)]);
    let (mut moved, port) = (0, servers[to].port.to_string());
    loop {
        let keys = servers[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"]);
        let Some(key) = keys[0].as_str() else { break };
        let told = servers[from].ask(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        assert!(told == "OK" || told == "NOKEY", "{told}");
        moved += 1;
    }
    // Whoever asks where the queue was is sent on, request by request, until everybody is told where it is.
    servers[from]
        .until(&["INFO", "errorstats"], |told| told.as_str().unwrap_or_default().contains("errorstat_ASK:"));
    for nth in [to, from, (to + 1) % 3] {
        servers[nth].ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &name(to)]);
    }
    moved
}

/// How often the servers have said that something is elsewhere, by kind.
fn redirections(servers: &[RedisServer]) -> BTreeSet<String> {
    let info =
        |server: &RedisServer| server.ask(&["INFO", "errorstats"]).as_str().unwrap_or_default().to_owned();
    let all: String = servers.iter().map(info).collect();
    let of = |line: &str| {
        ["MOVED", "ASK", "TRYAGAIN"].iter().any(|kind| line.starts_with(&format!("errorstat_{kind}:")))
    };
    all.lines().filter(|line| of(line)).map(str::to_owned).collect()
}

#[test]
fn slots_of_a_redis_cluster_move_while_tickets_come_in() {
    let Some(servers) = cluster("5000") else { return };
    let all: Vec<_> = servers.iter().collect();
    let url = format!("{},{}", servers[0].url(), servers[1].url());
    let mut nodes = Nodes::start_at(&url, 3, &[]);
    nodes.serving.iter().enumerate().for_each(|(nth, serving)| open(serving, &format!("room-{nth}")));
    nodes.serving[0].until("all rooms are in the directory", |_| {
        pause();
        open_rooms(&nodes).len() == 3 && wrong(&all, &nodes).is_none()
    });
    let tickets = mixed(90);
    tickets[..45].iter().for_each(|ticket| nodes.submit(ticket));
    let (begun, moved) = (Instant::now(), move_queue(&servers));
    let took = begun.elapsed();
    tickets[45..].iter().for_each(|ticket| nodes.submit(ticket));
    let mut seen = until_matched(&mut nodes, tickets, 5, LONGEST);
    until_right(&all, &nodes);
    assert!(open_rooms(&nodes).values().all(|count| *count == 1));
    let seats: BTreeSet<_> = servers.iter().map(|server| server.directory().len()).collect();
    let told = redirections(&servers);
    println!(
        "the queue of {moved} keys moved in {} ms: {} rooms, {} players, waited p99 {} ms; {seats:?} names at three \
         servers; {told:?}",
        took.as_millis(),
        seen.rooms.len(),
        seen.players.len(),
        seen.wait_p99()
    );
    let was_told = |kind: &str| told.iter().any(|line| line.contains(kind));
    assert!(was_told("_MOVED:") && was_told("_ASK:"), "{told:?}");
}

/// A replica of one server of a cluster.
fn replica_of(servers: &[RedisServer], of: usize) -> RedisServer {
    let bus = free_port().to_string();
    let replica = cluster_server(&bus, "2000").expect("the others are there");
    servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &replica.port.to_string(), &bus]);
    for server in servers.iter().chain([&replica]) {
        server.until(&["CLUSTER", "INFO"], |told| {
            told.as_str().unwrap_or_default().contains("cluster_known_nodes:4")
        });
    }
    let name = servers[of].ask(&["CLUSTER", "MYID"]).as_str().expect("a name").to_owned();
    replica.until(&["CLUSTER", "REPLICATE", &name], |told| told == "OK");
    replica.until(&["ROLE"], |role| role[3] == "connected");
    replica
}

#[test]
fn a_replica_takes_the_place_of_a_server_of_a_redis_cluster_that_was_killed() {
    let Some(mut servers) = cluster("2000") else { return };
    let (victim, _) = queue_at(&servers);
    let replica = replica_of(&servers, victim);
    let url = servers.iter().map(RedisServer::url).collect::<Vec<_>>().join(",");
    let mut nodes = Nodes::start_at(&url, 3, &[]);
    for nth in 0..12 {
        open(&nodes.serving[nth % 3], &format!("room-{nth}"));
    }
    {
        let all: Vec<_> = servers.iter().collect();
        nodes.serving[0].until("all rooms are in the directory", |_| {
            pause();
            open_rooms(&nodes).len() == 12 && wrong(&all, &nodes).is_none()
        });
    }
    let matched: Vec<_> = (0..20).map(|nth| ticket(10_001 + nth * 8, 1, "duel")).collect();
    matched.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, matched.clone(), 0, LONGEST);
    let before = rooms_of(&mut nodes, &matched);
    let tickets = mixed(90);
    tickets[..45].iter().for_each(|ticket| nodes.submit(ticket));
    servers.remove(victim).kill();
    let killed = Instant::now();
    replica.until(&["ROLE"], |role| role[0] == "master");
    let promoted = killed.elapsed();
    servers.push(replica);
    let all: Vec<_> = servers.iter().collect();
    until_right(&all, &nodes);
    let right = killed.elapsed();
    tickets[45..].iter().for_each(|ticket| nodes.submit(ticket));
    assert_eq!(rooms_of(&mut nodes, &matched), before, "who had a match has it still");
    let mut seen = until_matched(&mut nodes, [tickets, matched].concat(), 5, LONGEST);
    assert!(open_rooms(&nodes).values().all(|count| *count == 1), "{:?}", open_rooms(&nodes));
    println!(
        "promoted {} ms after the kill, directory right after {} ms; {} rooms, {} players, nobody twice, waited \
         p99 {} ms",
        promoted.as_millis(),
        right.as_millis(),
        seen.rooms.len(),
        seen.players.len(),
        seen.wait_p99()
    );
    assert!(right - promoted <= RIGHT_WITHIN, "{right:?}");
}
