//! `Side`, who sent something.

/// One of the two sides of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A player's or a spectator's program.
    Client,
    /// The server.
    Server,
}

impl Side {
    /// The side at the other end of the link.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
