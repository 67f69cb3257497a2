//! `Relay`, the relay of a process while it runs: its threads, its connections, its clocks.

mod dial;
mod listen;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framekeep_gate::{Detour, Door, GateFull, Mint, Order, Report, WebLinkId};
use framekeep_protocol::RoomName;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, oneshot};
use tokio::time::MissedTickBehavior;

use crate::far::FarShared;
use crate::limits::{FIND_WITHIN, LOOK_EVERY};
use crate::near::{Home, HomeNews, Near, Todo};
use crate::stats::RelayStats;
use crate::{Admission, Directory, PeerId, Place, RelaySecret};

/// How long the last words may take when the relay ends.
const CLOSE_WITHIN: Duration = Duration::from_millis(200);

/// What a relay is made of.
pub struct RelayConfig {
    /// This process.
    pub node: PeerId,
    /// What people call it.
    pub name: String,
    /// What all nodes of the cluster know.
    pub secret: RelaySecret,
    /// Where other nodes connect to; `None` at a node without rooms.
    pub listener: Option<TcpListener>,
    /// The way to the server of this process; `None` at a node without rooms.
    pub door: Option<Door>,
    /// Makes tickets for links at the server of this process.
    pub mint: Arc<dyn Mint>,
    /// Checks tickets where there is no server.
    pub admission: Option<Arc<dyn Admission>>,
    /// What is known of the other nodes.
    pub directory: Arc<dyn Directory>,
}

/// The relay of a process; dropping it ends all its connections.
pub struct Relay {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
}

/// What all tasks of a relay share.
struct Shared {
    node: PeerId,
    name: String,
    has_rooms: bool,
    secret: RelaySecret,
    directory: Arc<dyn Directory>,
    near: Mutex<Near>,
    far: Option<Arc<FarShared>>,
    news: Arc<HomeNews>,
    stats: Arc<RelayStats>,
    /// There is something to be done.
    bell: Notify,
    begun: Instant,
    started_unix_ms: u64,
    /// An operator wants the process to end, where there is no server to be told.
    is_draining: AtomicBool,
    reported: Mutex<Option<(Arc<Report>, Arc<Report>)>>,
}

impl Shared {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Does something with the near end, and sees to what follows from it.
    fn with_near<T>(&self, work: impl FnOnce(&mut Near, Duration) -> T) -> T {
        let mut near = self.near();
        let done = work(&mut near, self.now());
        let has_todo = near.has_todo();
        drop(near);
        if has_todo {
            self.bell.notify_one();
        }
        done
    }

    fn near(&self) -> MutexGuard<'_, Near> {
        self.near.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// Starts a relay on a thread of its own.
    ///
    /// # Errors
    /// If the thread cannot be started or the listener not be used.
    pub fn start(config: RelayConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("framekeep-relay")
            .enable_all()
            .build()?;
        let (stats, news) = (Arc::new(RelayStats::default()), Arc::new(HomeNews::default()));
        let RelayConfig { node, name, secret, listener, door, mint, admission, directory } = config;
        let home = door.clone().map(|door| Home::new(door, mint.clone(), directory.clone(), news.clone()));
        let near = Near::new(node, home, admission, directory.clone(), stats.clone());
        let has_rooms = door.is_some();
        let far = door.map(|door| Arc::new(FarShared::new(door, mint, stats.clone())));
        let shared = Arc::new(Shared {
            node,
            name,
            has_rooms,
            secret,
            directory,
            near: Mutex::new(near),
            far,
            news,
            stats,
            bell: Notify::new(),
            begun: Instant::now(),
            started_unix_ms: unix_ms(),
            is_draining: AtomicBool::new(false),
            reported: Mutex::new(None),
        });
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        if let (Some(listener), Some(far)) = (listener, &shared.far) {
            listener.set_nonblocking(true)?;
            let _context = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(listen::accept(listener, shared.clone(), far.clone()));
        }
        runtime.spawn(look(shared.clone()));
        runtime.spawn(hear_home(shared.clone()));
        runtime.spawn(work(shared.clone()));
        Ok(Self { runtime: Some(runtime), shared, address })
    }

