//! `framekeep serve`: the settings become a running server.

mod gateway;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use framekeep_gate::{Door, Mint};
use framekeep_gateway::Gateway;
use framekeep_results::ReplayRules;
use framekeep_server::{
    BindError, ContentFault, FaultBudgets, FaultKind, Games, NodeKey, NotKept, RecordError, ServeError,
    Server, ServerConfig,
};
use tracing::{info, warn};

use crate::args::ConfigArgs;
use crate::cluster::Parts;
use crate::config::{Durability, Effective, Origin, Role, Settings, Unfinished};
use crate::front_door::{self, FrontDoorError};
use crate::heir::{self, Heirs};
use crate::relay::{self, RelayNode};
use crate::reload::Reloader;
use crate::signals::Asked;
use crate::supervision::Supervision;
use crate::watchdog::Word;
use crate::{
    ClusterFault, CommandError, Exit, banner, cluster, identity, logs, output, ports, signals, watchdog,
};

/// How often it is looked whether another server has left the data folder.
const AGAIN_EVERY: Duration = Duration::from_millis(100);

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeFailure {
    /// Signals cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signals(std::io::Error),
    /// A thread that watches over the server cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The configured content folder is none.
    #[error("content.folder = {0:?} is not a folder")]
    NoContentFolder(PathBuf),
    /// Players could not be told where to connect to.
    #[error(
        "net.udp = {0} listens on every address of this machine, and a ticket must name one that players can connect \
         to.\nList them in net.public, such as net.public = [\"192.0.2.7:7770\"] in the file, or --public \
         192.0.2.7:7770"
    )]
    NoPublicAddress(SocketAddr),
    /// Content that a game refuses.
    #[error("content: {0}")]
    Content(#[from] ContentFault),
    /// The address or the data folder cannot be used.
    #[error(transparent)]
    Start(#[from] ServeError),
    /// The server has stopped, and not all it should have kept is on the disk.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// HTTP cannot be served.
    #[error(transparent)]
    FrontDoor(#[from] FrontDoorError),
    /// The server cannot be one node of a cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterFault),
}

impl ServeFailure {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            ServeFailure::Signals(_)
            | ServeFailure::Thread(_)
            | ServeFailure::NotKept(_)
            | ServeFailure::Start(ServeError::Data(_)) => Exit::Failure,
            ServeFailure::NoContentFolder(_)
            | ServeFailure::NoPublicAddress(_)
            | ServeFailure::Content(_) => Exit::Config,
            ServeFailure::Start(ServeError::Bind(_)) => Exit::Bind,
            ServeFailure::FrontDoor(error) => error.exit(),
            ServeFailure::Cluster(error) => error.exit(),
        }
    }
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(args: &ConfigArgs) -> Result<(), CommandError> {
    let effective = args.load()?;
    let settings = effective.settings();
    let (tell, told) = mpsc::channel();
    let stop = Stop::default();
    let reloader = Arc::new(Mutex::new(None));
    hear_signals(tell.clone(), stop.clone(), reloader.clone())?;
    let set_level = logs::start(settings);
    let (key, source) = identity::of_server(settings)?;
    cluster::check(settings).map_err(ServeFailure::from)?;
    if settings.cluster.role == Role::Gateway {
        let key = (NodeKey::new(*key.bytes()), source);
        return gateway::serve(&effective, args, key, (stop, told, reloader, set_level));
    }
    check_public(settings)?;
    let registry = framekeep_games::registry();
    let games: Vec<_> = registry.iter().map(|game| game.name()).collect();
    let key = NodeKey::new(*key.bytes());
    let mut server = bind_once_free(&effective, &key, &stop)?;
    let udp = server.local_addr();
    let (door, keeper) = front_door::ends();
    server.attach_gate(keeper);
    let mint: Arc<dyn Mint> = Arc::new(front_door::mint(settings, &key, udp));
    let Cluster { gateway, node, relay, heirs } = join(&effective, &key, udp, &door, mint)?;
    if let Err(error) = ports::write(&settings.data.folder, gateway.as_ref()) {
        warn!(%error, "commands do not find this server by its data folder: name its ports with --http, --admin");
    }
    let banner = banner::text(settings, udp, &source, &games.join(", "), gateway.as_ref());
    if let Err(error) = output::print(&banner) {
        warn!(%error, "nobody can read the banner");
    }
    info!(%udp, data = %settings.data.folder.display(), "ready");
    let grace_s = Arc::new(AtomicU64::new(settings.drain.grace_s));
    let left = (settings.drain.unfinished == Unfinished::Keep).then(|| settings.data.folder.clone());
    let handle = gateway.as_ref().map(Gateway::handle);
    let (args, grace) = (args.clone(), grace_s.clone());
    *lock(&reloader) = Some(Reloader { args, effective, gateway: handle, set_level, grace_s: grace });
    let supervision = Supervision::start(&door).map_err(ServeFailure::Thread)?;
    let pumping = watchdog::start(tell, told, grace_s.clone()).map_err(ServeFailure::Thread)?;
    server.pump_until(&stop.asked);
    let grace = Duration::from_secs(grace_s.load(Ordering::Relaxed));
    supervision.stopping(grace);
    server.drain(grace, &stop.at_once);
    pumping.is_over();
    let kept = server.shut_down();
    if let (Some(node), Some(folder)) = (&node, &left) {
        node.keep_names_of(folder);
    }
    supervision.end();
    drop((heirs, node, relay));
    // Closing the front door may take a moment, in which the watchdog is still told.
    drop(gateway);
    drop(pumping);
    info!("stopped");
    Ok(kept.map_err(ServeFailure::from)?)
}

/// What is around a server.
struct Cluster {
    gateway: Option<Gateway>,
    node: Option<cluster::Node>,
    relay: Option<RelayNode>,
    heirs: Option<Heirs>,
}

/// Opens the front door, and makes the server one node of a cluster if the settings say so.
fn join(
    effective: &Effective,
    key: &NodeKey,
    udp: SocketAddr,
    door: &Door,
    mint: Arc<dyn Mint>,
) -> Result<Cluster, ServeFailure> {
    let settings = effective.settings();
    if !cluster::is_wanted(settings) {
        let gateway = front_door::open(effective, door, &mint)?;
        return Ok(Cluster { gateway, node: None, relay: None, heirs: None });
    }
    let number = cluster::number(settings)?;
    let relay = relay::start(settings, number.0, door, mint.clone())?;
    let through = relay.as_ref().map_or_else(|| door.clone(), |relay| door.through(relay.detour()));
    let gateway = front_door::open(effective, &through, &mint)?;
    let parts = Parts { number, udp: Some(udp), gateway: gateway.as_ref(), relay: relay.as_ref() };
    let node = cluster::start(settings, key, parts, door)?;
    let heirs = Heirs::start(settings, node.handle.clone(), door.clone()).map_err(ServeFailure::Thread)?;
    heir::hand_on(settings, node.handle.clone(), door.clone()).map_err(ServeFailure::Thread)?;
    Ok(Cluster { gateway, node: Some(node), relay, heirs })
}

/// Looks at everything that would keep a server with these settings from starting, without starting it.
pub(crate) fn check(settings: &Settings) -> Result<(), CommandError> {
    identity::check(settings)?;
    check_public(settings)?;
    games(settings)?;
    front_door::check(settings).map_err(ServeFailure::from)?;
    cluster::check(settings).map_err(ServeFailure::from)?;
    Ok(())
}

fn check_public(settings: &Settings) -> Result<(), ServeFailure> {
    if settings.net.udp.ip().is_unspecified() && settings.net.public.is_empty() {
        return Err(ServeFailure::NoPublicAddress(settings.net.udp));
    }
    Ok(())
}

/// Binds; waits for the data folder where another may have it only until its rooms go on elsewhere.
fn bind_once_free(effective: &Effective, key: &NodeKey, stop: &Stop) -> Result<Server, ServeFailure> {
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        match bind(effective, key) {
            Err(ServeFailure::Start(ServeError::Data(RecordError::InUse { folder })))
                if begun.elapsed() < heir::patience(effective.settings())
                    && !stop.asked.load(Ordering::Relaxed) =>
            {
                if !is_told {
                    let folder = folder.display();
                    warn!(%folder, "another server uses this data folder, perhaps an heir of this node: it is awaited");
                }
                is_told = true;
                std::thread::sleep(AGAIN_EVERY);
            }
            bound => return bound,
        }
    }
}

