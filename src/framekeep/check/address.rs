//! The addresses a server would listen on, and the receive buffer the system gives.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use framekeep_server::{BindError, UdpWire};

use super::Finding;
use crate::Exit;
use crate::config::Settings;

/// All of them; `in_use` says whether a server runs with the data folder, whose they are then.
pub(super) fn look(settings: &Settings, in_use: bool) -> Vec<Finding> {
    let mut findings = vec![udp(settings.net.udp, settings.net.receive_buffer_bytes, in_use)];
    let both =
        [("http", "http.address", settings.http.address), ("admin", "admin.address", settings.admin.address)];
    for (what, key, address) in both {
        findings.push(match address {
            Some(address) => tcp(what, key, address, in_use),
            None => Finding::ok(what, "off"),
        });
    }
    findings
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
