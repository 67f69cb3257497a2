//! `Heirs`, rooms of nodes that are gone: their data folders are on a disk that all nodes share, and one of the nodes
//! opens what is in them.
//!
//! It does so by starting what the dead node would be if it came back: a server with that folder, under that name,
//! which opens its rooms at their last durable tick and lets all of them go on here. The lock of the folder decides
//! who may: a node that was only paused has it still.

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
use framekeep_gate::{Door, Order};
use tracing::{error, info, warn};

use crate::config::Settings;
use crate::identity::HAND_ON_ENV;

/// How often it is looked whether a node is gone.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a node is gone before its rooms are opened elsewhere: who looks after it may start it again at once.
const GONE_FOR: Duration = Duration::from_secs(1);

/// How long a folder that could not be used is left alone.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How long the rooms of a node that is gone may take to go on here.
const HAND_ON_WITHIN: Duration = Duration::from_secs(60);

/// How long the cluster may take to say where the heir is.
const FOUND_WITHIN: Duration = Duration::from_secs(20);

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
    while alive.strong_count() > 0 && !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK_EVERY);
        children.retain(|name, child| {
            let is_over = has_ended(name, child);
            if is_over == Some(false) {
                gone.insert(name.clone(), Instant::now() + AGAIN_AFTER);
            }
            is_over.is_none()
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
            if since.elapsed() < GONE_FOR || !has_rooms(&left) {
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

/// Whether this node is the one that looks after others: the first of those with rooms.
fn is_first(nodes: &[NodeView], handle: &ClusterHandle) -> bool {
    let can = |view: &&NodeView| !view.card.is_gateway && !view.load.draining;
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

/// Whether a server that was started has done its work; `None` while it is at it.
fn has_ended(name: &str, child: &mut Child) -> Option<bool> {
    match child.try_wait() {
        Ok(None) => None,
        Ok(Some(status)) if status.success() => {
            info!(node = name, "the rooms of a node that is gone go on here");
            Some(true)
        }
        Ok(Some(status)) => {
            error!(node = name, %status, "the rooms of a node that is gone do not go on here");
            Some(false)
        }
        Err(_) => Some(false),
    }
}

/// Starts a server with the settings of this one, except for its name and its addresses.
fn open(settings: &Settings, name: &str, folder: &Path) -> io::Result<Child> {
    let peer = settings.cluster.peer.map_or(settings.net.udp.ip(), |peer| peer.ip());
    let any = SocketAddr::new(peer, 0).to_string();
    let loopback = "127.0.0.1:0";
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    let data = PathBuf::from(folder).display().to_string();
    let others = [
        ("net.name", name),
        ("net.udp", &any),
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
    command.env(HAND_ON_ENV, &settings.net.name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}

/// Lets all rooms of this process go on at the node that the environment names, if it names one, and the process end.
pub(crate) fn hand_on(handle: ClusterHandle, door: Door) -> io::Result<()> {
    let Some(heir) = std::env::var(HAND_ON_ENV).ok().filter(|heir| !heir.is_empty()) else { return Ok(()) };
    let work = move || {
        let begun = Instant::now();
        while handle.find(&heir).is_none() && begun.elapsed() < FOUND_WITHIN {
            std::thread::sleep(Duration::from_millis(20));
        }
        info!(heir, "the rooms of this folder go on at another node");
        // A server that does not take orders any more ends by itself.
        let _ = door.send(Order::MoveAll(vec![heir]));
        let _ = door.send(Order::Drain { grace: HAND_ON_WITHIN });
    };
    std::thread::Builder::new().name("framekeep-heir".to_owned()).spawn(work).map(drop)
}
