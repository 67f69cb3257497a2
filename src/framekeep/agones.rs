//! `Agones`, the sidecar of a game server in Kubernetes, over its REST interface.
//!
//! The server is `Ready` while nobody is connected, `Allocated` while somebody is or a match runs, so that it is not
//! scaled away under its players, and asks to be shut down when it has drained. Labels say how full it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use framekeep_gate::Report;
use serde_json::json;
use tracing::{debug, info, warn};

use crate::http;
use crate::supervision::Supervisor;

/// The variable that Agones sets for every container of a game server.
pub(crate) const PORT_ENV: &str = "AGONES_SDK_HTTP_PORT";

/// How often Agones is told that the server lives.
const HEALTH_EVERY: Duration = Duration::from_secs(2);

/// How often labels are written at most; each is a write to the cluster's store.
const LABELS_EVERY: Duration = Duration::from_secs(10);

/// What Agones was told the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing yet.
    Unknown,
    /// Nobody is there.
    Ready,
    /// Somebody is there.
    Allocated,
}

/// The sidecar of a game server in Kubernetes.
pub(crate) struct Agones {
    sidecar: SocketAddr,
    state: State,
    healthy_at: Option<Instant>,
    labelled_at: Option<Instant>,
    /// Labels as they were written last.
    labels: [(&'static str, Option<u64>); 4],
}

impl Agones {
    /// The sidecar, where Agones started this process.
    pub(crate) fn of_env() -> Option<Self> {
        let port = std::env::var(PORT_ENV).ok()?;
        match port.parse() {
            Ok(port) => Some(Self::at((Ipv4Addr::LOCALHOST, port).into())),
            Err(_) => {
                warn!(port, "{PORT_ENV} is no port: Agones is told nothing");
                None
            }
        }
    }

    fn at(sidecar: SocketAddr) -> Self {
        let labels = ["rooms", "playing", "players", "draining"].map(|name| (name, None));
        Self { sidecar, state: State::Unknown, healthy_at: None, labelled_at: None, labels }
    }

    /// Tells the sidecar something; `false` if it did not take it.
    fn tell(&self, method: &str, path: &str, json: &str) -> bool {
        let told = http::ask(self.sidecar, method, path, Some(json));
        let taken = told.as_ref().is_ok_and(http::Answer::is_success);
        match told {
            Err(error) => debug!(path, %error, "the sidecar of Agones cannot be told"),
            Ok(answer) if !taken => debug!(path, status = answer.status, "the sidecar of Agones refuses"),
            Ok(_) => {}
        }
        taken
    }

    fn enter(&mut self, state: State) {
        let path = if state == State::Allocated { "/allocate" } else { "/ready" };
        // What was not taken is tried again with the next report.
        if self.state != state && self.tell("POST", path, "{}") {
            info!(?state, "Agones was told");
            self.state = state;
        }
    }

    fn label(&mut self, report: &Report) {
        if self.labelled_at.is_some_and(|at| at.elapsed() < LABELS_EVERY) {
            return;
        }
        self.labelled_at = Some(Instant::now());
        let now = [report.rooms.len() as u64, report.playing, report.players, u64::from(report.draining)];
        for (place, value) in now.into_iter().enumerate() {
            let (name, written) = self.labels[place];
            let json = json!({ "key": format!("framekeep-{name}"), "value": value.to_string() });
            if written != Some(value) && self.tell("PUT", "/metadata/label", &json.to_string()) {
                self.labels[place].1 = Some(value);
            }
        }
    }
}

impl Supervisor for Agones {
    fn ready(&mut self) {
        self.enter(State::Ready);
    }

    fn alive(&mut self, report: &Report) {
        if self.healthy_at.is_none_or(|at| at.elapsed() >= HEALTH_EVERY) {
            self.healthy_at = Some(Instant::now());
            self.tell("POST", "/health", "{}");
        }
        if report.links > 0 || report.playing > 0 {
            self.enter(State::Allocated);
        } else if !report.draining {
            self.enter(State::Ready);
        }
        self.label(report);
    }

    fn stopping(&mut self, _within: Duration) {
        self.labelled_at = None;
    }

    fn stopped(&mut self) {
        self.tell("POST", "/shutdown", "{}");
    }
}
