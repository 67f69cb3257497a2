//! `Networks`, whose word about other addresses is believed.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// What proxies write the address of their client to.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Addresses and networks of proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// The networks that are written down; what is none is left out.
    pub(crate) fn new(written: &[String]) -> Self {
        Self(written.iter().filter_map(|text| parse(text)).collect())
    }

    /// Whether an address is in one of them.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|&(network, bits)| {
            let differing = match (network, address) {
                (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
                (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
                _ => return false,
            };
            differing >= u32::from(bits)
        })
    }

    /// Who asks: the peer, or whom the last proxy that is believed names. What stands before that in the header was
    /// written by strangers.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.contain(peer.ip()) {
            return peer;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let mut client = peer;
        for hop in hops.iter().rev() {
            let Some(address) = address(hop) else { break };
            client = SocketAddr::new(address, 0);
            if !self.contain(address) {
                break;
            }
        }
        client
    }
}

/// An address, maybe with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

/// Whether it is an address, or a network as `10.0.0.0/8`.
#[must_use]
pub fn is_network(text: &str) -> bool {
    parse(text).is_some()
}

fn parse(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(whole), |bits| bits.parse().ok())?;
    (bits <= whole).then_some((address, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(peer: &str, forwarded: &str) -> String {
        let trusted =
            Networks::new(&["127.0.0.1".to_owned(), "10.0.0.0/8".to_owned(), "fd00::/8".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, forwarded.parse().expect("a header"));
        trusted.client(SocketAddr::new(peer.parse().expect("an address"), 9), &headers).ip().to_string()
    }

    #[test]
    fn only_the_last_hop_that_a_trusted_proxy_has_written_is_believed() {
        for (peer, forwarded, client) in [
            ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("127.0.0.1", "198.51.100.9, 192.0.2.7", "192.0.2.7"),
            ("127.0.0.1", "198.51.100.9, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
            ("fd00::1", "[2001:db8::7]", "2001:db8::7"),
            ("::ffff:10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
            ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
            ("11.0.0.1", "198.51.100.9", "11.0.0.1"),
            ("127.0.0.1", "unknown", "127.0.0.1"),
            ("127.0.0.1", "192.0.2.7, unknown", "127.0.0.1"),
        ] {
            assert_eq!(ask(peer, forwarded), client, "{forwarded:?} from {peer}");
        }
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "example.org", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(!is_network(text), "{text}");
        }
        assert!(is_network("0.0.0.0/0") && is_network("::1"));
    }
}
