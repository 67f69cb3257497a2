//! `Reloader`, what SIGHUP does: the configuration is read again, and what can be changed while the server runs is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use framekeep_gateway::GatewayHandle;
use tracing::{error, info, warn};

use crate::args::ConfigArgs;
use crate::config::Effective;
use crate::front_door;
use crate::logs::SetLevel;

/// Sections and keys that are followed while the server runs; all others are with its next start.
const FOLLOWED: &[&str] = &[
    "alerts",
    "websocket",
    "http.origins",
    "http.guests",
    "http.trusted_proxies",
    "http.api_key_file",
    "http.requests_per_s",
    "http.key_requests_per_s",
    "admin.token_file",
    "drain.grace_s",
    "log.level",
];

/// Reads the configuration again.
pub(crate) struct Reloader {
    pub(crate) args: ConfigArgs,
    pub(crate) effective: Effective,
    /// The open front door, if there is one.
    pub(crate) gateway: Option<GatewayHandle>,
    pub(crate) set_level: SetLevel,
    /// How long matches may go on, in seconds.
    pub(crate) grace_s: Arc<AtomicU64>,
}

impl Reloader {
    /// Reads the configuration and the files with keys again. With anything wrong in it, nothing changes.
    pub(crate) fn reload(&mut self) {
        let read = match self.args.load() {
            Ok(read) => read,
            Err(problems) => {
                for line in problems.to_string().lines() {
                    error!("the configuration was not read again: {line}");
                }
                return;
            }
        };
        let settings = read.settings();
        if let Some(gateway) = &self.gateway {
            match front_door::config(settings) {
                Ok(config) => gateway.reload(config),
                Err(problem) => return error!(%problem, "the configuration was not read again"),
            }
        }
        (self.set_level)(&settings.log.level);
        self.grace_s.store(settings.drain.grace_s, Ordering::Relaxed);
        let (followed, waiting) = changes(&self.effective, &read);
        info!(changed = followed.join(", "), "the configuration was read again");
        if !waiting.is_empty() {
            warn!(changed = waiting.join(", "), "these keys are followed when the server starts next");
        }
        self.effective = read;
    }
}

/// The keys whose values differ: those that are followed at once, and those that are not.
fn changes(before: &Effective, after: &Effective) -> (Vec<String>, Vec<String>) {
    let pairs = before.iter().zip(after.iter());
    let changed = pairs.filter(|((_, old, _), (_, new, _))| old != new).map(|((key, ..), _)| key);
    changed.map(|key| key.path()).partition(|path| is_followed(path))
}

fn is_followed(path: &str) -> bool {
    let section = path.split('.').next().unwrap_or_default();
    FOLLOWED.contains(&path) || FOLLOWED.contains(&section)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KEYS, LayerSources};

    #[test]
    fn what_is_followed_is_told_from_what_waits() {
        let merged = |text: &str| LayerSources::default().with_file("f.toml", text).unwrap().merge().unwrap();
        let after = merged("[alerts]\nrtt_ms = 200\n[net]\nname = \"b\"\n[log]\nlevel = \"debug\"\n");
        let (followed, waiting) = changes(&merged(""), &after);
        assert_eq!(followed, ["alerts.rtt_ms", "log.level"]);
        assert_eq!(waiting, ["net.name"]);
    }

    #[test]
    fn what_is_followed_exists_and_is_documented() {
        let text = include_str!("../../docs/OPERATING.md");
        for name in FOLLOWED {
            assert!(KEYS.iter().any(|key| key.path() == *name || key.section == *name), "{name}");
            assert!(text.contains(&format!("`{name}`")), "docs/OPERATING.md does not name {name}");
        }
    }
}
