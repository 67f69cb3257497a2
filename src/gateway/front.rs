//! `Front`, what every request of the front door shares.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framekeep_gate::{Answer, Door, GateFull, Mint, MoveState, Order, Question, SharedQueue, WebLinkId};
use framekeep_protocol::RoomName;
use tokio::sync::oneshot;

use crate::GatewayConfig;
use crate::alerts::Alert;
use crate::audit::Audit;
use crate::budget::Budgets;
use crate::mail::PeerBook;
use crate::matchmaking::Matchmaking;
use crate::networks::Networks;
use crate::origin::Origins;
use crate::past_places::PastPlaces;
use crate::places::Places;
use crate::post::Post;
use crate::problem::Problem;
use crate::sessions::Sessions;
use crate::shelf::Shelf;
use crate::stats::Stats;

/// WebSocket connections that have not said who they are, at one time.
pub(crate) const GREETING_MAX: usize = 1_024;

/// Requests without the operators' token that an address may make in a second, and six times as many at once.
const GUESSES_PER_S: u32 = 10;

/// How long the server may take to answer a question.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often a queue that is full is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// How often at most.
const TRIES_MAX: u32 = 200;

/// Links in a row whose views the same thread passes on.
const LINKS_TOGETHER: u64 = 8;

/// A report older than this is no sign of life.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// What every request of the front door shares.
pub(crate) struct Front {
    pub(crate) door: Door,
    pub(crate) mint: Arc<dyn Mint>,
    live: RwLock<Arc<Live>>,
    pub(crate) stats: Stats,
    pub(crate) matchmaking: Option<Matchmaking>,
    /// The cluster of which this node is one; nothing before it is, or where it works alone.
    pub(crate) cluster: OnceLock<Arc<dyn SharedQueue>>,
    /// Where the nodes of that cluster are.
    pub(crate) peers: OnceLock<Arc<dyn PeerBook>>,
    pub(crate) sessions: Sessions,
    /// What wrong tokens cost at the operators' port.
    pub(crate) guesses: Budgets,
    pub(crate) greeting: Arc<Places>,
    pub(crate) audit: Audit,
    pub(crate) shelf: Arc<Shelf>,
    /// Who may ask other nodes for the past of their matches.
    pub(crate) past_places: PastPlaces,
    /// The alerts that hold now.
    pub(crate) alerts: Mutex<Vec<Alert>>,
    /// What pings measure from.
    pub(crate) origin_of_time: Instant,
    links: AtomicU64,
    /// Who passes views on, one for each thread.
    pub(crate) posts: Vec<Arc<Post>>,
}

/// What an operator may change while the front door is open.
pub(crate) struct Live {
    pub(crate) config: GatewayConfig,
    pub(crate) budgets: Arc<Budgets>,
    /// Whose word about other addresses is believed.
    pub(crate) proxies: Networks,
    pub(crate) origins: Origins,
}

impl Live {
    fn new(config: GatewayConfig) -> Self {
        let is_loopback = config.http.is_some_and(|at: SocketAddr| at.ip().is_loopback());
        Self {
            budgets: Arc::new(Budgets::new(config.requests_per_s, config.key_requests_per_s)),
            origins: Origins::new(&config.origins, is_loopback),
            proxies: Networks::new(&config.trusted_proxies),
            config,
        }
    }

    /// With another configuration, as far as it can be changed while the front door is open.
    fn changed(&self, config: GatewayConfig) -> Self {
        let old = &self.config;
        let rates = |config: &GatewayConfig| (config.requests_per_s, config.key_requests_per_s);
        let same_rates = rates(&config) == rates(old);
        let kept = GatewayConfig {
            http: old.http,
            players: old.players,
            rooms: old.rooms,
            admin: old.admin,
            peer: old.peer,
            connections_max: old.connections_max,
            connections_per_address: old.connections_per_address,
            data: old.data.clone(),
            threads: old.threads,
            ..config
        };
        let mut live = Self::new(kept);
        if same_rates {
            // Who has spent a budget does not get another one.
            live.budgets = self.budgets.clone();
        }
        live
    }
}

