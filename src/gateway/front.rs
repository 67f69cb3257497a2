//! `Front`, what every request of the front door shares.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framekeep_gate::{Answer, Door, GateFull, Mint, Order, Question, WebLinkId};
use tokio::sync::{Semaphore, oneshot};

use crate::GatewayConfig;
use crate::alerts::Alert;
use crate::audit::Audit;
use crate::budget::Budgets;
use crate::origin::Origins;
use crate::problem::Problem;
use crate::sessions::Sessions;
use crate::stats::Stats;

/// WebSocket connections that have not said who they are, at one time.
const GREETING_MAX: usize = 1_024;

/// How long the server may take to answer a question.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often a queue that is full is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// How often at most.
const TRIES_MAX: u32 = 200;

/// A report older than this is no sign of life.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// What every request of the front door shares.
pub(crate) struct Front {
    pub(crate) door: Door,
    pub(crate) mint: Arc<dyn Mint>,
    pub(crate) config: GatewayConfig,
    pub(crate) budgets: Budgets,
    pub(crate) origins: Origins,
    pub(crate) stats: Stats,
    pub(crate) sessions: Sessions,
    pub(crate) greeting: Arc<Semaphore>,
    pub(crate) audit: Audit,
    /// The alerts that hold now.
    pub(crate) alerts: Mutex<Vec<Alert>>,
    /// What pings measure from.
    pub(crate) origin_of_time: Instant,
    links: AtomicU64,
}

impl Front {
    pub(crate) fn new(config: GatewayConfig, door: Door, mint: Arc<dyn Mint>) -> Self {
        let is_loopback = |address: Option<SocketAddr>| address.is_some_and(|at| at.ip().is_loopback());
        Self {
            budgets: Budgets::new(config.requests_per_s, config.key_requests_per_s),
            origins: Origins::new(&config.origins, is_loopback(config.http)),
            audit: Audit::new(config.data.as_deref()),
            door,
            mint,
            config,
            stats: Stats::default(),
            sessions: Sessions::default(),
            greeting: Arc::new(Semaphore::new(GREETING_MAX)),
            alerts: Mutex::new(Vec::new()),
            origin_of_time: Instant::now(),
            links: AtomicU64::new(1),
        }
    }

    /// A number that no link has had.
    pub(crate) fn next_link(&self) -> WebLinkId {
        WebLinkId(self.links.fetch_add(1, Ordering::Relaxed))
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
