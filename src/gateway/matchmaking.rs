//! `Matchmaking`, the queue of a node: tickets come in over HTTP, a round is played ten times a second, and who has
//! found each other gets a room with a seat kept for everybody.

mod backfill;
mod desk;
mod played;
mod shared;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use framekeep_gate::{Answer, MatchLog, Question, RoomRow, SharedQueue};
use framekeep_matchmaking::{
    Match, MatchId, Matcher, Mode, ModeFault, Refused, Ticket, TicketId, TicketView,
};
use framekeep_protocol::{MATCH_ROOM_PREFIX, PlayerId, PlayerName, RoomName, RoomOptions, StartRule};
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tracing::{debug, error, info, warn};

pub(crate) use self::desk::Desk;
use self::desk::{Came, Served};
pub(crate) use self::shared::run as run_shared;
use crate::front::{Front, unix_now};

/// Rooms that are being opened at one time.
const OPENING_MAX: usize = 64;

/// How long no matches are formed after the server could not open a room.
const PAUSE: Duration = Duration::from_secs(1);

/// How often running rooms are looked at for free seats.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often what the matcher has forgotten is looked for, which takes a look at every ticket.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// A mode of the matcher and what its rooms are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeSetup {
    /// Who plays with whom.
    pub mode: Mode,
    /// When a match starts.
    pub start: StartRule,
    /// Whether running rooms with free seats get more players.
    pub backfill: bool,
}

/// What an operator may change of matchmaking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchmakingConfig {
    /// The modes; without any there is no matchmaking.
    pub modes: Vec<ModeSetup>,
    /// How often matches are formed. Default 100 ms.
    pub round_every: Duration,
    /// Tickets that are not over, at most. Default 100,000.
    pub tickets_max: usize,
    /// For one node of a cluster: how long its store may be away until tickets are matched with those of this node
    /// only. Default `None`: the node works alone.
    pub alone_after: Option<Duration>,
    /// The file that the log of the matcher is written to. Default `None`.
    pub log: Option<PathBuf>,
}

impl Default for MatchmakingConfig {
    fn default() -> Self {
        Self {
            modes: Vec::new(),
            round_every: Duration::from_millis(100),
            tickets_max: 100_000,
            alone_after: None,
            log: None,
        }
    }
}

impl MatchmakingConfig {
    fn matcher(&self) -> Result<Matcher, ModeFault> {
        let modes = self.modes.iter().map(|setup| setup.mode.clone()).collect();
        let matcher = Matcher::new(modes)?.with_tickets_max(self.tickets_max);
        Ok(if self.log.is_some() { matcher.with_log() } else { matcher })
    }

    fn backfills(&self) -> bool {
        self.modes.iter().any(|setup| setup.backfill)
    }

    fn setup(&self, game: &str, mode: &str) -> Option<&ModeSetup> {
        self.modes.iter().find(|setup| setup.mode.game == game && setup.mode.name == mode)
    }
}

/// The queue of a node.
pub(crate) struct Matchmaking {
    config: MatchmakingConfig,
    desk: Mutex<Desk>,
    log: Mutex<Option<MatchLog>>,
    /// Changes with every round in which something happened: who waits for news looks again.
    news: watch::Sender<u64>,
    begun: Instant,
    /// What the keys of its matches begin with: no other start of the node has the same.
    prefix: String,
    opening: Arc<Semaphore>,
}

impl Matchmaking {
    /// The queue; `None` without modes.
    pub(crate) fn new(config: &MatchmakingConfig) -> Option<Self> {
        if config.modes.is_empty() {
            return None;
        }
        let matcher = config.matcher();
        let matcher = matcher.inspect_err(|fault| error!(%fault, "there is no matchmaking")).ok()?;
        let told = |why: &str| warn!("the log of matches (matchmaking.log) {why}");
        let log = config.log.as_deref().and_then(|path| MatchLog::new(path, told).ok());
        let mut desk = Desk::new(matcher);
        let log = log.map(|mut log| {
            log.begin(desk.matcher.take_log());
            log
        });
        Some(Self {
            log: Mutex::new(log),
            desk: Mutex::new(desk),
            config: config.clone(),
            news: watch::Sender::new(0),
            begun: Instant::now(),
            prefix: format!("{:x}", unix_now().as_millis()),
            opening: Arc::new(Semaphore::new(OPENING_MAX)),
        })
    }

    /// How long the store of the cluster may be away until the node works alone; `None` if it always does.
    pub(crate) fn alone_after(&self) -> Option<Duration> {
        self.config.alone_after
    }

