//! The front door: settings and secrets become a gateway.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::{Door, Keeper, Mint, gate};
use framekeep_gateway::{
    AlertConfig, Gateway, GatewayConfig, GatewayError, Secret, SecretTooShort, WebConfig,
};
use framekeep_server::{KeyMint, NodeKey};
use tracing::warn;

use crate::config::{Compression, Effective, Guests, Origin, Role, Settings};
use crate::identity::{self, ADMIN_TOKEN_ENV, API_KEY_ENV, CLUSTER_SECRET_ENV, IdentityError};
use crate::{Exit, ModesError, cluster, modes};

/// Orders that may wait for the server.
const ORDERS_MAX: usize = 16_384;

/// The file of the operators' token within the data folder.
pub(crate) const TOKEN_FILE: &str = "admin.token";

/// Longest text a file with a secret may hold, in bytes.
const SECRET_FILE_BYTES_MAX: u64 = 4_096;

/// HTTP cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FrontDoorError {
    /// The front door cannot be opened.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Operators' actions would be served to others.
    #[error(
        "admin.address = {0} can be reached from other machines: operators' actions are served on loopback only.\n\
         Use an address such as 127.0.0.1:7781 and a tunnel, or --admin off"
    )]
    AdminNotLoopback(SocketAddr),
    /// A secret that is none.
    #[error("{origin}: {source}")]
    TooShort {
        /// The file or variable.
        origin: String,
        /// How short.
        source: SecretTooShort,
    },
    /// A file with a secret that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The operators' token cannot be made.
    #[error(transparent)]
    Token(#[from] IdentityError),
    /// The file of modes cannot be used.
    #[error(transparent)]
    Modes(#[from] ModesError),
}

impl FrontDoorError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            FrontDoorError::Gateway(GatewayError::Bind { .. }) => Exit::Bind,
            FrontDoorError::Gateway(GatewayError::Threads(_)) => Exit::Failure,
            FrontDoorError::AdminNotLoopback(_)
            | FrontDoorError::TooShort { .. }
            | FrontDoorError::Modes(_)
            | FrontDoorError::Unreadable { .. } => Exit::Config,
            FrontDoorError::Token(error) => error.exit(),
        }
    }
}

/// The two ends of what is between front door and server.
pub(crate) fn ends() -> (Door, Keeper) {
    gate(ORDERS_MAX)
}

/// Makes tickets for this node.
pub(crate) fn mint(settings: &Settings, key: &NodeKey, udp: SocketAddr) -> KeyMint {
    KeyMint {
        key: key.clone(),
        udp: settings.net.public.first().copied().unwrap_or(udp),
        link_timeout: Duration::from_secs(settings.net.link_timeout_s),
    }
}

/// Opens the front door, unless both its addresses are off. A default port that is taken is not insisted on, so that a
/// second server starts as well.
pub(crate) fn open(
    effective: &Effective,
    door: &Door,
    mint: &Arc<dyn Mint>,
) -> Result<Option<Gateway>, FrontDoorError> {
    let settings = effective.settings();
    if settings.http.address.is_none() && settings.admin.address.is_none() {
        return Ok(None);
    }
    let mut config = config(settings)?;
    loop {
        match Gateway::open(config.clone(), Door::clone(door), mint.clone()) {
            Err(GatewayError::Bind { address, what, .. })
                if is_default(effective, what) && address.port() != 0 =>
            {
                warn!(%address, what, "the default port is taken; a free one is used instead");
                let free = Some(SocketAddr::new(address.ip(), 0));
                if what == "http" { config.http = free } else { config.admin = free }
            }
            opened => return Ok(Some(opened?)),
        }
    }
}

fn is_default(effective: &Effective, section: &str) -> bool {
    *effective.origin(section, "address") == Origin::Default
}

/// Whether the front door could be opened as far as that can be told without opening it.
pub(crate) fn check(settings: &Settings) -> Result<(), FrontDoorError> {
    check_loopback(settings)?;
    configured(API_KEY_ENV, settings.http.api_key_file.as_deref())?;
    configured(ADMIN_TOKEN_ENV, settings.admin.token_file.as_deref())?;
    Ok(())
}

fn check_loopback(settings: &Settings) -> Result<(), FrontDoorError> {
    let public = settings.admin.address.filter(|address| !address.ip().is_loopback());
    public.map_or(Ok(()), |address| Err(FrontDoorError::AdminNotLoopback(address)))
}

