//! `Store`, which does in Redis what `Table` and `Board` say.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::{Cmd, Script, Value};

use super::Address;
use super::asker::Asker;
use super::link::{Copies, Link, LinkError};
use super::registry::Registry;
use crate::board::{Ask, Told};
use crate::{COORDINATOR, Epoch, Lapsed, Lease, NodeId, NodeView, Reply, Request, Timing};

/// Parts of the directory: each is one slot of a Redis Cluster.
const PARTS: u64 = 16;

/// Requests of one script: longer ones would keep others waiting.
const BATCH: usize = 64;

/// Redis does not do what it is asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be connected to: nothing was done.
    #[error("Redis cannot be connected to: {0}")]
    Unconnected(String),
    /// It does not answer: whether it was done is not known.
    #[error("Redis does not answer: {0}")]
    Unreachable(String),
    /// It answers something else.
    #[error("Redis answers what this program does not understand: {0}")]
    Nonsense(String),
}

impl From<LinkError> for StoreError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Unconnected(why) => Self::Unconnected(why.to_string()),
            LinkError::Unanswered(why) => Self::Unreachable(why.to_string()),
        }
    }
}

/// How far the directory is looked through and tidied.
#[derive(Debug, Default)]
pub(crate) struct NameSweep {
    part: u64,
    /// From where on within the part.
    from: u64,
    /// Names that are held, so far.
    held: u64,
}

/// The shared store. Every request is one atomic step, a script that touches one slot.
pub struct Store {
    link: Arc<Link>,
    name: String,
    timing: Timing,
    leases: Code,
    nodes: Code,
    asker: Arc<Asker>,
    registry: tokio::sync::Mutex<Registry>,
}

/// A script and the name by which Redis knows it.
pub(super) struct Code {
    text: &'static str,
    hash: String,
}

impl Code {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }
}

impl Store {
    /// The store of the cluster of that name; nothing is connected to yet.
    #[must_use]
    pub fn new(address: Address, name: &str, timing: Timing) -> Self {
        Self::with_copies(address, name, timing, Copies::default())
    }

    /// One that acknowledges tickets and started matches when those replicas have them.
    #[must_use]
    pub fn with_copies(address: Address, name: &str, timing: Timing, copies: Copies) -> Self {
        let link = Arc::new(Link::new(address.clone()));
        // Replicas are waited for on a connection of its own: the names' must not wait with it.
        let own = if copies.waits() { Arc::new(Link::new(address)) } else { link.clone() };
        Self {
            asker: Asker::new(own, timing.lease_ms, key(name, "queue", ""), copies),
            link,
            name: name.to_owned(),
            timing,
            leases: Code::new(concat!(include_str!("clock.lua"), include_str!("lease.lua"))),
            nodes: Code::new(concat!(include_str!("clock.lua"), include_str!("nodes.lua"))),
            registry: tokio::sync::Mutex::default(),
        }
    }

    fn key(&self, part: &str, name: &str) -> String {
        key(&self.name, part, name)
    }

    /// Does all that is asked, those of one part together. Each has an answer, or none of its part has.
    pub async fn execute(&self, requests: &[Request]) -> Vec<Result<Reply, StoreError>> {
        let mut answers: Vec<Option<Result<Reply, StoreError>>> = vec![None; requests.len()];
        let mut batches: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (nth, request) in requests.iter().enumerate() {
            match (request, name_of(request)) {
                (_, Some(name)) => batches.entry(part_of(name)).or_default().push(nth),
                (Request::Held(node), _) => answers[nth] = Some(self.held(*node).await),
                (Request::Report(view), _) => answers[nth] = Some(self.report(view).await),
                _ => answers[nth] = Some(self.read_nodes().await),
            }
        }
        for (part, members) in batches {
            for batch in members.chunks(BATCH) {
                let asked: Vec<_> = batch.iter().map(|nth| &requests[*nth]).collect();
                match self.names(&part, &asked).await {
                    Ok(told) => {
                        batch.iter().zip(told).for_each(|(nth, reply)| answers[*nth] = Some(Ok(reply)))
                    }
                    Err(error) => batch.iter().for_each(|nth| answers[*nth] = Some(Err(error.clone()))),
                }
            }
        }
        let missing = || Err(StoreError::Nonsense("fewer answers than questions".to_owned()));
        answers.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect()
    }

