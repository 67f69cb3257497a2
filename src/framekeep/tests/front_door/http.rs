//! HTTP as plain as it gets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const LONGEST: Duration = Duration::from_secs(60);

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Asserts that it is a problem as RFC 9457 says, and gives its code.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{} {}",
            self.head,
            self.body
        );
        let json = self.json();
        assert_eq!(json["status"], self.status);
        assert!(json["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        json["code"].as_str().expect("a code").to_owned()
    }
}

/// One request over a connection of its own.
pub(crate) fn ask(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    send(to, &format!("{method} {path} HTTP/1.1\r\nHost: {to}"), headers, body)
}

/// One request to a host of another name.
pub(crate) fn ask_host(to: SocketAddr, host: &str, method: &str, path: &str) -> Reply {
    send(to, &format!("{method} {path} HTTP/1.1\r\nHost: {host}"), &[], "")
}

/// One request by somebody who does not wait for the answer.
pub(crate) fn ask_and_leave(to: SocketAddr, what: &str, bearer: &str) {
    let mut stream = TcpStream::connect(to).expect("the server listens");
    let request = format!("{what} HTTP/1.1\r\nHost: {to}\r\nAuthorization: {bearer}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is heard");
}

fn send(to: SocketAddr, begin: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut stream = TcpStream::connect(to).expect("the server listens");
    stream.set_read_timeout(Some(LONGEST)).expect("a time-out");
    let mut request = format!("{begin}\r\nConnection: close\r\n");
    if !body.is_empty() {
        request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    request += body;
    // A server that has heard enough closes before everything is written.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}
