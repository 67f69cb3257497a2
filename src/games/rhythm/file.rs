//! `SongFile`, a song as it is written: tracks of notes, times in ticks.

use framekeep_sim::ContentError;
use serde::Deserialize;

use crate::rhythm::content::{HOLD_TICKS, LANES, NOTE_TICK, Note, RhythmContent, within};
use crate::rhythm::input::EIGHTHS_PER_TICK;

/// Most tracks of a song.
const TRACKS_MAX: usize = 16;

/// The text form of a song.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SongFile {
    title: String,
    bpm: u16,
    tracks: Vec<Track>,
}

/// Notes that belong together: a voice or an instrument. Players see one song, whatever its tracks are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Track {
    #[serde(default, rename = "name")]
    _name: String,
    notes: Vec<FileNote>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileNote {
    tick: u32,
    #[serde(default)]
    eighth: u32,
    lane: u32,
    #[serde(default)]
    hold: u32,
}

impl SongFile {
    /// Sorts the notes into lanes. What concerns several notes is checked by the content itself.
    pub(crate) fn into_content(self) -> Result<RhythmContent, ContentError> {
        within("tracks", self.tracks.len(), &(1..=TRACKS_MAX), "tracks")?;
        let mut lanes: [Vec<Note>; LANES] = Default::default();
        for (track, Track { notes, .. }) in self.tracks.iter().enumerate() {
            for (index, note) in notes.iter().enumerate() {
                let lane = note.check(&format!("tracks[{track}].notes[{index}]"))?;
                lanes[lane].push(note.timed());
            }
        }
        lanes.iter_mut().for_each(|notes| notes.sort_by_key(|note| (note.at, note.hold)));
        Ok(RhythmContent { title: self.title, bpm: self.bpm, lanes })
    }
}

impl FileNote {
    /// Its lane, if all of it is in range.
    fn check(&self, field: &str) -> Result<usize, ContentError> {
        let last = LANES as u32 - 1;
        within(&format!("{field}.lane"), self.lane, &(0..=last), "is no lane")?;
        within(&format!("{field}.tick"), self.tick, &NOTE_TICK, "is out of range")?;
        within(&format!("{field}.eighth"), self.eighth, &(0..=EIGHTHS_PER_TICK - 1), "is out of range")?;
        if self.hold > 0 {
            within(&format!("{field}.hold"), self.hold, &HOLD_TICKS, "ticks")?;
        }
        Ok(self.lane as usize)
    }

    const fn timed(&self) -> Note {
        Note { at: self.tick * EIGHTHS_PER_TICK + self.eighth, hold: self.hold * EIGHTHS_PER_TICK }
    }
}
