//! `Datagrams`, many datagrams in one allocation.

use std::net::SocketAddr;

/// Many datagrams, each with the address it came from or goes to, in memory that is reused.
#[derive(Debug, Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    index: Vec<(SocketAddr, u32, u32)>,
}

impl Datagrams {
    /// Adds a datagram.
    pub fn push(&mut self, address: SocketAddr, datagram: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(datagram);
        self.index.push((address, start, datagram.len() as u32));
    }

    /// Forgets all datagrams and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.index.clear();
    }

    /// How many datagrams there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// How many bytes they have together.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// One datagram by its number; `None` past the end.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<(SocketAddr, &[u8])> {
        let &(address, start, length) = self.index.get(number)?;
        Some((address, &self.bytes[start as usize..(start + length) as usize]))
    }

    /// All datagrams in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SocketAddr, &[u8])> {
        self.index.iter().map(|&(address, start, length)| {
            (address, &self.bytes[start as usize..(start + length) as usize])
        })
    }
}
