//! `RhythmContent`, a song as it is played: the notes of each lane in the order they are due.
//!
//! Times are in eighths of a tick from the start of the song.

use framekeep_sim::ContentError;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::rhythm::EIGHTHS_PER_TICK;
use crate::rhythm::file::SongFile;

/// How many lanes there are.
pub const LANES: usize = 4;
/// Longest title, in bytes.
pub(crate) const TITLE_BYTES_MAX: usize = 40;
/// Slowest and fastest song, in beats per minute.
pub(crate) const BPM: core::ops::RangeInclusive<u16> = 20..=400;
/// Most notes of a song.
pub(crate) const NOTES_MAX: usize = 4_096;
/// First and last tick a note may be due at: a second to get ready, 20 minutes in all.
pub(crate) const NOTE_TICK: core::ops::RangeInclusive<u32> = 30..=36_000;
/// Shortest and longest hold, in ticks.
pub(crate) const HOLD_TICKS: core::ops::RangeInclusive<u32> = 8..=300;
/// From the end of a note to the next one of its lane, at least: time to let go and strike again.
const GAP_EIGHTHS: u32 = 3 * EIGHTHS_PER_TICK;
/// From the end of the last note to the end of the match.
const ENDING_TICKS: u32 = 60;

/// A note of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When to strike, in eighths of a tick.
    pub at: u32,
    /// How long to keep the lane pressed, in eighths of a tick; 0 is a tap.
    pub hold: u32,
}

impl Note {
    /// When a hold ends; of a tap, when to strike.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.at.saturating_add(self.hold)
    }

    /// Whether it must be kept pressed.
    #[must_use]
    pub const fn is_hold(self) -> bool {
        self.hold > 0
    }
}

/// A song. A value that was read is valid: both the TOML form and the canonical encoding are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct RhythmContent {
    /// Shown to players, 1 to 40 bytes.
    pub title: String,
    /// Beats per minute, 20 to 400: for what is shown; notes have times of their own.
    pub bpm: u16,
    /// The notes of each lane, in order and at least 3 ticks apart; 1 to 4,096 in all.
    pub lanes: [Vec<Note>; LANES],
}

impl Serialize for RhythmContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for RhythmContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = Self::deserialize(deserializer)?;
        content.check().map_err(|ContentError(text)| D::Error::custom(text))?;
        Ok(content)
    }
}

impl RhythmContent {
    /// Reads the text of a song file.
    ///
    /// # Errors
    /// [`ContentError`] names the field and what it may be.
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let file: SongFile =
            toml::from_str(text).map_err(|error| ContentError(error.to_string().trim_end().to_owned()))?;
        let content = file.into_content()?;
        content.check()?;
        Ok(content)
    }

    /// How many ticks a match lasts: two seconds longer than the last note.
    #[must_use]
    pub fn ticks(&self) -> u32 {
        let last =
            self.lanes.iter().filter_map(|notes| notes.last()).map(|note| note.end()).max().unwrap_or(0);
        (last / EIGHTHS_PER_TICK).saturating_add(ENDING_TICKS)
    }

    /// How many things there are to hit: each note, and once more each hold that is kept to its end.
    #[must_use]
    pub fn hits(&self) -> u32 {
        self.notes().map(|note| 1 + u32::from(note.is_hold())).sum()
    }

    /// Every note, lane by lane.
    fn notes(&self) -> impl Iterator<Item = Note> {
        self.lanes.iter().flatten().copied()
    }

    pub(crate) fn check(&self) -> Result<(), ContentError> {
        within("title", self.title.len(), &(1..=TITLE_BYTES_MAX), "bytes long")?;
        within("bpm", self.bpm, &BPM, "beats per minute")?;
        within("notes", self.notes().count(), &(1..=NOTES_MAX), "in all")?;
        for (lane, notes) in self.lanes.iter().enumerate() {
            notes.iter().try_for_each(|note| check_note(lane, *note))?;
            for pair in notes.windows(2) {
                if pair[1].at < pair[0].end() + GAP_EIGHTHS {
                    let [first, second] = [pair[0].at, pair[1].at].map(|at| at / EIGHTHS_PER_TICK);
                    return refuse(format!(
                        "lane {lane}: the notes at ticks {first} and {second} are nearer than 3 ticks"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Bounds every sum of times far below the largest number.
fn check_note(lane: usize, note: Note) -> Result<(), ContentError> {
    within(&format!("lane {lane}: tick"), note.at / EIGHTHS_PER_TICK, &NOTE_TICK, "is out of range")?;
    if note.is_hold() {
        within(&format!("lane {lane}: hold"), note.hold / EIGHTHS_PER_TICK, &HOLD_TICKS, "ticks")?;
    }
    Ok(())
}

pub(crate) fn within<T>(
    field: &str,
    value: T,
    bounds: &core::ops::RangeInclusive<T>,
    unit: &str,
) -> Result<(), ContentError>
where
    T: PartialOrd + core::fmt::Display,
{
    if bounds.contains(&value) {
        return Ok(());
    }
    refuse(format!("{field}: {value} {unit}; it must be {} to {}", bounds.start(), bounds.end()))
}

fn refuse(text: String) -> Result<(), ContentError> {
    Err(ContentError(text))
}