    /// What every request works on. Nothing waits while it is held.
    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the start, which is the time of the matcher.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a ticket had its match and is forgotten since.
    ///
    /// # Errors
    /// [`Refused::AlreadyMatched`] if so.
    pub(crate) fn check_new(&self, id: TicketId) -> Result<(), Refused> {
        self.desk().check_new(id)
    }

    /// Lets a ticket wait.
    ///
    /// # Errors
    /// What the matcher refuses; [`Refused::AlreadyMatched`] of one that had its match and is forgotten since.
    pub(crate) fn submit(
        &self,
        ticket: Ticket,
        names: Vec<PlayerName>,
        is_guest: bool,
    ) -> Result<TicketView, Refused> {
        let now_ms = self.now_ms();
        self.desk().submit(now_ms, ticket, desk::Holder { names, is_guest })
    }

    /// Whether a ticket is on its way to the cluster: whose it is will be known in a moment.
    pub(crate) fn is_moving(&self, id: TicketId) -> bool {
        self.desk().moving.contains(&id)
    }

    /// Takes a ticket back.
    pub(crate) fn cancel(&self, id: TicketId) -> Result<TicketView, Refused> {
        let view = self.desk().matcher.cancel(self.now_ms(), id);
        self.tell();
        view
    }

    /// Answers for a player who was asked.
    pub(crate) fn answer(
        &self,
        id: TicketId,
        player: PlayerId,
        accepts: bool,
    ) -> Result<TicketView, Refused> {
        let view = self.desk().matcher.answer(self.now_ms(), id, player, accepts);
        self.tell();
        view
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Waits until something may be new, or the time is over.
    pub(crate) async fn wait_for_news(
        &self,
        news: &mut watch::Receiver<u64>,
        until: tokio::time::Instant,
    ) -> bool {
        matches!(tokio::time::timeout_at(until, news.changed()).await, Ok(Ok(())))
    }

    /// What is new from now on.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// A round.
    fn round(&self, opens: bool) -> Came {
        let now_ms = self.now_ms();
        let (came, logged) = {
            let mut desk = self.desk();
            (desk.round(now_ms, opens), desk.matcher.take_log())
        };
        if let Some(log) = self.log.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            log.add(logged);
        }
        if came.is_news {
            self.tell();
        }
        came
    }

    /// What a match of this node's own is called; no node of its cluster calls another one so.
    fn key(&self, of: MatchId, cluster: Option<&Arc<dyn SharedQueue>>) -> String {
        match cluster {
            Some(cluster) => format!("{}-{of}-{}", self.prefix, cluster.node()),
            None => format!("{}-{of}", self.prefix),
        }
    }
}

/// The name of a match's room. Whoever has seen others cannot tell it, and every node of the cluster gives the same.
fn room_name(front: &Front, key: &str) -> Option<RoomName> {
    let seal = front.mint.seal("match room", key.as_bytes());
    let unguessable: String = seal.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    RoomName::try_from(format!("{MATCH_ROOM_PREFIX}{key}-{unguessable}")).ok()
}

/// Plays rounds as long as the front door is open.
pub(crate) async fn run(front: Arc<Front>) {
    let Some(matchmaking) = &front.matchmaking else { return };
    let mut rounds = tokio::time::interval(matchmaking.config.round_every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut looked, mut forgot) = (Instant::now(), Instant::now());
    loop {
        rounds.tick().await;
        let came = matchmaking.round(!has_no_rooms(&front));
        if let Some(cluster) = front.cluster.get().filter(|_| matchmaking.config.alone_after.is_some()) {
            came.over.iter().for_each(|(ticket, waited, ended)| cluster.over_alone(ticket, *waited, *ended));
        }
        for of in came.formed {
            let Ok(place) = matchmaking.opening.clone().acquire_owned().await else { return };
            let front = front.clone();
            tokio::spawn(async move {
                seat(&front, &of).await;
                drop(place);
            });
        }
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            let report = front.door.report();
            let now_ms = matchmaking.now_ms();
            let alone_after = matchmaking.config.alone_after;
            let is_there = |cluster: &&Arc<dyn SharedQueue>| Some(cluster.away_for()) < alone_after;
            let cluster = front.cluster.get().filter(is_there);
            let mut desk = matchmaking.desk();
            if forgot.elapsed() >= FORGET_EVERY {
                forgot = Instant::now();
                desk.forget(now_ms);
            }
            desk.look_at_rooms(&matchmaking.config, &report, now_ms, cluster.map(|cluster| &**cluster));
            if let Some(cluster) = cluster.filter(|_| matchmaking.config.backfills()) {
                let foreign = desk.foreign_rooms(&report, now_ms);
                drop(desk);
                shared::take_over(&front, cluster, foreign);
            }
        }
    }
}

