//! `Tickets`, where connect tickets come from.

use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use bevy_ecs::prelude::Resource;

/// No ticket could be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketFault {
    /// The file cannot be read.
    #[error("cannot read the ticket {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// The file holds neither a connect token nor one in Base64.
    #[error("{0} holds no ticket: make one with `framekeep token --out`")]
    NotATicket(String),
    /// There was one ticket, and it was used.
    #[error("the ticket was used: each is good for one connection")]
    Used,
    /// There is nowhere to get one from.
    #[error("no ticket: insert the resource Tickets before connecting")]
    None,
    /// Whoever hands tickets out said no.
    #[error("no ticket: {0}")]
    Refused(String),
}

/// Whoever hands tickets out: a file, a callback, an HTTP client that a game brings.
///
/// A ticket lives ten seconds and is good for one link, so every connection and every reconnection asks for a fresh
/// one.
pub trait TicketSource: Send + Sync + 'static {
    /// Asks for a fresh ticket. Called once a frame while one is wanted: the first call may start a request, later
    /// ones ask whether it is done; the call after a result starts anew.
    fn poll(&mut self, now: Duration) -> Poll<Result<Vec<u8>, TicketFault>>;
}

impl<F> TicketSource for F
where
    F: FnMut(Duration) -> Poll<Result<Vec<u8>, TicketFault>> + Send + Sync + 'static,
{
    fn poll(&mut self, now: Duration) -> Poll<Result<Vec<u8>, TicketFault>> {
        self(now)
    }
}

/// Where this client's tickets come from.
#[derive(Resource)]
pub struct Tickets {
    source: Box<dyn TicketSource>,
    is_none: bool,
}

impl Tickets {
    /// From any source.
    #[must_use]
    pub fn new(source: impl TicketSource) -> Self {
        Self { source: Box::new(source), is_none: false }
    }

    /// From a function that has one at once, or an error; called with the Unix time.
    #[must_use]
    pub fn from_fn<F>(mut mint: F) -> Self
    where
        F: FnMut(Duration) -> Result<Vec<u8>, TicketFault> + Send + Sync + 'static,
    {
        Self::new(move |now| Poll::Ready(mint(now)))
    }

    /// One ticket, for one connection: there is no way back after a lost link.
    #[must_use]
    pub fn once(ticket: Vec<u8>) -> Self {
        let mut ticket = Some(ticket);
        Self::from_fn(move |_| ticket.take().ok_or(TicketFault::Used))
    }

    /// From a file that is read anew for every connection, in Base64 as `framekeep token` writes it, or as bytes.
    /// Whoever keeps the file fresh makes reconnections possible.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        Self::from_fn(move |_| {
            let name = path.display().to_string();
            let bytes = std::fs::read(&path)
                .map_err(|error| TicketFault::Unreadable { path: name.clone(), why: error.to_string() })?;
            if bytes.starts_with(b"NETCODE") {
                return Ok(bytes);
            }
            unbase64(&bytes).ok_or(TicketFault::NotATicket(name))
        })
    }

    /// Whether there is nowhere to get one from.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.is_none
    }

    pub(crate) fn poll(&mut self, now: Duration) -> Poll<Result<Vec<u8>, TicketFault>> {
        self.source.poll(now)
    }
}

impl Default for Tickets {
    fn default() -> Self {
        Self { source: Box::new(|_| Poll::Ready(Err(TicketFault::None))), is_none: true }
    }
}

/// Reads Base64 (RFC 4648, section 4) with white space at its ends.
fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for &digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;
    use std::time::Duration;

    use super::{TicketFault, Tickets, unbase64};

    #[test]
    fn base64_is_read() {
        for (text, bytes) in [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v\n", "foo"), (" Zm9vYmFy", "foobar")] {
            assert_eq!(unbase64(text.as_bytes()), Some(bytes.into()), "{text}");
        }
        assert_eq!(unbase64(b"Zm9v!"), None);
        assert_eq!(unbase64(b""), None);
    }

    #[test]
    fn one_ticket_is_good_for_one_connection() {
        let mut tickets = Tickets::once(vec![1]);
        assert_eq!(tickets.poll(Duration::ZERO), Poll::Ready(Ok(vec![1])));
        assert_eq!(tickets.poll(Duration::ZERO), Poll::Ready(Err(TicketFault::Used)));
    }
}