/// Opens the socket and the data folder. A receive buffer that was asked for must be had; of the default, what the
/// system gives is taken, with a warning, so that a first start succeeds on every machine.
fn bind(effective: &Effective, key: &NodeKey) -> Result<Server, ServeFailure> {
    let settings = effective.settings();
    let start =
        |config| -> Result<Server, ServeFailure> { Ok(Server::bind(config, games(settings)?, key.clone())?) };
    match start(server_config(settings)) {
        Err(ServeFailure::Start(ServeError::Bind(BindError::ReceiveBuffer { asked, got })))
            if *effective.origin("net", "receive_buffer_bytes") == Origin::Default =>
        {
            warn!(
                asked,
                got,
                "the system gives a smaller UDP receive buffer than the default: raise net.core.rmem_max, \
                 or expect lost inputs with hundreds of players"
            );
            start(ServerConfig { receive_buffer_bytes: got, ..server_config(settings) })
        }
        started => started,
    }
}

/// The games of this binary with the content that ships, and that of the configured folder over it.
fn games(settings: &Settings) -> Result<Games, ServeFailure> {
    let mut games = Games::new(framekeep_games::registry());
    for file in framekeep_games::CONTENT {
        games.add_content(file.game, file.name, file.text)?;
    }
    if let Some(folder) = &settings.content.folder {
        if !folder.is_dir() {
            return Err(ServeFailure::NoContentFolder(folder.clone()));
        }
        games.add_folder(folder)?;
    }
    Ok(games)
}