    /// Does one thing.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn one(&self, request: Request) -> Result<Reply, StoreError> {
        let missing = || Err(StoreError::Nonsense("no answer".to_owned()));
        self.execute(&[request]).await.pop().unwrap_or_else(missing)
    }

    /// How many names are held, which is looked through and tidied: what was given up is forgotten, and rooms' names
    /// that nobody has said for longer than `unsaid_ms`, unless that is 0.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn sweep_names(&self, unsaid_ms: u64) -> Result<u64, StoreError> {
        let mut sweep = NameSweep::default();
        loop {
            if let Some(held) = self.sweep_some(&mut sweep, unsaid_ms).await? {
                return Ok(held);
            }
        }
    }

    /// The same a few hundred names at a time, so that nobody waits for it: how many are held, once it was all.
    pub(crate) async fn sweep_some(
        &self,
        sweep: &mut NameSweep,
        unsaid_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        let words =
            ["sweep", &sweep.from.to_string(), "", "0", "", &unsaid_ms.to_string()].map(str::to_owned);
        let told = self.lease_script(&sweep.part.to_string(), 1, words.into()).await?;
        let number = |nth: usize| told.first()?.get(nth)?.parse::<u64>().ok();
        let (Some(held), Some(from)) = (number(1), number(2)) else {
            return Err(StoreError::Nonsense(format!("{told:?}")));
        };
        (sweep.held, sweep.from) = (sweep.held + held, from);
        sweep.part += u64::from(from == 0);
        Ok((sweep.part == PARTS).then(|| std::mem::take(sweep).held))
    }

    /// Lets every part of the directory note since when its server serves: until a lease after that, nothing of it is
    /// given away.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn touch(&self) -> Result<(), StoreError> {
        for part in 0..PARTS {
            let words = ["touch", "", "", "0", "", "0"].map(str::to_owned);
            self.lease_script(&part.to_string(), 1, words.into()).await?;
        }
        Ok(())
    }

    /// A node is not there any more.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.node_script("leave", &node.to_string(), ["", "", "0", ""]).await.map(drop)
    }

    /// Asks for tickets and matches.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn ask(&self, ask: &Ask) -> Result<Told, StoreError> {
        self.asker.ask(ask.clone()).await
    }

    /// Notes something for all nodes to read, for as long.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn publish(&self, what: &str, text: &str, for_ms: u64) -> Result<(), StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(self.key("queue", &format!("note:{what}"))).arg(text).arg("PX").arg(for_ms);
        self.link.send(&command).await?;
        Ok(())
    }

    /// What was noted.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn published(&self, what: &str) -> Result<Option<String>, StoreError> {
        let mut command = redis::cmd("GET");
        command.arg(self.key("queue", &format!("note:{what}")));
        Ok(text(&self.link.send(&command).await?))
    }

    /// For how long Redis has worked, in microseconds.
    #[cfg(test)]
    pub(crate) async fn worked_us(&self) -> f64 {
        let Ok(answer) = self.link.send(redis::cmd("INFO").arg("cpu")).await else { return 0.0 };
        let text = text(&answer).unwrap_or_default();
        let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
        (of("used_cpu_user:").unwrap_or(0.0) + of("used_cpu_sys:").unwrap_or(0.0)) * 1e6
    }

    /// Lets everything of a sorted set be over long ago.
    #[cfg(test)]
    pub(crate) async fn age_all(&self, set: &str) {
        let key = self.key("queue", set);
        let mut command = redis::cmd("ZUNIONSTORE");
        command.arg(&key).arg(1).arg(&key).arg("WEIGHTS").arg(0);
        assert!(self.link.send(&command).await.is_ok());
    }

    /// Sets times that the scripts of a part keep forward, as they are where the server's clock was put back by so
    /// much.
    #[cfg(test)]
    pub(crate) async fn put_clock_back(&self, part: &str, by_ms: u64) {
        let text = "local by = tonumber(ARGV[1])
            for _, name in ipairs({ 'high', 'since' }) do
              local at = redis.call('HGET', KEYS[1], name)
              if at then redis.call('HSET', KEYS[1], name, string.format('%.0f', tonumber(at) + by)) end
            end
            for _, one in ipairs(redis.call('HKEYS', KEYS[2])) do
              local a, upto, b = string.match(redis.call('HGET', KEYS[2], one), '^(%x+ %d+ )(%d+)(.*)$')
              if upto ~= '0' then
                redis.call('HSET', KEYS[2], one, a .. string.format('%.0f', tonumber(upto) + by) .. b)
              end
            end
            for _, one in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do redis.call('ZINCRBY', KEYS[3], by, one) end";
        let keys = ["meta", "leases", "seen"].map(|name| self.key(part, name));
        let mut command = redis::cmd("EVAL");
        command.arg(text).arg(keys.len()).arg(&keys).arg(by_ms);
        assert!(self.link.send(&command).await.is_ok());
    }

    /// Forgets the latest time that was told, as a server of an older version knows none.
    #[cfg(test)]
    pub(crate) async fn forget_latest_time(&self, part: &str) {
        let mut command = redis::cmd("HDEL");
        command.arg(self.key(part, "meta")).arg("high").arg("ahead");
        assert!(self.link.send(&command).await.is_ok());
    }

    /// Fills a part of the directory with so many rooms of seven nodes.
    #[cfg(test)]
    pub(crate) async fn fill_part(&self, part: &str, names: u64) {
        let text = "for nth = tonumber(ARGV[1]), tonumber(ARGV[2]) do
              redis.call('HSET', KEYS[1], 'room/den-' .. nth, string.format('%016x 7 9 1', nth % 7))
            end";
        for first in (1..=names).step_by(1_000) {
            let mut command = redis::cmd("EVAL");
            command.arg(text).arg(1).arg(self.key(part, "leases")).arg(first).arg(names.min(first + 999));
            assert!(self.link.send(&command).await.is_ok());
        }
    }

    /// Lets every part of the directory serve since long ago.
    #[cfg(test)]
    pub(crate) async fn begin_long_ago(&self) {
        for part in 0..PARTS {
            let mut command = redis::cmd("HSET");
            command.arg(self.key(&part.to_string(), "meta")).arg("since").arg(1);
            assert!(self.link.send(&command).await.is_ok());
        }
    }

    async fn names(&self, part: &str, requests: &[&Request]) -> Result<Vec<Reply>, StoreError> {
        let words = requests.iter().flat_map(|request| words(request)).collect();
        let told = self.lease_script(part, requests.len(), words).await?;
        told.iter().map(|words| reply(words)).collect()
    }

    /// The words of each answer.
    async fn lease_script(
        &self,
        part: &str,
        count: usize,
        words: Vec<String>,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        let keys = [self.key(part, "leases"), self.key(part, "meta")];
        let keeps = u8::from(self.timing.lapsed == Lapsed::Kept);
        let mut args = vec![self.timing.lease_ms.to_string(), keeps.to_string(), count.to_string()];
        args.extend(words);
        let answer = run(&self.link, &self.leases, &keys, &args).await?;
        let Value::Array(answers) = &answer else { return Err(StoreError::Nonsense(format!("{answer:?}"))) };
        Ok(answers.iter().map(flat).collect())
    }

    async fn held(&self, node: NodeId) -> Result<Reply, StoreError> {
        // A name may be seen twice while others come and go.
        let mut held = BTreeMap::new();
        for part in 0..PARTS {
            let mut from = "0".to_owned();
            loop {
                let words = ["held", &from, &node.to_string(), "0", "", "0"].map(str::to_owned).to_vec();
                let told = self.lease_script(&part.to_string(), 1, words).await?;
                let [_, after, names @ ..] = told.first().map(Vec::as_slice).unwrap_or_default() else {
                    return Err(StoreError::Nonsense(format!("{told:?}")));
                };
                held.extend(names.chunks_exact(5).filter_map(named_lease));
                if after == "0" {
                    break;
                }
                from.clone_from(after);
            }
        }
        Ok(Reply::Held(held.into_iter().collect()))
    }

    async fn report(&self, view: &NodeView) -> Result<Reply, StoreError> {
        let json = |error: serde_json::Error| StoreError::Nonsense(error.to_string());
        let mut registry = self.registry.lock().await;
        loop {
            let (card, load) = registry.news(view);
            let has_all = card.is_some() && load.is_some();
            let card = card.map(serde_json::to_string).transpose().map_err(json)?.unwrap_or_default();
            let load = load.map(serde_json::to_string).transpose().map_err(json)?.unwrap_or_default();
            let answer = self.node_script("report", &view.node.to_string(), [&card, &load, "0", ""]).await?;
            if answer.first().is_some_and(|word| word == "unknown") && !has_all {
                registry.forget(view.node);
                continue;
            }
            registry.note(view, !load.is_empty());
            return reply(&answer);
        }
    }

    async fn read_nodes(&self) -> Result<Reply, StoreError> {
        let mut registry = self.registry.lock().await;
        let (after, since) = (registry.after.to_string(), registry.since.clone());
        let answer = self.node_script("nodes", "", ["", "", &after, &since]).await?;
        let views = registry.read(&answer).ok_or_else(|| StoreError::Nonsense(answer.join(" ")))?;
        Ok(Reply::Nodes(views))
    }

    /// Until when a node's last report is good by the store's time; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError`] if Redis does not answer.
    pub async fn reported_until(&self, node: NodeId) -> Result<Option<u64>, StoreError> {
        let answer = self.node_script("until", &node.to_string(), ["", "", "0", ""]).await?;
        Ok(answer.get(1).and_then(|until| until.parse::<f64>().ok()).map(|until| until as u64))
    }

    async fn node_script(&self, what: &str, node: &str, more: [&str; 4]) -> Result<Vec<String>, StoreError> {
        let keys = ["cards", "loads", "seen", "changed_nodes", "carded", "meta"];
        let keys = keys.map(|name| self.key("queue", name));
        let mut args = vec![self.timing.lease_ms.to_string(), what.to_owned(), node.to_owned()];
        args.extend(more.map(str::to_owned));
        Ok(flat(&run(&self.link, &self.nodes, &keys, &args).await?))
    }
}

