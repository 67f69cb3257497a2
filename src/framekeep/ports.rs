//! Where the server of a data folder is: it writes its ports down, and commands find them there.

use std::fs::File;
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

/// That of a gateway, which has no rooms and so leaves the folder's own lock to whoever has: both may use one folder.
const GATEWAY_FILE: &str = "gateway.json";

/// What a gateway holds as long as it runs.
const GATEWAY_LOCK: &str = "gateway.lock";

/// Where a server listens; nothing for what is off.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ports {
    http: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

/// Writes down where the server of a data folder listens.
pub(crate) fn write(folder: &Path, gateway: Option<&Gateway>) -> io::Result<()> {
    write_to(&folder.join(FILE), gateway)
}

/// Writes down where a gateway listens; what is given is kept as long as it does.
pub(crate) fn write_gateway(folder: &Path, gateway: Option<&Gateway>) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let lock = File::create(folder.join(GATEWAY_LOCK))?;
    lock.try_lock()?;
    write_to(&folder.join(GATEWAY_FILE), gateway)?;
    Ok(lock)
}

fn write_to(file: &Path, gateway: Option<&Gateway>) -> io::Result<()> {
    let ports = Ports { http: gateway.and_then(Gateway::http), admin: gateway.and_then(Gateway::admin) };
    let new = file.with_extension("new");
    std::fs::write(&new, serde_json::to_string(&ports).map_err(io::Error::other)?)?;
    std::fs::rename(&new, file)
}

/// The settings of a command that asks a server: where an address is not said, or says any port, it is that of the
/// server that uses the data folder, or of the gateway if no other server does; where none does, of the one that did
/// last: another server that has the usual port is not asked in its place.
pub(crate) fn settings(args: &ConfigArgs) -> Result<Settings, ConfigError> {
    let effective = args.load()?;
    let mut settings = effective.settings().clone();
    let folder = &settings.data.folder;
    let file = match (rooms::is_used(folder), rooms::is_locked(&folder.join(GATEWAY_LOCK))) {
        (true, _) => Some(FILE),
        (false, true) => Some(GATEWAY_FILE),
        (false, false) => last_written(folder),
    };
    if let Some(file) = file
        && let Ok(text) = std::fs::read_to_string(folder.join(file))
        && let Ok(ports) = serde_json::from_str::<Ports>(&text)
    {
        settings.http.address = found(&effective, "http", settings.http.address, ports.http);
        settings.admin.address = found(&effective, "admin", settings.admin.address, ports.admin);
    }
    Ok(settings)
}

/// The file that was written last, if there is any.
fn last_written(folder: &Path) -> Option<&'static str> {
    let written = |file: &str| std::fs::metadata(folder.join(file)).and_then(|it| it.modified()).ok();
    let (server, gateway) = (written(FILE), written(GATEWAY_FILE));
    if gateway > server { Some(GATEWAY_FILE) } else { server.map(|_| FILE) }
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
