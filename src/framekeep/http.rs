//! One request over HTTP/1.1, for commands that ask a server and for the sidecar of Agones.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long connecting, and each reading and writing, may take.
const WITHIN: Duration = Duration::from_secs(3);

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: String,
}

impl Answer {
    /// Whether it says that it is done.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn read(bytes: &[u8]) -> io::Result<Self> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(malformed)?;
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
        let status = status.and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { joined(body).ok_or_else(malformed)? } else { body.to_owned() };
        Ok(Self { status, body })
    }
}

/// The chunks of a body in one.
fn joined(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

/// Asks for something.
pub(crate) fn get(to: SocketAddr, path: &str) -> io::Result<Answer> {
    ask(to, "GET", path, None)
}

/// Sends JSON, or asks for something, over a connection of its own.
pub(crate) fn ask(to: SocketAddr, method: &str, path: &str, json: Option<&str>) -> io::Result<Answer> {
    ask_with(to, method, path, json, &[])
}

/// The same with further headers.
pub(crate) fn ask_with(
    to: SocketAddr,
    method: &str,
    path: &str,
    json: Option<&str>,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&reachable(to), WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if let Some(json) = json {
        let length = json.len();
        request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}");
    } else {
        request += "\r\n";
    }
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    Answer::read(&bytes)
}

/// Where a server that listens on every address can be reached from its own machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_in_chunks() {
        let plain = Answer::read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n").expect("an answer");
        assert_eq!((plain.status, plain.body.as_str(), plain.is_success()), (200, "ok\n", true));
        let chunks =
            b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let chunked = Answer::read(chunks).expect("an answer");
        assert_eq!((chunked.status, chunked.body.as_str(), chunked.is_success()), (503, "abcde", false));
        for bad in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 many\r\n\r\n"] {
            assert!(Answer::read(bad).is_err());
        }
    }

    #[test]
    fn every_address_is_reached_over_loopback() {
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()), "127.0.0.1:1".parse().unwrap());
        assert_eq!(reachable("[::]:1".parse().unwrap()), "[::1]:1".parse().unwrap());
        assert_eq!(reachable("192.0.2.7:1".parse().unwrap()), "192.0.2.7:1".parse().unwrap());
    }
}