/// The key of that name in a part of a cluster. What stands in braces decides the slot.
fn key(cluster: &str, part: &str, name: &str) -> String {
    format!("framekeep:{{{cluster}.{part}}}:{name}")
}

/// Runs a script, which Redis is told once.
pub(super) async fn run(
    link: &Link,
    script: &Code,
    keys: &[String],
    args: &[String],
) -> Result<Value, StoreError> {
    run_copied(link, script, keys, args, Copies::default()).await
}

/// The same, until those replicas have heard of what it has written.
pub(super) async fn run_copied(
    link: &Link,
    script: &Code,
    keys: &[String],
    args: &[String],
    copies: Copies,
) -> Result<Value, StoreError> {
    let command = |word: &str, script: &str| {
        let mut command: Cmd = redis::cmd(word);
        command.arg(script).arg(keys.len()).arg(keys).arg(args);
        command
    };
    let send = async |command: Cmd| match copies.waits() {
        false => link.send(&command).await,
        true => link.send_copied(&command, copies).await,
    };
    match send(command("EVALSHA", &script.hash)).await {
        Err(error) if error.wants_script() => Ok(send(command("EVAL", script.text)).await?),
        answer => Ok(answer?),
    }
}

/// The part of the directory that a name is in. The coordinator's is where the tickets are.
fn part_of(name: &str) -> String {
    if name == COORDINATOR {
        return "queue".to_owned();
    }
    // FNV-1a: the same for all versions and machines.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % PARTS).to_string()
}

