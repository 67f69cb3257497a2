//! `Heirs`, rooms of nodes that are gone: their data folders are on a disk that all nodes share, and one of the nodes
//! opens what is in them.
//!
//! It does so by starting what the dead node would be if it came back: a server with that folder, under that name,
//! which opens its rooms at their last durable tick and lets them go on at the nodes that have the least to do. What
//! none of them takes stays in the folder for the next time. The lock of the folder decides who may: a node that was
//! only paused has it still.

mod hand_on;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framekeep_cluster::{ClusterHandle, NodeView};
use framekeep_gate::Door;
use tracing::{error, info, warn};

use crate::config::Settings;
use crate::identity::HAND_ON_ENV;
use crate::supervision;
pub(crate) use hand_on::hand_on;

/// How often it is looked whether a node is gone.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a node is gone before its rooms are opened elsewhere: who looks after it may start it again at once.
const GONE_FOR: Duration = Duration::from_secs(1);

/// How long a folder is left alone that could not be used, or whose rooms no node took: twice as long each time.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(300);

/// How long a node waits for its own data folder when it starts.
const OWN_FOLDER_WITHIN: Duration = Duration::from_secs(60);

/// The exit codes of a server that has left rooms in the folder: none of them was taken, or some were.
const NONE_TAKEN: i32 = 75;
const SOME_TAKEN: i32 = 76;

/// How long a node waits for its data folder: an heir may be about to empty it.
pub(crate) fn patience(settings: &Settings) -> Duration {
    if settings.cluster.heirs.is_some() { OWN_FOLDER_WITHIN } else { Duration::ZERO }
}

/// A thread that looks after rooms of nodes that are gone. Dropping it ends it, and leaves to itself what it started.
pub(crate) struct Heirs {
    _alive: Arc<()>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Heirs {
    /// Starts it, if the settings name a folder that all nodes share.
    pub(crate) fn start(settings: &Settings, handle: ClusterHandle, door: Door) -> io::Result<Option<Self>> {
        let Some(folder) = settings.cluster.heirs.clone() else { return Ok(None) };
        let alive = Arc::new(());
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::downgrade(&alive);
        let settings = settings.clone();
        let told = stop.clone();
        let thread = std::thread::Builder::new().name("framekeep-heirs".to_owned());
        let thread = thread.spawn(move || look_after(&settings, &folder, &handle, &door, &seen, &told))?;
        Ok(Some(Self { _alive: alive, thread: Some(thread), stop }))
    }
}

impl Drop for Heirs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in there was told of by itself.
            let _ = thread.join();
        }
    }
}

fn look_after(
    settings: &Settings,
    folder: &Path,
    handle: &ClusterHandle,
    door: &Door,
    alive: &Weak<()>,
    stop: &AtomicBool,
) {
    let mut gone: BTreeMap<String, Instant> = BTreeMap::new();
    let mut children: BTreeMap<String, Child> = BTreeMap::new();
    let mut waits: BTreeMap<String, Duration> = BTreeMap::new();
    let mut again: BTreeMap<String, Instant> = BTreeMap::new();
    while alive.strong_count() > 0 && !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK_EVERY);
        children.retain(|name, child| {
            let Some(ended) = has_ended(name, child) else { return true };
            match ended {
                Ended::All | Ended::Some => drop(waits.remove(name)),
                Ended::Nothing => {
                    let wait = waits.get(name).map_or(AGAIN_AFTER, |last| (*last * 2).min(AGAIN_AFTER_MAX));
                    waits.insert(name.clone(), wait);
                    again.insert(name.clone(), Instant::now() + wait);
                }
            }
            false
        });
        let nodes = handle.nodes();
        if !handle.is_connected() || door.report().draining || !is_first(&nodes, handle) {
            gone.clear();
            continue;
        }
        let there: Vec<_> = names_in(folder);
        gone.retain(|name, _| there.contains(name));
        for name in there {
            let is_up = nodes.iter().any(|view| view.card.name == name) || children.contains_key(&name);
            if is_up {
                gone.remove(&name);
                continue;
            }
            let since = *gone.entry(name.clone()).or_insert_with(Instant::now);
            let left = folder.join(&name);
            let is_early = again.get(&name).is_some_and(|at| Instant::now() < *at);
            if since.elapsed() < GONE_FOR || is_early || !has_rooms(&left) {
                continue;
            }
            match open(settings, &name, &left) {
                Ok(child) => {
                    info!(node = name, folder = %left.display(), "the rooms of a node that is gone are opened");
                    children.insert(name, child);
                }
                Err(error) => {
                    error!(node = name, %error, "the rooms of a node that is gone cannot be opened")
                }
            }
        }
    }
}