/// What the settings and the files with secrets come to.
pub(crate) fn config(settings: &Settings) -> Result<GatewayConfig, FrontDoorError> {
    let Settings { http, admin, data, .. } = settings;
    check_loopback(settings)?;
    let on_loopback = http.address.is_some_and(|address| address.ip().is_loopback());
    Ok(GatewayConfig {
        http: http.address,
        players: settings.cluster.role != Role::Game,
        rooms: settings.cluster.role != Role::Gateway,
        admin: admin.address,
        origins: http.origins.clone(),
        guests: http.guests == Guests::On || http.guests == Guests::Auto && on_loopback,
        api_key: configured(API_KEY_ENV, http.api_key_file.as_deref())?,
        admin_token: match admin.address {
            Some(_) => Some(admin_token(settings)?),
            None => None,
        },
        connections_max: http.connections_max,
        connections_per_address: http.connections_per_address,
        trusted_proxies: http.trusted_proxies.clone(),
        requests_per_s: http.requests_per_s,
        key_requests_per_s: http.key_requests_per_s,
        peer: settings.cluster.peer.filter(|_| cluster::is_wanted(settings)),
        peer_secret: configured(CLUSTER_SECRET_ENV, settings.cluster.secret_file.as_deref())?,
        data: Some(data.folder.clone()),
        node: settings.net.name.clone(),
        peer_alone: settings.cluster.peer.filter(|_| !settings.cluster.peers.is_empty()),
        peers: peers(settings),
        threads: http.threads,
        nice: http.nice,
        web: web(settings),
        alerts: alerts(settings),
        matchmaking: modes::matchmaking(settings)?,
    })
}

/// The other nodes that the settings name.
fn peers(settings: &Settings) -> Vec<(String, SocketAddr)> {
    let parts = settings.cluster.peers.split(',').filter_map(|part| crate::config::peer(part.trim()));
    parts.map(|(name, address)| (name.to_owned(), address)).collect()
}

fn web(settings: &Settings) -> WebConfig {
    let web = &settings.websocket;
    WebConfig {
        authenticate_within: Duration::from_secs(web.authenticate_within_s),
        ping_after: Duration::from_secs(web.ping_after_s),
        drop_after: Duration::from_secs(web.drop_after_s),
        resume_within: Duration::from_secs(web.resume_within_s),
        life_max: Duration::from_secs(web.life_max_s),
        write_within: Duration::from_secs(web.write_within_s),
        message_bytes_max: web.message_bytes_max,
        messages_per_s: web.messages_per_s,
        views_hz: web.views_hz,
        queue_messages: web.queue_messages,
        batch_within: Duration::from_millis(web.batch_ms),
        batch_bytes: web.batch_bytes,
        compression: web.compression == Compression::Deflate,
    }
}

fn alerts(settings: &Settings) -> AlertConfig {
    let alerts = &settings.alerts;
    AlertConfig {
        tick_mean_ms: alerts.tick_mean_ms,
        tick_spike_ms: alerts.tick_spike_ms,
        rtt_ms: alerts.rtt_ms,
        loss_percent: alerts.loss_percent,
        lateness_ms: alerts.lateness_ms,
        cleanup_age_s: alerts.cleanup_age_s,
        desyncs_per_min: alerts.desyncs_per_min,
        backlog_orders: alerts.backlog_orders,
        undurable_s: alerts.undurable_s,
        silence_s: alerts.silence_s,
        webhook: Some(alerts.webhook.clone()).filter(|url| !url.is_empty()),
    }
}

/// A secret of the environment or of a file, if one is configured.
pub(crate) fn configured(variable: &str, file: Option<&Path>) -> Result<Option<Secret>, FrontDoorError> {
    if let Some(text) = std::env::var_os(variable) {
        let text = text.to_string_lossy();
        let secret = Secret::new(&text);
        let origin = format!("the variable {variable}");
        return secret.map(Some).map_err(|source| FrontDoorError::TooShort { origin, source });
    }
    file.map(read).transpose()
}

/// The operators' token; made in the data folder where none is configured.
fn admin_token(settings: &Settings) -> Result<Secret, FrontDoorError> {
    if let Some(secret) = configured(ADMIN_TOKEN_ENV, settings.admin.token_file.as_deref())? {
        return Ok(secret);
    }
    let path = settings.data.folder.join(TOKEN_FILE);
    if !path.exists() {
        // A gateway with a key of its own is the first here.
        let folder = &settings.data.folder;
        let unusable = |source| IdentityError::DataFolder { folder: folder.clone(), source };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        identity::make_key_file(&path)?;
    }
    read(&path)
}

fn read(path: &Path) -> Result<Secret, FrontDoorError> {
    let unreadable = |source| FrontDoorError::Unreadable { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > SECRET_FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other("it is too long to hold a secret")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Secret::new(&text)
        .map_err(|source| FrontDoorError::TooShort { origin: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayerSources;

    #[test]
    fn the_defaults_of_the_configuration_are_the_gateways_own() {
        let defaults = LayerSources::default().merge().expect("defaults");
        let settings = defaults.settings();
        let own = GatewayConfig::default();
        assert_eq!((settings.http.address, settings.admin.address), (own.http, own.admin));
        assert_eq!((web(settings), alerts(settings)), (own.web, own.alerts));
        let http = &settings.http;
        let limits = (http.connections_max, http.requests_per_s, http.key_requests_per_s, http.threads);
        assert_eq!(limits, (own.connections_max, own.requests_per_s, own.key_requests_per_s, own.threads));
    }
}
