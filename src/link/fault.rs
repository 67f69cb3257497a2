//! `LinkFault`, why a message is not sent or a link is over.

/// Why a message is not sent, or, as the link's own fault, why the link is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The other side does not acknowledge what it is sent: too much waits, or it waits for too long.
    #[error(
        "{bytes} bytes wait to be acknowledged on channel {channel}, the limit is {limit} or {after_s} s"
    )]
    NotDraining {
        /// The channel.
        channel: u8,
        /// What waits, the message that was to be sent included.
        bytes: usize,
        /// The most that may wait.
        limit: usize,
        /// The longest the oldest message may wait, in seconds.
        after_s: u64,
    },
    /// An ordered message has been missing for too long while later ones came.
    #[error("a message has been missing for {after_ms} ms while later ones are there")]
    GapExpired {
        /// How long, in milliseconds.
        after_ms: u64,
    },
    /// The other side's packets leave more holes than an acknowledgement can name.
    #[error("{ranges} separate ranges of packets wait to be acknowledged, the limit is {limit}")]
    TooScattered {
        /// How many ranges.
        ranges: u64,
        /// The most.
        limit: u64,
    },
    /// The reliability layer gave up, or made a packet that cannot be sent.
    #[error("the reliability layer gave up: {0}")]
    Broken(String),
    /// The side has no such channel to send on. The link is not over.
    #[error("there is no channel {channel} to send on")]
    NoSuchChannel {
        /// What was asked for.
        channel: u8,
    },
    /// A message is empty or longer than its channel allows. The link is not over.
    #[error("a message of {bytes} bytes on channel {channel}, which carries 1 to {limit}")]
    MessageLength {
        /// The channel.
        channel: u8,
        /// The message's length.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
}
