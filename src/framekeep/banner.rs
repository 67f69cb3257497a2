//! The lines a started server greets with.

use std::fmt::Write;
use std::net::SocketAddr;

use framekeep_gateway::Gateway;

use crate::config::Settings;
use crate::identity::KeySource;

/// What the server says on standard output once it can be played on: addresses, data folder, the next command.
pub(crate) fn text(
    settings: &Settings,
    udp: SocketAddr,
    key: &KeySource,
    games: &str,
    gateway: Option<&Gateway>,
) -> String {
    let data = settings.data.folder.display().to_string();
    let mut out = String::new();
    let _ = writeln!(out, "framekeep {} is ready", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(out, "  udp    {udp}, {} ticks a second", settings.rooms.tick_rate_hz);
    if !settings.net.public.is_empty() {
        let public: Vec<_> = settings.net.public.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "  public {}", public.join(", "));
    }
    if let Some(http) = gateway.and_then(Gateway::http) {
        let _ = writeln!(out, "  http   http://{http}/");
    }
    if let Some(admin) = gateway.and_then(Gateway::admin) {
        let _ = writeln!(out, "  admin  http://{admin}/");
    }
    let _ = writeln!(out, "  games  {games}");
    let _ = writeln!(out, "  data   {data}");
    let _ = writeln!(out, "  key    {key}");
    if matches!(key, KeySource::Development(_)) {
        let swarm = "cargo run --release -p framekeep_swarm --";
        let _ = writeln!(
            out,
            "try: {swarm} --addr {udp} --data {} --rooms 2 --seats 4 --seconds 10",
            quoted(&data)
        );
    } else {
        let address = settings.net.public.first().unwrap_or(&udp);
        let _ = writeln!(out, "try: framekeep token --player ada --addr {address}");
    }
    out
}

/// What a node without rooms says.
pub(crate) fn gateway_text(settings: &Settings, key: &KeySource, gateway: &Gateway) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "framekeep {} is ready, a gateway", env!("CARGO_PKG_VERSION"));
    if let Some(http) = gateway.http() {
        let _ = writeln!(out, "  http    http://{http}/");
    }
    if let Some(admin) = gateway.admin() {
        let _ = writeln!(out, "  admin   http://{admin}/");
    }
    let _ = writeln!(out, "  cluster {}", settings.cluster.name);
    let _ = writeln!(out, "  key     {key}");
    if matches!(key, KeySource::Development(_)) {
        let _ = writeln!(
            out,
            "note: a development key of this folder: only nodes with the same key take its tickets (framekeep key, \
             identity.key_file)"
        );
    }
    let _ = writeln!(out, "try: framekeep top --http {}", gateway.http().unwrap_or(settings.net.udp));
    out
}

/// The path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted("./framekeep-data"), "./framekeep-data");
        assert_eq!(quoted("/my rooms/it's"), "'/my rooms/it'\\''s'");
    }
}
