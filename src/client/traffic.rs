//! `Traffic`, what went over the wire.

/// What went over the wire since the app began, without the headers of UDP and IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent.
    pub up_bytes: u64,
    /// Datagrams sent.
    pub up_datagrams: u64,
    /// Bytes received.
    pub down_bytes: u64,
    /// Datagrams received.
    pub down_datagrams: u64,
}

impl Traffic {
    pub(crate) fn note_up(&mut self, bytes: usize) {
        self.up_bytes += bytes as u64;
        self.up_datagrams += 1;
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            up_bytes: self.up_bytes + other.up_bytes,
            up_datagrams: self.up_datagrams + other.up_datagrams,
            down_bytes: self.down_bytes + other.down_bytes,
            down_datagrams: self.down_datagrams + other.down_datagrams,
        }
    }
}
