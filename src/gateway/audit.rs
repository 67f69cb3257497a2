//! `Audit`, who did what to the node.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tracing::{error, info};

use crate::front::unix_now;

/// Actions that are remembered for who asks.
const REMEMBERED: usize = 200;

/// An operator's action.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Action {
    /// When, in milliseconds since the Unix epoch.
    unix_ms: u64,
    /// From which address.
    from: String,
    /// drain, move, close, kick or watch.
    action: &'static str,
    /// To what.
    target: String,
    /// What became of it: the HTTP status.
    status: u16,
}

/// Who did what to the node: the last actions in memory, all of them in `audit.log` in the data folder.
pub(crate) struct Audit {
    file: Option<PathBuf>,
    last: Mutex<VecDeque<Action>>,
}

impl Audit {
    pub(crate) fn new(data: Option<&Path>) -> Self {
        Self { file: data.map(|folder| folder.join("audit.log")), last: Mutex::new(VecDeque::new()) }
    }

    /// Notes an action, after it.
    pub(crate) async fn note(&self, from: String, action: &'static str, target: String, status: u16) {
        let action = Action { unix_ms: unix_now().as_millis() as u64, from, action, target, status };
        info!(from = %action.from, action = action.action, target = %action.target, status, "an operator's action");
        let line = serde_json::to_string(&action).unwrap_or_default();
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == REMEMBERED {
                last.pop_front();
            }
            last.push_back(action);
        }
        let Some(file) = self.file.clone() else { return };
        // The disk is waited for elsewhere.
        let written = tokio::task::spawn_blocking(move || append(&file, &line)).await;
        if let Ok(Err(fault)) = written {
            error!(error = %fault, "the audit log cannot be written");
        }
    }

    /// The last actions, the newest first.
    pub(crate) fn last(&self) -> Vec<Action> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(format!("{line}\n").as_bytes())
}