impl Front {
    pub(crate) fn new(config: GatewayConfig, door: Door, mint: Arc<dyn Mint>) -> Self {
        let posts = (0..config.threads.max(1)).map(|_| Arc::default()).collect();
        Self {
            audit: Audit::new(config.data.as_deref()),
            matchmaking: Matchmaking::new(&config.matchmaking),
            cluster: OnceLock::new(),
            peers: OnceLock::new(),
            door,
            mint,
            live: RwLock::new(Arc::new(Live::new(config))),
            stats: Stats::default(),
            sessions: Sessions::default(),
            guesses: Budgets::new(GUESSES_PER_S, 0),
            shelf: Arc::default(),
            past_places: PastPlaces::default(),
            greeting: Places::new(GREETING_MAX),
            alerts: Mutex::new(Vec::new()),
            origin_of_time: Instant::now(),
            links: AtomicU64::new(1),
            posts,
        }
    }

    /// What an operator may change, as it is now.
    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on with another configuration, as far as it can be changed while the front door is open.
    pub(crate) fn reload(&self, config: GatewayConfig) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        *live = Arc::new(live.changed(config));
    }

    /// A number that no link has had.
    pub(crate) fn next_link(&self) -> WebLinkId {
        WebLinkId(self.links.fetch_add(1, Ordering::Relaxed))
    }

    /// Who passes a link's views on. Links that came one after the other often sit in one room: what is shown to
    /// several of them is written once.
    pub(crate) fn post_of(&self, link: WebLinkId) -> Arc<Post> {
        self.posts[(link.0 / LINKS_TOGETHER) as usize % self.posts.len()].clone()
    }

    /// Asks the server.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, Problem> {
        let (sender, receiver) = oneshot::channel();
        // Who asked may be gone by then.
        let reply = Box::new(move |answer| drop(sender.send(answer)));
        self.order(Order::Ask(question, reply)).await.map_err(|_| Problem::busy())?;
        match tokio::time::timeout(ANSWER_WITHIN, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Problem::busy()),
        }
    }

    /// Queues an order; waits a moment while the server is behind.
    pub(crate) async fn order(&self, order: Order) -> Result<(), GateFull> {
        let mut order = order;
        for _ in 0..TRIES_MAX {
            match self.door.send(order) {
                Err(GateFull::Busy(back)) => order = *back,
                done => return done,
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        Err(GateFull::Busy(Box::new(order)))
    }

    /// Where another node is answered by its peers.
    pub(crate) fn peer(&self, name: &str) -> Option<SocketAddr> {
        let live = self.live();
        let told = live.config.peers.iter().find(|(known, _)| known == name).map(|(_, address)| *address);
        told.or_else(|| self.peers.get()?.find(name))
    }

    /// Lets a room go on at another node, or asks what became of that.
    pub(crate) async fn move_room(&self, room: RoomName, node: Option<String>) -> Result<MoveState, Problem> {
        let (reply, answer) = oneshot::channel();
        // Whoever has asked may be gone.
        let order = Order::Move(room, node, Box::new(move |state| drop(reply.send(state))));
        self.order(order).await.map_err(|_| Problem::busy())?;
        let answered = tokio::time::timeout(ANSWER_WITHIN, answer).await;
        answered.ok().and_then(Result::ok).ok_or_else(Problem::busy)
    }

    /// Whether the server has said how it is within the last seconds.
    pub(crate) fn is_alive(&self) -> bool {
        let report = self.door.report();
        report.unix_ms > 0 && unix_now().saturating_sub(Duration::from_millis(report.unix_ms)) < FRESH_FOR
    }
}

/// Now, since the Unix epoch.
pub(crate) fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
