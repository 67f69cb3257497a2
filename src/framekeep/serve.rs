//! `framekeep serve`: the settings become a running server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Settings;
use crate::{CommandError, Exit, banner, identity, logs, output};

/// The server could not start, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeFailure {
    /// Signals cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signals(#[from] ctrlc::Error),
}

impl ServeFailure {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            ServeFailure::Signals(_) => Exit::Failure,
        }
    }
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(settings: &Settings) -> Result<(), CommandError> {
    logs::start(settings);
    let (key, source) = identity::of_server(settings)?;
    let shutdown = shutdown_flag().map_err(ServeFailure::from)?;
    let _ = (key.bytes(), shutdown.load(Ordering::Relaxed));
    output::print(&banner::text(settings, settings.net.udp, &source, "arena"))
}

/// A flag that SIGINT and SIGTERM set. A second signal ends the process at once.
fn shutdown_flag() -> Result<Arc<AtomicBool>, ctrlc::Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(flag)
}
