//! What is read as a log came from outside.

use proptest::prelude::*;

use super::lives::{modes, operation};
use crate::{LogError, LogReader, log_header, log_operation};

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(reader) = LogReader::new(&bytes) {
            reader.for_each(drop);
        }
    }

    #[test]
    fn a_log_that_is_cut_or_changed_is_read_up_to_there_or_refused(
        operations in proptest::collection::vec(operation(), 1..8),
        cut in any::<proptest::sample::Index>(),
        change in any::<(proptest::sample::Index, u8)>(),
    ) {
        let mut log = log_header(&modes());
        let header = log.len();
        for (at_ms, operation) in operations.iter().enumerate() {
            log_operation(&mut log, at_ms as u64, operation);
        }
        let read: Vec<_> = LogReader::new(&log).unwrap().map(|entry| entry.unwrap().1).collect();
        prop_assert_eq!(&read, &operations);
        let at = header + cut.index(log.len() - header);
        let torn = LogReader::new(&log[..at]).unwrap();
        for (entry, operation) in torn.zip(&operations) {
            match entry {
                Ok((_, read)) => prop_assert_eq!(&read, operation),
                Err(error) => prop_assert!(matches!(error, LogError::Torn(_)), "{}", error),
            }
        }
        let (at, bits) = (change.0.index(log.len()), change.1);
        log[at] ^= bits;
        if let Ok(reader) = LogReader::new(&log) {
            reader.for_each(drop);
        }
    }
}

#[test]
fn what_is_no_log_is_named() {
    assert_eq!(LogReader::new(b"FKR").err(), Some(LogError::NoLog));
    assert_eq!(LogReader::new(b"FKMM\x02").err(), Some(LogError::UnknownLayout(2)));
    assert_eq!(LogReader::new(b"FKMM\x01\x00").err(), Some(LogError::Torn(5)));
    let huge = [&b"FKMM\x01"[..], &u32::MAX.to_le_bytes()].concat();
    assert!(matches!(LogReader::new(&huge), Err(LogError::TooLong { at: 5, .. })));
}
