//! `Answers`, which clients have something to read.

use std::time::Duration;

use anyhow::Result;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::socket::Peer;

/// Clients, and which of them have something to read.
pub(crate) struct Answers {
    epoll: Epoll,
    pub(crate) peers: Vec<Peer>,
    buffer: Vec<u8>,
}

impl Answers {
    pub(crate) fn new() -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { epoll, peers: Vec::new(), buffer: vec![0; 64 << 10] })
    }

    pub(crate) fn add(&mut self, peer: Peer) -> Result<()> {
        let number = self.peers.len() as u64;
        self.epoll.add(&peer.stream, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        self.peers.push(peer);
        Ok(())
    }

    /// Waits for messages and hears them: the number of the client, what the message is, and its body. Gives the
    /// clients that have said something.
    pub(crate) fn hear(
        &mut self,
        wait: Duration,
        mut hear: impl FnMut(usize, u64, &[u8]),
    ) -> Result<Vec<usize>> {
        let mut events = [EpollEvent::empty(); 512];
        let timeout = EpollTimeout::try_from(wait.as_millis() as u64).unwrap_or(EpollTimeout::ZERO);
        let count = self.epoll.wait(&mut events, timeout)?;
        let mut heard = Vec::with_capacity(count);
        for event in &events[..count] {
            let number = event.data() as usize;
            let peer = &mut self.peers[number];
            peer.receive(&mut self.buffer)?;
            peer.hear(|field, body| hear(number, field, body))?;
            heard.push(number);
        }
        Ok(heard)
    }
}

/// The value that a share of the values do not exceed.
pub(crate) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}
