//! What a matcher's log gives when it is played again, compared with what it gave.

use crate::log::Outcome;
use crate::{Ended, Event, LogError, LogReader, Match, Matcher};

/// What came of playing a log again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Operations that were played.
    pub operations: u64,
    /// Matches that were formed.
    pub matches: u64,
    /// The first operation of which something else came than the log says, by its place from 0 and its time in
    /// milliseconds.
    pub differs: Option<(u64, u64)>,
    /// The log ends within an operation, so many bytes after its beginning: its node was stopped at that moment.
    pub torn: Option<usize>,
}

/// Plays a log again. Each match is given to `formed` with its time in milliseconds.
///
/// # Errors
/// [`LogError`] if it is no log, or something in it cannot be read.
pub fn replay(bytes: &[u8], mut formed: impl FnMut(u64, &Match)) -> Result<Replayed, LogError> {
    let reader = LogReader::new(bytes)?;
    let mut matcher = Matcher::new(reader.modes().to_vec())?.with_tickets_max(reader.tickets_max());
    let mut replayed = Replayed::default();
    for entry in reader {
        let entry = match entry {
            Ok(entry) => entry,
            Err(LogError::Torn(at)) => {
                replayed.torn = Some(at);
                break;
            }
            Err(error) => return Err(error),
        };
        let done = matcher.apply(entry.at_ms, entry.operation);
        let events: Vec<Event> = std::iter::from_fn(|| matcher.poll()).collect();
        if outcome(done.is_ok(), events.iter()) != entry.outcome && replayed.differs.is_none() {
            replayed.differs = Some((replayed.operations, entry.at_ms));
        }
        for event in &events {
            if let Event::Formed(of) = event {
                replayed.matches += 1;
                formed(entry.at_ms, of);
            }
        }
        replayed.operations += 1;
    }
    Ok(replayed)
}

/// The 64-bit FNV-1a hash, which is the same everywhere.
struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.add(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.add(text.as_bytes());
    }

    fn of(&mut self, of: &Match) {
        self.number(of.id.0);
        for text in [&of.game, &of.mode, &of.content, &of.region] {
            self.text(text);
        }
        self.number(of.tick_rate_hz.into());
        self.text(of.room.as_deref().unwrap_or_default());
        for place in &of.places {
            self.number(place.player.0);
            self.add(&place.ticket.0.to_le_bytes());
            self.add(&[place.team, place.role.map_or(u8::MAX, |role| role)]);
        }
    }
}

/// A digest of what came of an operation: whether it was done, and the events of it.
pub(crate) fn outcome<'a>(done: bool, events: impl Iterator<Item = &'a Event>) -> Outcome {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.number(done.into());
    for event in events {
        match event {
            Event::Asked { of, until_ms } => {
                hash.number(1);
                hash.of(of);
                hash.number(*until_ms);
            }
            Event::Formed(of) => {
                hash.number(2);
                hash.of(of);
            }
            Event::FellThrough(of) => {
                hash.number(3);
                hash.number(of.0);
            }
            Event::Returned(id) => {
                hash.number(4);
                hash.add(&id.0.to_le_bytes());
            }
            Event::Ended(id, ended) => {
                hash.number(5);
                hash.add(&id.0.to_le_bytes());
                let why = match ended {
                    Ended::Cancelled => 0,
                    Ended::Expired => 1,
                    Ended::Declined => 2,
                    Ended::NoAnswer => 3,
                    Ended::Superseded => 4,
                    Ended::UnknownMode => 5,
                };
                hash.number(why);
            }
        }
    }
    Outcome(hash.0)
}
