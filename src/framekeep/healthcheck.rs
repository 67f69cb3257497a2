//! `framekeep healthcheck`: whether the server that runs here turns, as an exit code.

use std::net::SocketAddr;

use crate::args::HealthcheckArgs;
use crate::config::Settings;
use crate::{CommandError, Exit, http, output};

/// The server is not well, or cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// HTTP is switched off.
    #[error("http.address is off: there is nobody to ask; name the address of a running server with --http")]
    Off,
    /// Nobody answers.
    #[error("http://{address}{path} does not answer: {source}")]
    Unreachable {
        /// Who was asked.
        address: SocketAddr,
        /// For what.
        path: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server says that it is not well.
    #[error("http://{address}{path} says {status}: {text}")]
    Unwell {
        /// Who was asked.
        address: SocketAddr,
        /// For what.
        path: &'static str,
        /// The status.
        status: u16,
        /// What it said.
        text: String,
    },
}

impl HealthError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            HealthError::Off => Exit::Usage,
            HealthError::Unreachable { .. } => Exit::Bind,
            HealthError::Unwell { .. } => Exit::Failure,
        }
    }
}

/// Asks the server whether it turns, or whether new players may come.
pub(crate) fn check(args: &HealthcheckArgs, settings: &Settings) -> Result<(), CommandError> {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let address = settings.http.address.ok_or(HealthError::Off)?;
    let unreachable = |source| HealthError::Unreachable { address, path, source };
    let answer = http::get(address, path).map_err(unreachable)?;
    if answer.is_success() {
        return output::print(&answer.body);
    }
    let text = answer.body.lines().next().unwrap_or_default().chars().take(200).collect();
    Err(HealthError::Unwell { address, path, status: answer.status, text }.into())
}
