//! `Repeats`, which datagrams have come already.

use framekeep_sim::hash_bytes;

/// How many of the newest are remembered.
const REMEMBERED: usize = 64;

/// Which of the newest datagrams have come already, byte by byte the same: netcode takes none twice, and logs an error
/// for each, though networks double what they like and a server sends its acceptance twice.
#[derive(Clone, Debug)]
pub(crate) struct Repeats {
    hashes: [u64; REMEMBERED],
    next: usize,
}

impl Default for Repeats {
    fn default() -> Self {
        Self { hashes: [0; REMEMBERED], next: 0 }
    }
}

impl Repeats {
    /// Remembers a datagram; tells whether it has come before.
    pub(crate) fn note(&mut self, datagram: &[u8]) -> bool {
        let hash = hash_bytes(datagram);
        if self.hashes.contains(&hash) {
            return true;
        }
        self.hashes[self.next] = hash;
        self.next = (self.next + 1) % REMEMBERED;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_noticed_and_forgotten_after_a_while() {
        let mut repeats = Repeats::default();
        assert!(!repeats.note(&[1, 2]));
        assert!(repeats.note(&[1, 2]));
        for other in 0..REMEMBERED as u8 {
            assert!(!repeats.note(&[other, 9]));
        }
        assert!(!repeats.note(&[1, 2]));
    }
}