/// Whether this node, for itself, can have no room for a match.
pub(crate) fn has_no_rooms(front: &Front) -> bool {
    let report = front.door.report();
    let is_open = |row: &&RoomRow| row.phase != "closed";
    let is_full =
        || report.rooms_max > 0 && report.rooms.iter().filter(is_open).count() as u64 >= report.rooms_max;
    !front.live().config.rooms || report.draining || is_full()
}

/// Keeps seats for the players of a match, in a new room or the one it is for; if there is none they wait again.
async fn seat(front: &Front, of: &Match) {
    let Some(matchmaking) = &front.matchmaking else { return };
    let cluster = front.cluster.get().filter(|_| matchmaking.config.alone_after.is_some());
    let key = matchmaking.key(of.id, cluster);
    let seated = match &of.room {
        Some(room) => match RoomName::try_from(&**room) {
            Ok(room) => reserve(front, room, of).await,
            Err(_) => Err("its name is none".to_owned()),
        },
        None => match room_name(front, &key) {
            Some(room) => open(front, matchmaking, of, room).await,
            None => Err("its name is none".to_owned()),
        },
    };
    let now_ms = matchmaking.now_ms();
    let mut desk = matchmaking.desk();
    let mut alone = None;
    match seated {
        Ok(room) => {
            debug!(%room, of = %of.id, players = of.places.len(), "a match has its room");
            alone = cluster.map(|cluster| (cluster, desk.alone(of, key, &room, now_ms)));
            desk.seated(of, room, now_ms);
        }
        Err(why) => {
            warn!(of = %of.id, why, "a match has no room: its players wait again");
            desk.pause_until_ms = now_ms + PAUSE.as_millis() as u64;
            desk.not_seated(of, now_ms);
        }
    }
    drop(desk);
    if let Some((cluster, alone)) = alone {
        cluster.formed_alone(alone);
    }
    matchmaking.tell();
}

/// Opens a room and keeps a seat in it for everybody.
async fn open(
    front: &Front,
    matchmaking: &Matchmaking,
    of: &Match,
    room: RoomName,
) -> Result<RoomName, String> {
    let setup = matchmaking.config.setup(&of.game, &of.mode).ok_or("its mode is gone")?;
    let mut secret = [0; 12];
    getrandom::fill(&mut secret).map_err(|error| error.to_string())?;
    let seats = u8::try_from(of.places.len()).map_err(|error| error.to_string())?;
    let mut options = RoomOptions::new(&of.game, seats);
    (*of.content).clone_into(&mut options.content);
    options.tick_rate_hz = of.tick_rate_hz;
    options.start = setup.start;
    // Nobody knows it: who comes has a seat that is kept, or none.
    options.code = data_encoding::BASE64URL_NOPAD.encode(&secret);
    let answer = front.ask(Question::OpenRoom(room.clone(), options)).await;
    match answer.map_err(|_| "the server is busy")? {
        Answer::Room(_) => {}
        Answer::Refused(refusal) => return Err(refusal.to_string()),
        Answer::Done | Answer::Missing | Answer::Past { .. } | Answer::Happenings { .. } => {
            return Err("the server has no room".to_owned());
        }
    }
    let reserved = reserve(front, room.clone(), of).await;
    if reserved.is_err() {
        info!(%room, "a room without its players is closed");
        let _ = front.ask(Question::CloseRoom(room)).await;
    }
    reserved
}

/// Keeps a seat for everybody of a match, in the order of its places.
async fn reserve(front: &Front, room: RoomName, of: &Match) -> Result<RoomName, String> {
    let players = of.places.iter().map(|place| place.player).collect();
    let answer = front.ask(Question::Reserve(room.clone(), players)).await;
    match answer.map_err(|_| "the server is busy")? {
        Answer::Done => Ok(room),
        Answer::Missing => Err("the room is gone".to_owned()),
        Answer::Refused(refusal) => Err(refusal.to_string()),
        Answer::Room(_) | Answer::Past { .. } | Answer::Happenings { .. } => {
            Err("the server has misunderstood".to_owned())
        }
    }
}

impl Served {
    /// What is remembered of a new room.
    fn new(of: &Match, now_ms: u64) -> Self {
        Self {
            of: Arc::from(&*of.game),
            mode: of.mode.clone(),
            content: of.content.clone(),
            region: of.region.clone(),
            tick_rate_hz: of.tick_rate_hz,
            teams: of.places.iter().map(|place| place.team).collect(),
            players: of.places.iter().map(|place| place.player).collect(),
            blocked: Vec::new(),
            rating: 0,
            told: None,
            seated_unix_ms: 0,
            seen_at_ms: now_ms,
        }
    }
}
