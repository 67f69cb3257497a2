//! Where the server of a data folder is: it writes its ports down, and commands find them there.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use framekeep_gateway::Gateway;
use serde::{Deserialize, Serialize};

use crate::args::ConfigArgs;
use crate::config::{ConfigError, Effective, Origin, Settings};
use crate::rooms;

/// The file within the data folder.
const FILE: &str = "ports.json";

/// Where a server listens; nothing for what is off.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ports {
    http: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

/// Writes down where the server of a data folder listens.
pub(crate) fn write(folder: &Path, gateway: Option<&Gateway>) -> io::Result<()> {
    let ports = Ports { http: gateway.and_then(Gateway::http), admin: gateway.and_then(Gateway::admin) };
    let new = folder.join(FILE).with_extension("new");
    std::fs::write(&new, serde_json::to_string(&ports).map_err(io::Error::other)?)?;
    std::fs::rename(&new, folder.join(FILE))
}

/// The settings of a command that asks a server: where an address is not said, or says any port, it is that of the
/// server that uses the data folder.
pub(crate) fn settings(args: &ConfigArgs) -> Result<Settings, ConfigError> {
    let effective = args.load()?;
    let mut settings = effective.settings().clone();
    if rooms::is_used(&settings.data.folder)
        && let Ok(text) = std::fs::read_to_string(settings.data.folder.join(FILE))
        && let Ok(ports) = serde_json::from_str::<Ports>(&text)
    {
        settings.http.address = found(&effective, "http", settings.http.address, ports.http);
        settings.admin.address = found(&effective, "admin", settings.admin.address, ports.admin);
    }
    Ok(settings)
}

fn found(
    effective: &Effective,
    section: &str,
    said: Option<SocketAddr>,
    runs: Option<SocketAddr>,
) -> Option<SocketAddr> {
    let is_said = *effective.origin(section, "address") != Origin::Default;
    let is_one = said.is_some_and(|address| address.port() != 0);
    if is_said && is_one { said } else { runs.or(said) }
}
