//! `framekeep serve`: the settings become a running server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use framekeep_results::ReplayRules;
use framekeep_server::{
    BindError, ContentFault, FaultBudgets, FaultKind, Games, NodeKey, ServeError, Server, ServerConfig,
};
use tracing::{info, warn};

use crate::config::{Durability, Effective, Origin, Settings};
use crate::front_door::{self, FrontDoorError};
use crate::{CommandError, Exit, banner, identity, logs, output, watchdog};

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeFailure {
    /// Signals cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signals(#[from] ctrlc::Error),
    /// The thread that watches over the shutdown cannot be started.
    #[error("cannot start a thread: {0}")]
    Watchdog(std::io::Error),
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
    /// HTTP cannot be served.
    #[error(transparent)]
    FrontDoor(#[from] FrontDoorError),
}

impl ServeFailure {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            ServeFailure::Signals(_)
            | ServeFailure::Watchdog(_)
            | ServeFailure::Start(ServeError::Data(_)) => Exit::Failure,
            ServeFailure::NoContentFolder(_)
            | ServeFailure::NoPublicAddress(_)
            | ServeFailure::Content(_) => Exit::Config,
            ServeFailure::Start(ServeError::Bind(_)) => Exit::Bind,
            ServeFailure::FrontDoor(error) => error.exit(),
        }
    }
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(effective: &Effective) -> Result<(), CommandError> {
    let settings = effective.settings();
    logs::start(settings);
    let (key, source) = identity::of_server(settings)?;
    if settings.net.udp.ip().is_unspecified() && settings.net.public.is_empty() {
        return Err(ServeFailure::NoPublicAddress(settings.net.udp).into());
    }
    let (stop, told) = stop_flags().map_err(ServeFailure::from)?;
    let registry = framekeep_games::registry();
    let games: Vec<_> = registry.iter().map(|game| game.name()).collect();
    let key = NodeKey::new(*key.bytes());
    let mut server = bind(effective, &key)?;
    let (gateway, keeper) =
        front_door::open(effective, &key, server.local_addr()).map_err(ServeFailure::from)?;
    server.attach_gate(keeper);
    let banner = banner::text(settings, server.local_addr(), &source, &games.join(", "), gateway.as_ref());
    if let Err(error) = output::print(&banner) {
        warn!(%error, "nobody can read the banner");
    }
    info!(udp = %server.local_addr(), data = %settings.data.folder.display(), "ready");
    let grace = Duration::from_secs(settings.drain.grace_s);
    let pumping = watchdog::start(told, grace).map_err(ServeFailure::Watchdog)?;
    server.pump_until(&stop.asked);
    server.drain(grace, &stop.at_once);
    drop(pumping);
    server.shut_down();
    info!("stopped");
    Ok(())
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
    let Settings { net, rooms, cleanup, faults, data, content, threads, .. } = settings;
    ServerConfig {
        name: net.name.clone(),
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

/// Flags that SIGINT and SIGTERM set, and what is told of the first one. A third signal ends the process.
fn stop_flags() -> Result<(Stop, Receiver<()>), ctrlc::Error> {
    let stop = Stop::default();
    let set = stop.clone();
    let (tell, told) = mpsc::channel();
    ctrlc::set_handler(move || {
        if set.asked.swap(true, Ordering::Relaxed) && set.at_once.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        // Before the server runs nobody listens, and nothing can be stuck.
        let _ = tell.send(());
    })?;
    Ok((stop, told))
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
