//! `Asker`, which asks for tickets and matches: what waits while others are asked goes in one call, so that many small
//! requests cost Redis little more than a few.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;
use serde::Deserialize;
use tokio::sync::{Semaphore, oneshot};

use super::link::{Copies, Link};
use super::store::{Code, StoreError, run_copied, text};
use crate::board::{Ask, Change, Stage, Told, parts};

/// Requests of one call: longer ones would keep others waiting.
const BATCH: usize = 64;

/// Calls that are under way at once.
const CALLS: usize = 4;

/// Requests that may wait for a call.
const WAITING_MAX: usize = 10_000;

/// How long one waits for a call; who asked for it does not wait longer, and it must not be done later.
const WAITS_AT_MOST: Duration = Duration::from_secs(3);

/// What every request of tickets may touch, in the order of the script.
const KEYS: [&str; 14] = [
    "meta", "records", "bodies", "changed", "players", "matches", "unopened", "forget", "old", "leases",
    "offers", "offered", "said", "played",
];

/// A request that waits.
struct Waiting {
    json: String,
    /// What a ticket or match says, which is not part of the JSON: it would be written and read twice.
    text: String,
    /// The list of the node that it is about.
    node: String,
    /// Whether its answer is a promise, which replicas have to know of.
    promises: bool,
    since: Instant,
    told: oneshot::Sender<Result<Told, StoreError>>,
}

/// Asks for tickets and matches.
pub(super) struct Asker {
    link: Arc<Link>,
    script: Code,
    lease_ms: u64,
    /// What the keys of the queue begin with.
    prefix: String,
    /// Which replicas know of what is promised.
    copies: Copies,
    waiting: Mutex<VecDeque<Waiting>>,
    calls: Arc<Semaphore>,
}

impl Asker {
    pub(super) fn new(link: Arc<Link>, lease_ms: u64, prefix: String, copies: Copies) -> Arc<Self> {
        Arc::new(Self {
            link,
            script: Code::new(concat!(include_str!("clock.lua"), include_str!("board.lua"))),
            lease_ms,
            prefix,
            copies,
            waiting: Mutex::default(),
            calls: Arc::new(Semaphore::new(CALLS)),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn ask(self: &Arc<Self>, ask: Ask) -> Result<Told, StoreError> {
        let mut ask = ask;
        let text = match &mut ask {
            Ask::Submit { ticket, .. } | Ask::Retire { ticket, .. } => std::mem::take(&mut ticket.body),
            Ask::Claim { body, .. } => std::mem::take(body),
            _ => String::new(),
        };
        let node = match &ask {
            Ask::Claim { node, .. } | Ask::Fetch { node, .. } => node.as_str(),
            _ => "none",
        };
        let promises = matches!(
            ask,
            Ask::Submit { .. }
                | Ask::Cancel { .. }
                | Ask::Answer { .. }
                | Ask::Started { .. }
                | Ask::Retell { .. }
                | Ask::Retire { .. }
        );
        let json = serde_json::to_string(&ask).map_err(|error| StoreError::Nonsense(error.to_string()))?;
        let (told, answer) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            if waiting.len() >= WAITING_MAX {
                return Err(StoreError::Unconnected("too many requests wait for it".to_owned()));
            }
            waiting.push_back(Waiting {
                json,
                text,
                node: node.to_owned(),
                promises,
                since: Instant::now(),
                told,
            });
        }
        if let Ok(place) = self.calls.clone().try_acquire_owned() {
            let asker = self.clone();
            // Who asks may go away; the others of its call do not.
            tokio::spawn(async move {
                asker.call_all().await;
                drop(place);
                // What came after the last look and found every place taken.
                while !asker.waiting().is_empty() {
                    let Ok(_place) = asker.calls.clone().try_acquire_owned() else { return };
                    asker.call_all().await;
                }
            });
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unreachable("nobody waits for its answer".to_owned())))
    }

    /// Asks until nothing waits.
    async fn call_all(&self) {
        loop {
            let batch: Vec<_> = {
                let mut waiting = self.waiting();
                let count = waiting.len().min(BATCH);
                waiting.drain(..count).collect()
            };
            if batch.is_empty() {
                return;
            }
            let (late, batch): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|one| one.since.elapsed() > WAITS_AT_MOST);
            for one in late {
                let _ = one.told.send(Err(StoreError::Unconnected("it was busy for too long".to_owned())));
            }
            if !batch.is_empty() {
                self.call(batch).await;
            }
        }
    }

    async fn call(&self, mut batch: Vec<Waiting>) {
        let nodes = batch.iter().map(|one| format!("to:{}", one.node));
        let names = KEYS.iter().map(|name| (*name).to_owned()).chain(nodes);
        let keys: Vec<_> = names.map(|name| format!("{}{name}", self.prefix)).collect();
        let mut args = vec![self.lease_ms.to_string()];
        args.extend(batch.iter_mut().flat_map(|one| [&mut one.json, &mut one.text].map(std::mem::take)));
        let promises = batch.iter().any(|one| one.promises);
        let copies = if promises { self.copies } else { Copies::default() };
        let mut answers = match run_copied(&self.link, &self.script, &keys, &args, copies).await {
            Ok(Value::Array(answers)) => answers.into_iter().map(Ok).collect::<VecDeque<_>>(),
            Ok(other) => VecDeque::from([Err(StoreError::Nonsense(format!("{other:?}")))]),
            Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
        };
        for one in batch {
            let missing = || Err(StoreError::Nonsense("fewer answers than requests".to_owned()));
            let told = answers.pop_front().unwrap_or_else(missing).and_then(|value| read(&value));
            // Who asked may be gone.
            let _ = one.told.send(told);
        }
    }
}

fn read(value: &Value) -> Result<Told, StoreError> {
    let text = text(value).ok_or_else(|| StoreError::Nonsense(format!("{value:?}")))?;
    if text.starts_with("{\"told\":\"brief\"") {
        return brief(&text).ok_or(StoreError::Nonsense(text));
    }
    serde_json::from_str(&text).map_err(|error| StoreError::Nonsense(format!("{error} in {text}")))
}

/// What nodes need to know that follow the changes.
#[derive(Deserialize)]
struct Brief<'a> {
    /// A letter for how far it is and the number of each ticket, separated by commas.
    tickets: &'a str,
    last: u64,
    newest: u64,
    now_ms: u64,
    since_ms: u64,
}

fn brief(text: &str) -> Option<Told> {
    let Brief { tickets, last, newest, now_ms, since_ms } = serde_json::from_str(text).ok()?;
    let change = |one: &str| {
        let (letter, id) = one.split_at_checked(1)?;
        let (stage, plays) = match letter {
            "w" => (Stage::Waiting, false),
            "a" => (Stage::Asked, false),
            "m" => (Stage::Matched, false),
            "p" => (Stage::Matched, true),
            "o" => (Stage::Over, false),
            _ => return None,
        };
        Some(Change::brief(id, stage, plays))
    };
    let tickets = parts(tickets).map(change).collect::<Option<Vec<_>>>()?;
    Some(Told::Changes { tickets, last, newest, now_ms, since_ms })
}
