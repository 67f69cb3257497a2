//! `Gateway`, the front door while it is open.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use framekeep_gate::{Door, Mint, SharedQueue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{getpriority_process, setpriority_process};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tower_service::Service as _;
use tracing::{debug, warn};

use crate::front::Front;
use crate::paced::Paced;
use crate::places::Places;
use crate::stats::Refused;
use crate::{GatewayConfig, PeerBook, admin, alerts, api, mail, matchmaking, peer, post};

/// Connections of operators at once, apart from those of all others.
const OPERATORS_MAX: usize = 64;

/// How long a client may take to say what it wants.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long the last words may take when the front door closes.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// How long is waited when the system has no more sockets.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The front door while it is open; dropping it closes it.
pub struct Gateway {
    runtime: Option<Runtime>,
    front: Arc<Front>,
    http: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    peer: Option<SocketAddr>,
}

/// What changes a front door while it is open.
#[derive(Clone)]
pub struct GatewayHandle(Arc<Front>);

impl GatewayHandle {
    /// Goes on with another configuration. Addresses, threads, the data folder and the most connections stay as they
    /// are; limits of WebSockets hold for connections that come from now on.
    pub fn reload(&self, config: GatewayConfig) {
        self.0.reload(config);
    }

    /// Is one node of a cluster from now on: tickets of matchmaking are the cluster's.
    pub fn join(&self, cluster: Arc<dyn SharedQueue>) {
        // Once: a node is of one cluster.
        let _ = self.0.cluster.set(cluster);
    }

    /// Knows where the nodes of its cluster are from now on.
    pub fn know_peers(&self, peers: Arc<dyn PeerBook>) {
        // Once, as above.
        let _ = self.0.peers.set(peers);
    }
}

/// A front door that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address cannot be had.
    #[error("cannot listen on {address} for {what}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// HTTP or operators.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Threads cannot be started.
    #[error("cannot start the threads of the front door: {0}")]
    Threads(io::Error),
}

/// Lets other threads of this process go before the calling one: a tick is on time before a view of it is.
///
/// Linux has a priority for each thread; the calling one is meant by none.
fn give_way(nice: u8) {
    let lower = |now: i32| setpriority_process(None, (now + i32::from(nice)).min(19));
    if let Err(error) = getpriority_process(None).and_then(lower) {
        debug!(%error, nice, "the front door does not give way to the simulation");
    }
}

impl Gateway {
    /// Opens the front door: listens where the configuration says and answers on threads of its own.
    ///
    /// # Errors
    /// [`GatewayError`] if an address cannot be had or threads cannot be started.
    pub fn open(config: GatewayConfig, door: Door, mint: Arc<dyn Mint>) -> Result<Self, GatewayError> {
        let http = config.http.map(|address| listen(address, "http")).transpose()?;
        let operators = config.admin.map(|address| listen(address, "admin")).transpose()?;
        let peers =
            config.peer.or(config.peer_alone).map(|address| listen(address, "cluster.peer")).transpose()?;
        let nice = config.nice;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .on_thread_start(move || give_way(nice))
            .worker_threads(config.threads.max(1))
            .thread_name("framekeep-gate")
            .enable_all()
            .build()
            .map_err(GatewayError::Threads)?;
        let front = Arc::new(Front::new(config, door, mint));
        let address =
            |listener: &Option<TcpListener>| listener.as_ref().and_then(|one| one.local_addr().ok());
        let gateway = (address(&http), address(&operators), address(&peers));
        // Operators are on this machine, and have places that nobody else can take.
        let (public, own) = (front.live().config.connections_max, OPERATORS_MAX);
        let players = front.live().config.players;
        let public_router =
            if players { api::router(front.clone()) } else { api::health_router(front.clone()) };
        for (listener, router, places, is_public) in [
            (http, public_router, public, true),
            (operators, admin::router(front.clone()), own, false),
            (peers, peer::router(front.clone()), own, false),
        ] {
            if let Some(listener) = listener {
                let serving = accept(listener, router, front.clone(), places, is_public);
                runtime.spawn(async move {
                    if let Err(error) = serving.await {
                        warn!(%error, "the front door is closed");
                    }
                });
            }
        }
        for post in &front.posts {
            runtime.spawn(post::run(front.clone(), post.clone()));
        }
        runtime.spawn(mail::run(front.clone()));
        runtime.spawn(matchmaking::run(front.clone()));
        runtime.spawn(matchmaking::run_shared(front.clone()));
        runtime.spawn(alerts::watch(front.clone()));
        Ok(Self { runtime: Some(runtime), front, http: gateway.0, admin: gateway.1, peer: gateway.2 })
    }

    /// What changes the front door while it is open.
    #[must_use]
    pub fn handle(&self) -> GatewayHandle {
        GatewayHandle(self.front.clone())
    }

    /// Where HTTP and WebSocket are served.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where other nodes of the cluster are answered.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Where operators' actions are served.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(CLOSE_WITHIN);
        }
    }
}

fn listen(address: SocketAddr, what: &'static str) -> Result<TcpListener, GatewayError> {
    let bound =
        TcpListener::bind(address).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|source| GatewayError::Bind { address, what, source })
}

/// Takes connections as long as there are places.
async fn accept(
    listener: TcpListener,
    router: Router,
    front: Arc<Front>,
    places: usize,
    is_public: bool,
) -> io::Result<()> {
    let (most, places) = (front.live().config.part_of(places), Places::new(places));
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection cannot be taken");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        // A proxy has the connections of all its clients.
        let is_counted = is_public && !front.live().proxies.contain(peer.ip());
        let Some(place) = places.take(peer.ip(), is_counted.then_some(most)) else {
            front.stats.refuse(Refused::Full);
            continue;
        };
        let (router, front) = (router.clone(), front.clone());
        tokio::spawn(async move {
            front.stats.connections.add(1);
            serve(stream, peer, router).await;
            front.stats.connections.add(-1);
            drop(place);
        });
    }
}

/// Serves one connection.
async fn serve(stream: TcpStream, peer: SocketAddr, router: Router) {
    // Small messages are not held back; a system that cannot do this only makes them later.
    let _ = stream.set_nodelay(true);
    let upgraded = Arc::new(AtomicBool::new(false));
    let stream = Paced::new(stream, upgraded.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, upgraded) = (router.clone().call(request), upgraded.clone());
        async move {
            let answer = answer.await;
            let is_upgrade = answer.as_ref().is_ok_and(|one| one.status() == StatusCode::SWITCHING_PROTOCOLS);
            upgraded.fetch_or(is_upgrade, Ordering::Relaxed);
            answer
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        debug!(%peer, %error, "a connection ended");
    }
}
