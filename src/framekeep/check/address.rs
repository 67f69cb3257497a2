//! The addresses a server would listen on, and the receive buffer the system gives.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use framekeep_server::{BindError, UdpWire};

use super::Finding;
use crate::config::Settings;
use crate::{Exit, cluster};

/// How long a Redis may take to answer.
const REDIS_WITHIN: Duration = Duration::from_secs(2);

/// All of them; `in_use` says whether a server runs with the data folder, whose they are then.
pub(super) fn look(settings: &Settings, in_use: bool) -> Vec<Finding> {
    let mut findings = vec![udp(settings.net.udp, settings.net.receive_buffer_bytes, in_use)];
    let peer = settings.cluster.peer.filter(|_| cluster::is_wanted(settings));
    let all = [
        ("http", "http.address", settings.http.address),
        ("admin", "admin.address", settings.admin.address),
        ("peer", "cluster.peer", peer),
    ];
    for (what, key, address) in all {
        findings.push(match address {
            Some(address) => tcp(what, key, address, in_use),
            None => Finding::ok(what, "off"),
        });
    }
    findings.push(match cluster::redis_url(settings) {
        url if url.is_empty() => Finding::ok("redis", "off: the node works alone"),
        url => redis(&url),
    });
    findings
}

/// Whether any of the named stores says something. The password, if there is one, is not tried.
fn redis(url: &str) -> Finding {
    let places = places(url);
    if let Some(place) = places.iter().find(|place| answers(place)) {
        return Finding::ok("redis", format!("{place} answers"));
    }
    let text = format!(
        "nobody answers at {}: the node plays alone until somebody does\nstart Redis, or mend cluster.redis_url",
        places.join(", ")
    );
    Finding::warn("redis", text)
}

/// Host and port of each store of an address, or of several separated by commas.
fn places(url: &str) -> Vec<String> {
    let default_port = if url.starts_with("redis+sentinel:") { 26_379 } else { 6_379 };
    let place = |part: &str| {
        let rest = part.split_once("://").map_or(part, |(_, rest)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port { host.to_owned() } else { format!("{host}:{default_port}") }
    };
    url.split(',').map(str::trim).filter(|part| !part.is_empty()).map(place).collect()
}

/// Any answer to a PING is one; a store that wants a password first says so.
fn answers(place: &str) -> bool {
    let Some(address) = place.to_socket_addrs().ok().and_then(|mut all| all.next()) else { return false };
    let asked = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, REDIS_WITHIN)?;
        stream.set_read_timeout(Some(REDIS_WITHIN))?;
        stream.write_all(b"PING\r\n")?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(first[0])
    };
    asked().is_ok_and(|first| matches!(first, b'+' | b'-'))
}

fn udp(address: SocketAddr, buffer_bytes: usize, in_use: bool) -> Finding {
    match UdpWire::bind(address, buffer_bytes) {
        Ok(_) => {
            Finding::ok("udp", format!("{address} is free, with a receive buffer of {buffer_bytes} bytes"))
        }
        Err(BindError::ReceiveBuffer { asked, got }) => {
            let text = format!(
                "{address} is free, but the system gives a receive buffer of {got} of {asked} bytes: with hundreds \
                 of players inputs are lost\nsysctl -w net.core.rmem_max={asked} net.core.wmem_max={asked}"
            );
            Finding::warn("udp", text)
        }
        Err(BindError::Bind { source, .. }) if in_use && source.kind() == ErrorKind::AddrInUse => {
            Finding::ok(
                "udp",
                format!("{address} is taken, by the server that runs with the data folder most likely"),
            )
        }
        Err(error) => Finding::fail("udp", Exit::Bind, error.to_string()),
    }
}

fn tcp(what: &'static str, key: &str, address: SocketAddr, in_use: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(what, format!("{address} is free")),
        Err(error) if in_use && error.kind() == ErrorKind::AddrInUse => Finding::ok(
            what,
            format!("{address} is taken, by the server that runs with the data folder most likely"),
        ),
        Err(error) => {
            let text = format!(
                "{address} cannot be had: {error}\nname another one in {key}, or end what listens there (`ss -ltnp`)"
            );
            Finding::fail(what, Exit::Bind, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_redis_is_found_in_its_address_and_asked() {
        assert_eq!(places("redis://:secret@store:7000/0"), ["store:7000"]);
        assert_eq!(places("redis+sentinel://a,b:5/main"), ["a:26379", "b:5"]);
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listening.local_addr().unwrap());
        let store = std::thread::spawn(move || {
            let (mut stream, _) = listening.accept().unwrap();
            let mut heard = [0; 6];
            stream.read_exact(&mut heard).unwrap();
            stream.write_all(b"-NOAUTH Authentication required.\r\n").unwrap();
            heard
        });
        assert_eq!(redis(&url).verdict, Verdict::Ok);
        assert_eq!(&store.join().unwrap(), b"PING\r\n");
        assert_eq!(redis(&url).verdict, Verdict::Warn, "it is gone");
    }

    #[test]
    fn an_address_that_is_taken_fails_unless_the_server_has_it() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(udp(address, 4_096, false).verdict, Verdict::Fail(Exit::Bind));
        assert_eq!(udp(address, 4_096, true).verdict, Verdict::Ok);
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listening.local_addr().unwrap();
        assert_eq!(tcp("http", "http.address", address, false).verdict, Verdict::Fail(Exit::Bind));
        assert_eq!(tcp("http", "http.address", address, true).verdict, Verdict::Ok);
    }
}
