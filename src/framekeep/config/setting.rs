//! `Setting`, how a checked value becomes the Rust type of a field.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::key::Value;

/// A type a field of the settings can have.
pub(super) trait Setting: Sized {
    /// The value as this type; `None` where the type cannot hold what the key admits.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! integer_settings {
    ($($integer:ty),+) => { $(
        impl Setting for $integer {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Integer(number) => Self::try_from(*number).ok(),
                    Value::Text(_) => None,
                }
            }
        }
    )+ };
}

integer_settings!(u8, u16, u32, u64, usize);

impl Setting for String {
    fn from_value(value: &Value) -> Option<Self> {
        text(value).map(str::to_owned)
    }
}

impl Setting for SocketAddr {
    fn from_value(value: &Value) -> Option<Self> {
        text(value)?.parse().ok()
    }
}

/// `off` is none.
impl Setting for Option<SocketAddr> {
    fn from_value(value: &Value) -> Option<Self> {
        match text(value)? {
            "off" => Some(None),
            text => text.parse().ok().map(Some),
        }
    }
}

/// Separated by commas.
impl Setting for Vec<String> {
    fn from_value(value: &Value) -> Option<Self> {
        let parts = text(value)?.split(',').map(str::trim).filter(|part| !part.is_empty());
        Some(parts.map(str::to_owned).collect())
    }
}

impl Setting for PathBuf {
    fn from_value(value: &Value) -> Option<Self> {
        text(value).map(PathBuf::from)
    }
}

/// Separated by commas.
impl Setting for Vec<SocketAddr> {
    fn from_value(value: &Value) -> Option<Self> {
        let parts = text(value)?.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    }
}

/// An empty text is none.
impl Setting for Option<PathBuf> {
    fn from_value(value: &Value) -> Option<Self> {
        text(value).map(|path| (!path.is_empty()).then(|| PathBuf::from(path)))
    }
}

macro_rules! word_setting {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// The words of the configuration.
            pub const WORDS: &[&str] = &[$($word),+];
        }

        impl Setting for $name {
            fn from_value(value: &Value) -> Option<Self> {
                match text(value)? {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

word_setting! {
    /// When frames are on the disk.
    Durability {
        /// Before a frame is sent.
        Tick = "tick",
        /// Once a second.
        Second = "second",
        /// When the system likes.
        Off = "off",
    }
}

word_setting! {
    /// What becomes of matches that still run when the server stops.
    Unfinished {
        /// They are given up and sealed.
        Seal = "seal",
        /// They go on at the next start.
        Keep = "keep",
    }
}

word_setting! {
    /// When the server commits the frame of a tick.
    Commit {
        /// At its deadline, whoever has sent an input.
        Deadline = "deadline",
    }
}

word_setting! {
    /// Who gets tickets without a key.
    Guests {
        /// Everybody, where HTTP is served on loopback only.
        Auto = "auto",
        /// Everybody.
        On = "on",
        /// Nobody.
        Off = "off",
    }
}

word_setting! {
    /// How messages to and from WebSocket clients are packed.
    Compression {
        /// Not at all.
        Off = "off",
        /// With `permessage-deflate`, for clients that can unpack it.
        Deflate = "deflate",
    }
}

word_setting! {
    /// What becomes of rooms while the cluster's Redis cannot be reached.
    Isolated {
        /// They go on.
        Play = "play",
        /// They stop.
        Stop = "stop",
    }
}

word_setting! {
    /// What a node of a cluster does.
    Role {
        /// It has clients and rooms.
        All = "all",
        /// It has clients over WebSocket, whose rooms are at other nodes.
        Gateway = "gateway",
        /// It has rooms, and clients over UDP.
        Game = "game",
    }
}

word_setting! {
    /// How log lines look.
    LogFormat {
        /// Pretty on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line.
        Json = "json",
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Integer(_) => None,
    }
}