fn name_of(request: &Request) -> Option<&str> {
    match request {
        Request::Take { name, .. }
        | Request::Challenge { name, .. }
        | Request::Pass { name, .. }
        | Request::Renew { name, .. }
        | Request::Release { name, .. }
        | Request::Holder(name) => Some(name),
        Request::Report(_) | Request::Nodes | Request::Held(_) => None,
    }
}

/// The six words of a request.
fn words(request: &Request) -> [String; 6] {
    let none = String::new;
    let words = |what: &str, name: &str, node: String, epoch: u64, other: String, rank: u64| {
        [what.to_owned(), name.to_owned(), node, epoch.to_string(), other, rank.to_string()]
    };
    match request {
        Request::Take { name, node, over, rank } => {
            let over = over.map_or_else(none, |over| over.to_string());
            words("take", name, node.to_string(), 0, over, *rank)
        }
        Request::Challenge { name, node, rank } => {
            words("challenge", name, node.to_string(), 0, none(), *rank)
        }
        Request::Renew { name, node, epoch, rank } => {
            words("renew", name, node.to_string(), epoch.0, none(), *rank)
        }
        Request::Release { name, node, epoch } => {
            words("release", name, node.to_string(), epoch.0, none(), 0)
        }
        Request::Pass { name, node, epoch, to } => {
            words("pass", name, node.to_string(), epoch.0, to.to_string(), 0)
        }
        Request::Holder(name) => words("holder", name, none(), 0, none(), 0),
        Request::Report(_) | Request::Nodes | Request::Held(_) => words("", "", none(), 0, none(), 0),
    }
}

fn reply(words: &[String]) -> Result<Reply, StoreError> {
    let nonsense = || StoreError::Nonsense(words.join(" "));
    let number = |nth: usize| words.get(nth).and_then(|word| word.parse::<u64>().ok()).ok_or_else(nonsense);
    match words.first().map(String::as_str) {
        Some("done") => Ok(Reply::Done),
        Some("noted") => Ok(Reply::Noted { since_ms: number(1)? }),
        Some("granted") => Ok(Reply::Granted(Epoch(number(1)?))),
        Some("busy") => {
            Ok(Reply::Busy { holder: words.get(1).and_then(|node| node.parse().ok()), for_ms: number(2)? })
        }
        Some("lost") => Ok(Reply::Lost),
        Some("refused") => Ok(Reply::Refused),
        Some("holder") => Ok(Reply::Holder(named_lease(&words[1..]).map(|(_, lease)| lease))),
        _ => Err(nonsense()),
    }
}

fn named_lease(words: &[String]) -> Option<(String, Lease)> {
    let [name, node, epoch, until, rank] = words else { return None };
    let lease = Lease {
        node: node.parse().ok()?,
        epoch: Epoch(epoch.parse().ok()?),
        until_ms: until.parse().ok()?,
        rank: rank.parse().ok()?,
    };
    Some((name.clone(), lease))
}

/// All words of an answer, those of inner lists one after the other.
fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        one => text(one).into_iter().collect(),
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}
