//! `framekeep token`: a connect ticket for one player.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use framekeep_protocol::Role;
use framekeep_server::{MintError, NodeKey, TicketRequest, player_id_of};

use crate::args::TokenArgs;
use crate::config::Settings;
use crate::{CommandError, Exit, base64, identity, output};

/// No ticket could be minted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The ticket would lead nowhere.
    #[error("a client cannot connect to {0}: name the server's address with --addr, or in net.public")]
    NoAddress(SocketAddr),
    /// The ticket cannot be made.
    #[error(transparent)]
    Mint(#[from] MintError),
}

impl TokenError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            TokenError::NoAddress(_) => Exit::Usage,
            TokenError::Mint(_) => Exit::Failure,
        }
    }
}

/// Mints a ticket and prints it in Base64, or writes it to a file.
pub(crate) fn mint(args: &TokenArgs, settings: &Settings) -> Result<(), CommandError> {
    let server = args.addr.or(settings.net.public.first().copied()).unwrap_or(settings.net.udp);
    if server.ip().is_unspecified() || server.port() == 0 {
        return Err(TokenError::NoAddress(server).into());
    }
    let (key, _) = identity::of_minter(settings)?;
    let request = TicketRequest {
        server,
        player: player_id_of(&args.player),
        name: args.player.clone(),
        room: args.room.clone(),
        role: Role::Player,
        // A clock before 1970 mints tickets that every server refuses as expired.
        now: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO),
    };
    let (key, timeout) = (NodeKey::new(*key.bytes()), Duration::from_secs(settings.net.link_timeout_s));
    let ticket = framekeep_server::mint_with_timeout(&key, &request, timeout).map_err(TokenError::from)?;
    let text = format!("{}\n", base64::encode(&ticket));
    match &args.out {
        Some(path) => identity::write_private(path, &text, true)
            .map_err(|source| CommandError::Write { what: path.display().to_string(), source }),
        None => output::print(&text),
    }
}