/// Whether this node is the one that looks after others: the first of those with rooms that do.
fn is_first(nodes: &[NodeView], handle: &ClusterHandle) -> bool {
    let can = |view: &&NodeView| view.card.heirs && !view.card.is_gateway && !view.load.draining;
    nodes.iter().filter(can).map(|view| view.node).min() == Some(handle.node())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().join("journal").is_dir());
    folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn has_rooms(folder: &Path) -> bool {
    framekeep_server::has_left_rooms(folder).unwrap_or_else(|error| {
        warn!(folder = %folder.display(), %error, "the folder of a node that is gone cannot be read");
        false
    })
}

/// How a server ended that was started with the folder of another.
enum Ended {
    /// Every room goes on at a node.
    All,
    /// It had not the time for all; the others are in the folder.
    Some,
    /// No node takes what is left, or the folder cannot be used.
    Nothing,
}

/// Whether a server that was started has done its work; `None` while it is at it.
fn has_ended(name: &str, child: &mut Child) -> Option<Ended> {
    let status = match child.try_wait() {
        Ok(None) => return None,
        Ok(Some(status)) => status,
        Err(_) => return Some(Ended::Nothing),
    };
    Some(match status.code() {
        Some(0) => {
            info!(node = name, "the rooms of a node that is gone go on at others");
            Ended::All
        }
        Some(SOME_TAKEN) => Ended::Some,
        Some(NONE_TAKEN) => {
            warn!(node = name, "no node takes what is left of a node that is gone: it is tried again later");
            Ended::Nothing
        }
        _ => {
            error!(node = name, %status, "the rooms of a node that is gone do not go on");
            Ended::Nothing
        }
    })
}

/// Starts a server with the settings of this one, except for its name and its addresses.
fn open(settings: &Settings, name: &str, folder: &Path) -> io::Result<Child> {
    opening(settings, name, folder)?.spawn()
}

fn opening(settings: &Settings, name: &str, folder: &Path) -> io::Result<Command> {
    let peer = settings.cluster.peer.map_or(settings.net.udp.ip(), |peer| peer.ip());
    let any = SocketAddr::new(peer, 0).to_string();
    let loopback = "127.0.0.1:0";
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    let data = PathBuf::from(folder).display().to_string();
    let others = [
        ("net.name", name),
        ("net.udp", &any),
        // That is where this node is.
        ("net.public", ""),
        ("data.folder", &data),
        ("http.address", loopback),
        ("admin.address", loopback),
        ("cluster.peer", &any),
        ("cluster.relay_port", "0"),
        ("cluster.public_url", ""),
        ("cluster.heirs", ""),
        ("cluster.role", "game"),
    ];
    for (key, value) in others {
        command.args(["--set", &format!("{key}={value}")]);
    }
    // Whoever looks after this node's process knows nothing of another one.
    for name in supervision::VARIABLES {
        command.env_remove(name);
    }
    command.env(HAND_ON_ENV, &settings.net.name);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_opens_the_rooms_of_another_is_supervised_by_nobody_and_where_nobody_looks() {
        let layers = crate::config::LayerSources::default().merge().unwrap();
        let settings = layers.settings();
        let command = opening(settings, "eu7", Path::new("/mnt/rooms/eu7")).unwrap();
        let variables: BTreeMap<_, _> = command.get_envs().collect();
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "AGONES_SDK_HTTP_PORT"] {
            assert_eq!(variables.get(std::ffi::OsStr::new(name)), Some(&None), "{name}");
        }
        let args: Vec<_> = command.get_args().filter_map(|arg| arg.to_str()).collect();
        for set in ["net.name=eu7", "net.public=", "data.folder=/mnt/rooms/eu7", "cluster.heirs="] {
            assert!(args.windows(2).any(|pair| pair == ["--set", set]), "{set}: {args:?}");
        }
    }
}
