//! The store as Redis keeps it: the only folder that names Redis.

mod address;
mod asker;
mod link;
mod registry;
mod store;

pub use address::{Address, AddressFault, without_password};
pub use link::Copies;
#[cfg(test)]
pub(crate) use store::NameSweep;
pub use store::{Store, StoreError};