    /// Where other nodes connect to.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether an operator wants a node without rooms to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining.load(Ordering::Relaxed)
    }

    /// Tells the clients of a node without rooms that it stops.
    pub fn stop(&self) {
        self.shared.with_near(|near, _| near.say_goodbye());
    }

    /// What stands between front door and server.
    #[must_use]
    pub fn detour(&self) -> Arc<dyn Detour> {
        self.shared.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(CLOSE_WITHIN);
        }
    }
}

impl Detour for Shared {
    fn send(&self, order: Order) -> Result<(), GateFull> {
        if !self.has_rooms && matches!(order, Order::Drain { .. }) {
            self.is_draining.store(true, Ordering::Relaxed);
        }
        self.with_near(|near, now| near.order(order, now))
    }

    fn report(&self, own: Arc<Report>) -> Arc<Report> {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_rooms {
            if let Some((of, whole)) = reported.as_ref()
                && Arc::ptr_eq(of, &own)
            {
                return whole.clone();
            }
            let mut whole = Report::clone(&own);
            whole.samples.extend(self.samples());
            let whole = Arc::new(whole);
            *reported = Some((own, whole.clone()));
            return whole;
        }
        let now = unix_ms();
        if let Some((_, whole)) = reported.as_ref()
            && now.saturating_sub(whole.unix_ms) < 1_000
        {
            return whole.clone();
        }
        let whole = Arc::new(self.report_without_rooms(now));
        *reported = Some((own, whole.clone()));
        whole
    }
}

impl Shared {
    fn samples(&self) -> Vec<framekeep_gate::Sample> {
        let mut samples = self.stats.samples();
        let streams = self.far.as_ref().map_or(0, |far| far.streams());
        samples.push(framekeep_gate::Sample {
            name: "framekeep_relay_streams",
            help: "Rooms here that are watched from other nodes",
            kind: framekeep_gate::SampleKind::Gauge,
            labels: Vec::new(),
            value: streams as f64,
        });
        samples
    }

    /// What a node without rooms reports.
    fn report_without_rooms(&self, unix_ms: u64) -> Report {
        let links = self.near().links() as u64;
        Report {
            unix_ms,
            started_unix_ms: self.started_unix_ms,
            name: self.name.clone(),
            draining: self.is_draining.load(Ordering::Relaxed),
            links,
            web_links: links,
            players: links,
            samples: self.samples(),
            ..Report::default()
        }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// A number that differs from process to process and from time to time; without randomness, always the same.
fn chance() -> u32 {
    getrandom::u32().unwrap_or(0)
}

async fn look(shared: Arc<Shared>) {
    let mut clock = tokio::time::interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        shared.with_near(|near, now| near.look(now));
    }
}

async fn hear_home(shared: Arc<Shared>) {
    loop {
        shared.news.rung().await;
        let news = shared.news.take();
        shared.with_near(|near, now| near.hear_home(news, now));
    }
}

/// Does what the near end wants to have done.
async fn work(shared: Arc<Shared>) {
    loop {
        shared.bell.notified().await;
        loop {
            let todo = shared.near().todo();
            match todo {
                None => break,
                Some(Todo::Dial(peer)) => drop(tokio::spawn(dial::dial(shared.clone(), peer))),
                Some(Todo::Find(link, room, opens)) => {
                    let shared = shared.clone();
                    tokio::spawn(async move {
                        let found = find(&shared, link, room, opens);
                        let found = tokio::time::timeout(FIND_WITHIN, found).await.unwrap_or(Place::Unknown);
                        shared.with_near(|near, now| near.found(link, found, now));
                    });
                }
            }
        }
    }
}

/// Where a room is. One that is nowhere and is to be opened here has its name claimed when all else allows it.
async fn find(shared: &Arc<Shared>, link: WebLinkId, room: RoomName, opens: bool) -> Place {
    let found = shared.directory.find(room.clone(), false).await;
    if found != Place::Nowhere || !opens {
        return found;
    }
    let (reply, answer) = oneshot::channel();
    shared.near().ask_whether_opens(
        link,
        Box::new(move |may| {
            // Whoever asked may have given up.
            let _ = reply.send(may);
        }),
    );
    if answer.await != Ok(true) {
        return found;
    }
    shared.directory.find(room, true).await
}
