//! Configuration in four layers: defaults < TOML file < environment < flags.
//!
//! One table, [`KEYS`], drives parsing, validation, `config show` and `config default`. To add a key, add one entry
//! to `config/keys.rs`.

mod contradiction;
mod file;
mod key;
mod keys;
mod layer;
mod origin;
mod problem;
mod setting;
mod show;

pub(crate) use key::peer;
pub use key::{Allowed, Key, Literal, Value};
pub use keys::{KEYS, Settings};
pub use layer::{Effective, LayerSources};
pub use origin::Origin;
pub use problem::{ConfigError, Problem};
pub use setting::{Commit, Compression, Durability, Guests, Isolated, LogFormat, Role, Unfinished};
