//! `ResultsPlugin`: every finished match into the store of results, replays kept by the rules, on a thread of its own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{FromWorld, Resource, World};
use framekeep_journal::{MatchEnd, MatchHeader};
use framekeep_results::{
    MatchResult, ReplayRules, ResultStore, SeatResult, open_or_set_aside, retain_replays,
};
use tracing::{error, info};

use crate::limits::{RESULTS_BATCH, RESULTS_RETRY_AFTER, RESULTS_WAITING_MAX, RETAIN_EVERY};
use crate::{Clock, Recorder, ServerConfig};

/// The file of results in the data folder.
const FILE: &str = "results.redb";

/// Every finished match into the store of results.
pub(crate) struct ResultsPlugin;

impl Plugin for ResultsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Results>();
    }
}

/// The way to the thread that keeps results; nowhere where nothing is recorded.
#[derive(Resource)]
pub struct Results {
    orders: Option<SyncSender<MatchResult>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
}

impl FromWorld for Results {
    fn from_world(world: &mut World) -> Self {
        let is_recorded = world.get_resource::<Recorder>().is_some_and(Recorder::is_open);
        let config = world.get_resource::<ServerConfig>();
        let data = config.and_then(|config| Some((config, config.data.clone()?)));
        let Some((config, folder)) = data.filter(|_| is_recorded) else {
            return Self { orders: None, thread: None, lost: Arc::default() };
        };
        let (orders, results) = sync_channel(RESULTS_WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let (rules, count_max) = (config.replay_rules, config.results_max);
        let keeper = Keeper {
            file: folder.join(FILE),
            replays: folder.join("replays"),
            rules,
            count_max,
            store: None,
            waiting: VecDeque::new(),
            lost: lost.clone(),
            is_told: false,
        };
        let thread = std::thread::Builder::new()
            .name("framekeep-results".to_owned())
            .spawn(move || keeper.work(&results))
            .map_err(|error| error!(%error, "results are not kept"))
            .ok();
        Self { orders: thread.is_some().then_some(orders), thread, lost }
    }
}

impl Results {
    /// How many results could not be kept.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn put(&self, result: MatchResult) {
        let Some(orders) = &self.orders else { return };
        if orders.try_send(result).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Results {
    /// What was put is still kept.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A match is over: `file` is the name of its replay, `content` that of its content file.
pub(crate) fn keep(world: &World, header: &MatchHeader, end: &MatchEnd, file: &str, content: &str) {
    let Some(results) = world.get_resource::<Results>() else { return };
    if results.orders.is_none() || end.ticks.0 == 0 {
        return;
    }
    let ended = world.resource::<Clock>().now().as_millis() as u64;
    results.put(result_of(header, end, file, content, ended));
}

fn result_of(header: &MatchHeader, end: &MatchEnd, file: &str, content: &str, ended: u64) -> MatchResult {
    let score = |seat: u8| end.outcome.as_ref()?.scores.get(usize::from(seat)).copied();
    let seated = header.players.iter().map(|player| SeatResult {
        seat: player.seat,
        player: format!("{:016x}", player.player),
        name: player.name.clone(),
        score: score(player.seat),
    });
    MatchResult {
        id: file.trim_end_matches(".fkr").to_owned(),
        room: header.room.clone(),
        game: header.game.clone(),
        fingerprint: format!("{:016x}", header.fingerprint),
        content: content.to_owned(),
        content_hash: format!("{:016x}", header.content_hash),
        seats: header.seats,
        players: seated.collect(),
        winner: end.outcome.as_ref().and_then(|outcome| outcome.winner),
        reason: end.reason.name().to_owned(),
        started_unix_ms: header.started_unix_s * 1_000,
        ended_unix_ms: ended,
        ticks: end.ticks.0,
        tick_rate_hz: header.tick_rate_hz,
        hash: format!("{:016x}", end.hash),
        replay: Some(file.to_owned()),
        ..MatchResult::default()
    }
}

/// The thread that keeps results and clears away replays.
struct Keeper {
    file: PathBuf,
    replays: PathBuf,
    rules: ReplayRules,
    /// Zero for no limit.
    count_max: u64,
    store: Option<ResultStore>,
    waiting: VecDeque<MatchResult>,
    lost: Arc<AtomicU64>,
    /// The log says that nothing can be kept.
    is_told: bool,
}

impl Keeper {
    fn work(mut self, results: &Receiver<MatchResult>) {
        self.open();
        self.retain();
        let mut retain_at = Instant::now() + RETAIN_EVERY;
        loop {
            let wait = if self.waiting.is_empty() { RETAIN_EVERY } else { RESULTS_RETRY_AFTER };
            match results.recv_timeout(wait) {
                Ok(result) => self.waiting.push_back(result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.waiting.extend(results.try_iter().take(RESULTS_BATCH));
            self.write();
            if Instant::now() >= retain_at {
                self.retain();
                retain_at = Instant::now() + RETAIN_EVERY;
            }
        }
        self.write();
        let left = self.waiting.len() as u64;
        self.lost.fetch_add(left, Ordering::Relaxed);
        if left > 0 {
            error!(left, file = %self.file.display(), "results are lost");
        }
    }

    fn open(&mut self) {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match open_or_set_aside(&self.file, now_s) {
            Ok((store, aside)) => {
                if let Some(aside) = aside {
                    let aside = aside.display();
                    error!(%aside, "THE FILE OF RESULTS IS DAMAGED and set aside; a new one is begun");
                }
                self.store = Some(store);
                self.is_told = false;
            }
            Err(error) => self.tell(&error),
        }
    }

    /// Writes what waits; what cannot be written is tried again.
    fn write(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.store.is_none() {
            self.open();
        }
        while let Some(store) = &mut self.store {
            let count = self.waiting.len().min(RESULTS_BATCH);
            if count == 0 {
                break;
            }
            let batch = &self.waiting.make_contiguous()[..count];
            let trimmed = store.insert(batch).and_then(|()| match self.count_max {
                0 => Ok(0),
                count_max => store.trim(count_max),
            });
            match trimmed {
                Ok(_) => drop(self.waiting.drain(..count)),
                Err(error) => {
                    // A new look at the file finds out what is the matter with it.
                    self.store = None;
                    self.tell(&error);
                }
            }
        }
        let over = self.waiting.len().saturating_sub(RESULTS_WAITING_MAX);
        self.waiting.drain(..over);
        self.lost.fetch_add(over as u64, Ordering::Relaxed);
    }

    fn retain(&self) {
        match retain_replays(&self.replays, &self.rules, SystemTime::now()) {
            Ok((0, _)) => {}
            Ok((count, bytes)) => info!(count, bytes, "old replays are deleted"),
            Err(error) => error!(%error, folder = %self.replays.display(), "old replays cannot be deleted"),
        }
    }

    fn tell(&mut self, error: &framekeep_results::ResultError) {
        if !std::mem::replace(&mut self.is_told, true) {
            error!(%error, "results cannot be kept for now");
        }
    }
}

#[cfg(test)]
mod tests {
    use framekeep_journal::{EndReason, Seated};
    use framekeep_sim::{Outcome, Tick};

    use super::*;

    fn result(number: u32) -> MatchResult {
        let header = MatchHeader {
            game: "arena".into(),
            players: vec![Seated { seat: 1, player: 0xab, name: "ada".into() }],
            seats: 2,
            started_unix_s: 5,
            ..MatchHeader::default()
        };
        let outcome = Some(Outcome { scores: vec![3, 4], winner: Some(1) });
        let end = MatchEnd { ticks: Tick(90), hash: 0xfeed, outcome, reason: EndReason::Outcome };
        result_of(&header, &end, &format!("r-{number}.fkr"), "pit", 8_000)
    }

    fn keeper(folder: &std::path::Path) -> Keeper {
        std::fs::create_dir_all(folder.join("replays")).unwrap();
        Keeper {
            file: folder.join(FILE),
            replays: folder.join("replays"),
            rules: ReplayRules::default(),
            count_max: 5,
            store: None,
            waiting: VecDeque::new(),
            lost: Arc::default(),
            is_told: false,
        }
    }

    #[test]
    fn a_result_tells_who_won_and_where_the_replay_is() {
        let result = result(7);
        assert_eq!((result.id.as_str(), result.replay.as_deref()), ("r-7", Some("r-7.fkr")));
        assert_eq!((result.winner, result.players[0].score, result.duration_ms()), (Some(1), Some(4), 3_000));
        assert_eq!((result.hash.as_str(), result.reason.as_str()), ("000000000000feed", "outcome"));
        assert!(result.has_player("ada") && result.has_player("00000000000000ab"));
    }

    #[test]
    fn results_wait_while_the_file_cannot_be_had_and_are_kept_then() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        let other = ResultStore::open(&keeper.file).unwrap();
        keeper.waiting.extend((0..3).map(result));
        keeper.write();
        assert_eq!((keeper.waiting.len(), keeper.is_told), (3, true));
        drop(other);
        keeper.write();
        assert_eq!((keeper.waiting.len(), keeper.store.as_ref().unwrap().count().unwrap()), (0, 3));
        keeper.waiting.extend((3..20).map(result));
        keeper.write();
        assert_eq!(keeper.store.as_ref().unwrap().count().unwrap(), 5, "the oldest go");
        keeper.store = None;
        keeper.waiting.extend((0..RESULTS_WAITING_MAX as u32 + 9).map(result));
        let other = ResultStore::open(&keeper.file).unwrap();
        keeper.write();
        assert_eq!((keeper.waiting.len(), keeper.lost.load(Ordering::Relaxed)), (RESULTS_WAITING_MAX, 9));
        drop(other);
    }
}
