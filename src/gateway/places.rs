//! `Places`, of which no address gets more than its part.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::budget::network;

/// So many places, and how many of them an address may have.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A place; free again when dropped.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    of: Option<(Arc<Places>, IpAddr)>,
}

impl Places {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(places)), taken: Mutex::default() })
    }

    /// Takes a place for an address that may have `most`; for one that is not counted if `most` is `None`.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, most: Option<usize>) -> Option<Place> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        let Some(most) = most else { return Some(Place { _permit: permit, of: None }) };
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&address).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        taken.insert(address, count + 1);
        Some(Place { _permit: permit, of: Some((self.clone(), address)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, address)) = &self.of else { return };
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_part_and_what_it_gives_back() {
        let places = Places::new(3);
        let address = |last| IpAddr::from([10, 0, 0, last]);
        let first = places.take(address(1), Some(2));
        let second = places.take(address(1), Some(2));
        assert!(first.is_some() && second.is_some() && places.take(address(1), Some(2)).is_none());
        let other = places.take(address(2), Some(2));
        assert!(other.is_some() && places.take(address(3), None).is_none(), "three places are three");
        drop(first);
        assert!(places.take(address(1), Some(2)).is_some());
        drop((second, other));
        assert!(places.taken.lock().unwrap().is_empty(), "who has none is forgotten");
    }
}
