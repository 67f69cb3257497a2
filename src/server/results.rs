//! `ResultsPlugin`: every finished match into the store of results, replays kept by the rules, on a thread of its own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, FromWorld, Resource, World};
use framekeep_journal::{EndReason, MatchEnd, MatchHeader, MatchLife};
use framekeep_results::{
    MatchResult, ReplayRules, ResultStore, SeatResult, SetAside, open_or_set_aside, retain_replays,
};
use tracing::{error, info};

use crate::holders::Holders;
use crate::limits::{RESULTS_BATCH, RESULTS_RETRY_AFTER, RESULTS_WAITING_MAX, RETAIN_EVERY};
use crate::record::Hold;
use crate::{Clock, Recorder, ServerConfig};

/// The file of results in the data folder.
const FILE: &str = "results.redb";

/// A result on its way to the file, and what keeps the journal of its match until it is there.
type Kept = (MatchResult, Hold);

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
    orders: Option<SyncSender<Kept>>,
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
            holds: VecDeque::new(),
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

    fn put(&self, kept: Kept) {
        let Some(orders) = &self.orders else { return };
        if orders.try_send(kept).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits where too many wait: before players are there a server may.
    fn put_in_time(&self, kept: Kept) {
        let Some(orders) = &self.orders else { return };
        if orders.send(kept).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the thread; gives whether every result was kept.
    pub(crate) fn finish(&mut self) -> bool {
        self.orders = None;
        self.thread.take().is_none_or(|thread| thread.join().is_ok()) && self.lost() == 0
    }
}

impl Drop for Results {
    /// What was put is still kept.
    fn drop(&mut self) {
        self.finish();
    }
}

/// A match is over: `names` are those of its replay and its content. `hold` goes when the result is kept.
pub(crate) fn keep(
    world: &World,
    room: Entity,
    header: &MatchHeader,
    end: &MatchEnd,
    names: (&str, &str),
    hold: Hold,
) {
    let Some(results) = world.get_resource::<Results>() else { return };
    if end.ticks.0 > 0 {
        let ended = world.resource::<Clock>().now().as_millis() as u64;
        let holders = world.get::<Holders>(room).cloned().unwrap_or_else(|| Holders::of(header));
        results.put((result_of(header, end, names, ended, &holders), hold));
    }
}

/// A match of an earlier run is over; what was kept when it ended stays.
pub(crate) fn keep_left(world: &World, play: &MatchLife, end: &MatchEnd, names: (&str, &str), hold: Hold) {
    let Some(results) = world.get_resource::<Results>() else { return };
    if end.ticks.0 > 0 {
        let header = &play.started().header;
        let ended = ended_at(header, end).as_millis() as u64;
        let holders = Holders::told(play.turns(), end.ticks, end.reason == EndReason::Outcome);
        results.put_in_time((result_of(header, end, names, ended, &holders), hold));
    }
}

/// When a match of an earlier run ended, since 1970. It is not recorded; that it was played at its rate is near
/// enough, and the same at every start.
pub(crate) fn ended_at(header: &MatchHeader, end: &MatchEnd) -> Duration {
    let started = Duration::from_secs(header.started_unix_s);
    started + Duration::from_secs(end.ticks.0.into()) / u32::from(header.tick_rate_hz.max(1))
}

fn result_of(
    header: &MatchHeader,
    end: &MatchEnd,
    names: (&str, &str),
    ended: u64,
    holders: &Holders,
) -> MatchResult {
    let (file, content) = names;
    let score = |seat: u8| end.outcome.as_ref()?.scores.get(usize::from(seat)).copied();
    let all = holders.all();
    let seated = all.iter().enumerate().map(|(nth, holder)| SeatResult {
        seat: holder.seat,
        player: format!("{:016x}", holder.player.0),
        name: holder.name.clone(),
        score: score(holder.seat).filter(|_| all[nth + 1..].iter().all(|later| later.seat != holder.seat)),
        from_tick: holder.from.0,
        until_tick: holder.until.map(|tick| tick.0),
    });
    // Who gave up, or left nobody in the seat, has not won.
    let winner = end.outcome.as_ref().and_then(|outcome| outcome.winner);
    MatchResult {
        id: file.trim_end_matches(".fkr").to_owned(),
        room: header.room.clone(),
        game: header.game.clone(),
        fingerprint: format!("{:016x}", header.fingerprint),
        content: content.to_owned(),
        content_hash: format!("{:016x}", header.content_hash),
        seats: header.seats,
        players: seated.collect(),
        winner: winner.filter(|seat| holders.is_held(*seat)),
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
    /// For each of them, why the journal keeps its match.
    holds: VecDeque<Hold>,
    lost: Arc<AtomicU64>,
    /// The log says that nothing can be kept.
    is_told: bool,
}

impl Keeper {
    fn work(mut self, results: &Receiver<Kept>) {
        self.open();
        self.retain();
        let mut retain_at = Instant::now() + RETAIN_EVERY;
        loop {
            let wait = if self.waiting.is_empty() { RETAIN_EVERY } else { RESULTS_RETRY_AFTER };
            match results.recv_timeout(wait) {
                Ok(kept) => self.take(kept),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            results.try_iter().take(RESULTS_BATCH).for_each(|kept| self.take(kept));
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

    fn take(&mut self, (result, hold): Kept) {
        self.waiting.push_back(result);
        self.holds.push_back(hold);
    }

    /// The first of those that wait are done with.
    fn forget(&mut self, count: usize) {
        self.waiting.drain(..count);
        self.holds.drain(..count);
    }

    fn open(&mut self) {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match open_or_set_aside(&self.file, now_s) {
            Ok((store, aside)) => {
                if let Some(aside) = aside {
                    let SetAside { path, kept, lost } = aside;
                    let aside = path.display();
                    let message = "THE FILE OF RESULTS IS DAMAGED and set aside; what can be read is kept";
                    error!(%aside, kept, lost, "{message}");
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
                Ok(_) => self.forget(count),
                Err(error) => {
                    // A new look at the file finds out what is the matter with it.
                    self.store = None;
                    self.tell(&error);
                }
            }
        }
        let over = self.waiting.len().saturating_sub(RESULTS_WAITING_MAX);
        self.forget(over);
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
    use framekeep_journal::Seated;
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
        result_of(&header, &end, (&format!("r-{number}.fkr"), "pit"), 8_000, &Holders::of(&header))
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
            holds: VecDeque::new(),
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
    fn who_gave_up_before_a_kill_has_not_won() {
        let turn = |seat, player, until: Option<u32>| framekeep_journal::Turn {
            seat,
            player: framekeep_protocol::PlayerId(player),
            name: format!("p{player}"),
            from: Tick(0),
            until: until.map(Tick),
        };
        let header = MatchHeader { seats: 2, ..MatchHeader::default() };
        let won = |until: Option<u32>| {
            let outcome = Some(Outcome { scores: vec![3, 4], winner: Some(1) });
            let end = MatchEnd { ticks: Tick(90), hash: 1, outcome, reason: EndReason::Outcome };
            let holders = Holders::told(&[turn(0, 7, None), turn(1, 8, until)], end.ticks, true);
            let result = result_of(&header, &end, ("r-1.fkr", "pit"), 8_000, &holders);
            (result.winner, result.players[1].until_tick)
        };
        assert_eq!(won(None), (Some(1), None));
        assert_eq!(won(Some(40)), (None, Some(40)));
        assert_eq!(won(Some(90)), (Some(1), None), "it was over before");
    }

    #[test]
    fn what_an_earlier_run_left_never_replaces_a_result() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        keeper.take((result(1), Hold::default()));
        keeper.write();
        for number in [1, 2] {
            let aborted = MatchResult { reason: "aborted".into(), ended_unix_ms: 9_000, ..result(number) };
            keeper.take((aborted, Hold::default()));
        }
        keeper.write();
        assert_eq!(keeper.store.as_ref().unwrap().count().unwrap(), 2);
        drop(keeper);
        let reader = framekeep_results::ResultReader::open(&folder.path().join(FILE)).unwrap();
        assert_eq!(reader.get("r-1").unwrap().unwrap().reason, "outcome");
        assert_eq!(reader.get("r-2").unwrap().unwrap().reason, "aborted");
    }

    #[test]
    fn results_wait_while_the_file_cannot_be_had_and_are_kept_then() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(folder.path());
        let other = ResultStore::open(&keeper.file).unwrap();
        let put = |keeper: &mut Keeper, numbers: std::ops::Range<u32>| {
            numbers.for_each(|number| keeper.take((result(number), Hold::default())));
        };
        put(&mut keeper, 0..3);
        keeper.write();
        assert_eq!((keeper.waiting.len(), keeper.is_told), (3, true));
        drop(other);
        keeper.write();
        assert_eq!((keeper.waiting.len(), keeper.store.as_ref().unwrap().count().unwrap()), (0, 3));
        put(&mut keeper, 3..20);
        keeper.write();
        assert_eq!(keeper.store.as_ref().unwrap().count().unwrap(), 5, "the oldest go");
        keeper.store = None;
        put(&mut keeper, 0..RESULTS_WAITING_MAX as u32 + 9);
        let other = ResultStore::open(&keeper.file).unwrap();
        keeper.write();
        assert_eq!((keeper.waiting.len(), keeper.lost.load(Ordering::Relaxed)), (RESULTS_WAITING_MAX, 9));
        drop(other);
    }
}