fn server_config(settings: &Settings) -> ServerConfig {
    let Settings { net, rooms, cleanup, faults, data, content, threads, cluster: shared, drain, .. } =
        settings;
    ServerConfig {
        name: net.name.clone(),
        node: net.name.clone(),
        shares_names: cluster::is_wanted(settings) && shared.peer.is_some(),
        web: shared.public_url.clone(),
        udp: net.udp,
        public: net.public.clone(),
        receive_buffer_bytes: net.receive_buffer_bytes,
        shard_clients_max: net.shard_clients_max,
        clients_max: net.clients_max,
        link_timeout: Duration::from_secs(net.link_timeout_s),
        heartbeat: Duration::from_millis(net.heartbeat_ms),
        rooms_max: rooms.rooms_max,
        tick_rate_hz: rooms.tick_rate_hz,
        send_every_ticks: rooms.send_every_ticks,
        input_repeat_ticks_max: rooms.input_repeat_ticks_max,
        start_delay: Duration::from_millis(rooms.start_delay_ms),
        lockstep_wait: Duration::from_millis(rooms.lockstep_wait_ms),
        idle_kick: Duration::from_secs(rooms.idle_kick_s),
        reconnect_grace: Duration::from_secs(rooms.reconnect_grace_s),
        keeps_rooms: drain.unfinished == Unfinished::Keep,
        closed_room_life: Duration::from_secs(rooms.closed_room_s),
        fault_budgets: FaultBudgets {
            window: Duration::from_secs(faults.window_s),
            max: FaultKind::ALL.map(|kind| match kind {
                FaultKind::Network => faults.network_max,
                FaultKind::Input => faults.input_max,
                FaultKind::Desync => faults.desync_max,
                FaultKind::Game => faults.game_max,
                FaultKind::Cleanup => faults.cleanup_max,
                FaultKind::Record => faults.record_max,
            }),
        },
        empty_room_life: Duration::from_secs(rooms.empty_room_life_s),
        finished_room_life: Duration::from_secs(rooms.finished_room_s),
        room_life_max: Duration::from_secs(cleanup.room_life_max_s),
        cleanup_delay: Duration::from_millis(cleanup.delay_ms),
        cleanup_forced_after: Duration::from_secs(cleanup.forced_after_s),
        cleanup_batch: cleanup.batch,
        cleanup_retry_first: Duration::from_millis(cleanup.retry_first_ms),
        cleanup_retry_max: Duration::from_millis(cleanup.retry_max_ms),
        sweep_every: Duration::from_secs(cleanup.sweep_every_s),
        leaderboard_every: Duration::from_millis(cleanup.leaderboard_every_ms),
        step_budget: Duration::from_millis(rooms.step_budget_ms),
        state_bytes_max: rooms.state_bytes_max,
        data: Some(data.folder.clone()),
        durability: match data.durability {
            Durability::Tick => framekeep_server::Durability::Tick,
            Durability::Second => framekeep_server::Durability::Second,
            Durability::Off => framekeep_server::Durability::Off,
        },
        recovery_target: Duration::from_secs(data.recovery_target_s),
        results_max: data.results_max,
        sealed_after: Duration::from_secs(data.sealed_after_s),
        replay_rules: ReplayRules {
            count_max: data.replays_max,
            age_max: Duration::from_secs(data.replays_days_max * 86_400),
            bytes_max: data.replays_bytes_max,
        },
        content: content.folder.clone(),
        threads: threads.count,
        subtick: Duration::from_millis(threads.subtick_ms),
    }
}

/// What SIGINT and SIGTERM set.
#[derive(Clone, Debug, Default)]
struct Stop {
    /// By the first signal: running matches may end.
    asked: Arc<AtomicBool>,
    /// By the second: nothing is waited for.
    at_once: Arc<AtomicBool>,
}

/// What reads the configuration again, once there is something to change.
type ReloaderPlace = Arc<Mutex<Option<Reloader>>>;

fn lock(place: &ReloaderPlace) -> MutexGuard<'_, Option<Reloader>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SIGINT and SIGTERM set the flags and are told to the watchdog, the third of them ends the process; SIGHUP reads the
/// configuration again.
fn hear_signals(tell: Sender<Word>, stop: Stop, reloader: ReloaderPlace) -> Result<(), ServeFailure> {
    let hear = move |asked| {
        if asked == Asked::Reload {
            match lock(&reloader).as_mut() {
                Some(reloader) => reloader.reload(),
                None => warn!("the server is still starting: the configuration was not read again"),
            }
            return;
        }
        if stop.asked.swap(true, Ordering::Relaxed) && stop.at_once.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        // Nobody listens after the server has stopped.
        let _ = tell.send(Word::Stop);
    };
    signals::listen(hear).map_err(ServeFailure::Signals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayerSources;

    #[test]
    fn the_defaults_of_the_configuration_are_the_servers_own() {
        let defaults = LayerSources::default().merge().expect("defaults");
        let own = ServerConfig { data: Some("./framekeep-data".into()), ..ServerConfig::default() };
        assert_eq!(format!("{:?}", server_config(defaults.settings())), format!("{own:?}"));
    }
}
