//! What is read as a log came from outside.

use proptest::prelude::*;

use super::lives::{modes, operation};
use super::{matcher, solo};
use crate::{LogError, LogReader, Mode, Outcome, Refused, log_header, log_operation, replay};

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
        let mut log = log_header(&modes(), 100);
        let header = log.len();
        for (at_ms, operation) in operations.iter().enumerate() {
            log_operation(&mut log, at_ms as u64, operation, Outcome(at_ms as u64));
        }
        let read: Vec<_> = LogReader::new(&log).unwrap().map(|entry| entry.unwrap().operation).collect();
        prop_assert_eq!(&read, &operations);
        let at = header + cut.index(log.len() - header);
        let torn = LogReader::new(&log[..at]).unwrap();
        for (entry, operation) in torn.zip(&operations) {
            match entry {
                Ok(read) => prop_assert_eq!(&read.operation, operation),
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
    assert_eq!(LogReader::new(b"FKMM\x01").err(), Some(LogError::UnknownLayout(1)));
    assert_eq!(LogReader::new(b"FKMM\x02").err(), Some(LogError::UnknownLayout(2)));
    assert_eq!(LogReader::new(b"FKMM\x03").err(), Some(LogError::UnknownLayout(3)));
    assert_eq!(LogReader::new(b"FKMM\x04\x00").err(), Some(LogError::Torn(5)));
    let huge = [&b"FKMM\x04\0\0\0\0"[..], &u32::MAX.to_le_bytes()].concat();
    assert!(matches!(LogReader::new(&huge), Err(LogError::TooLong { at: 9, .. })));
}

#[test]
fn a_log_played_again_refuses_what_was_refused_and_shows_where_it_differs() {
    let mut first = matcher([Mode::new("arena", "duel", 2, 1)]).with_tickets_max(2).with_log();
    for number in 0..5 {
        let done = first.submit(0, solo(number, "duel", 1_500));
        assert_eq!(done.is_err(), number > 1, "{done:?}");
        assert!(done.is_ok() || done == Err(Refused::QueueFull { limit: 2 }));
    }
    let mut log = first.take_log();
    first.round(100);
    log.extend(first.take_log());
    let mut places = Vec::new();
    let replayed = replay(&log, |at_ms, of| places.push((at_ms, of.places.len()))).unwrap();
    assert_eq!((replayed.operations, replayed.matches, replayed.differs), (6, 1, None));
    assert_eq!(places, [(100, 2)]);
    let torn = replay(&log[..log.len() - 3], |_, _| {}).unwrap();
    assert!(torn.torn.is_some() && torn.operations == 5, "{torn:?}");
    // With room for more tickets something else comes of the third.
    log[5] = 200;
    assert_eq!(replay(&log, |_, _| {}).unwrap().differs, Some((2, 0)));
}
