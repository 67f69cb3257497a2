//! A node without rooms: a front door, a relay, a place in the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use framekeep_gateway::Gateway;
use framekeep_server::NodeKey;
use tracing::{info, warn};

use super::{ReloaderPlace, ServeFailure, Stop, lock};
use crate::args::ConfigArgs;
use crate::cluster::{self, Parts};
use crate::config::Effective;
use crate::identity::KeySource;
use crate::logs::SetLevel;
use crate::reload::Reloader;
use crate::supervision::Supervision;
use crate::watchdog::Word;
use crate::{CommandError, banner, front_door, output, ports, relay};

/// How often it is looked whether the process is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long clients are given to hear that it ends.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Serves until SIGINT or SIGTERM, or until an operator has drained the node.
pub(super) fn serve(
    effective: &Effective,
    args: &ConfigArgs,
    (key, source): (NodeKey, KeySource),
    (stop, told, reloader, set_level): (Stop, Receiver<Word>, ReloaderPlace, SetLevel),
) -> Result<(), CommandError> {
    let settings = effective.settings();
    let number = cluster::number(settings).map_err(ServeFailure::from)?;
    let (relay, mint) = relay::start_gateway(settings, number.0, &key).map_err(ServeFailure::from)?;
    // Nobody takes what goes through this door: the relay stands before it.
    let (door, _keeper) = front_door::ends();
    let door = door.through(relay.detour());
    let gateway = front_door::open(effective, &door, &mint).map_err(ServeFailure::from)?;
    let parts = Parts { number, udp: None, gateway: gateway.as_ref(), relay: Some(&relay) };
    let node = cluster::start(settings, &key, parts, &door).map_err(ServeFailure::from)?;
    let held = ports::write_gateway(&settings.data.folder, gateway.as_ref());
    if let Err(error) = &held {
        warn!(%error, "commands do not find this gateway by its data folder: name its ports with --http, --admin");
    }
    if let Some(gateway) = &gateway
        && let Err(error) = output::print(&banner::gateway_text(settings, &source, gateway))
    {
        warn!(%error, "nobody can read the banner");
    }
    info!("ready");
    let grace_s = Arc::new(AtomicU64::new(settings.drain.grace_s));
    let handle = gateway.as_ref().map(Gateway::handle);
    *lock(&reloader) = Some(Reloader {
        args: args.clone(),
        effective: args.load()?,
        gateway: handle,
        set_level,
        grace_s: grace_s.clone(),
    });
    let supervision = Supervision::start(&door).map_err(ServeFailure::Thread)?;
    wait(&stop, &told, &relay, &grace_s);
    supervision.stopping(LAST_WORDS);
    relay.stop();
    std::thread::sleep(LAST_WORDS);
    drop((gateway, node, relay, held));
    supervision.end();
    info!("stopped");
    Ok(())
}

/// Waits for a signal, or until the time is over that clients were given when the node was drained.
fn wait(stop: &Stop, told: &Receiver<Word>, relay: &relay::RelayNode, grace_s: &AtomicU64) {
    let mut draining = None;
    while !stop.asked.load(Ordering::Relaxed) {
        // A signal is told as well, so that nobody waits for the clock.
        let _ = told.recv_timeout(LOOK_EVERY);
        if relay.is_draining() {
            let since: &mut Instant = draining.get_or_insert_with(Instant::now);
            if since.elapsed() >= Duration::from_secs(grace_s.load(Ordering::Relaxed)) {
                return;
            }
        }
    }
}
