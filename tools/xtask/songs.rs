//! The songs that ship, composed from a seed: beats, off-beats and holds in sections that come back.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

/// Times are in eighths of a tick at 30 ticks a second: this many are a minute.
const EIGHTHS_PER_MINUTE: u32 = 60 * 30 * 8;
/// Before the first bar, in eighths of a tick: two seconds.
const LEAD_IN: u32 = 2 * 30 * 8;
/// Steps of a bar: 16th notes of four beats.
const STEPS: u32 = 16;
/// From the end of a note to the next one of its lane, at least: a sixth of a second.
const GAP: u32 = 5 * 8;

/// What a song is made from.
struct Recipe {
    /// The file in `assets/songs`, without `.toml`.
    name: &'static str,
    title: &'static str,
    bpm: u32,
    seed: u64,
    /// The section of every two bars.
    form: &'static [Section],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Beats alone.
    Intro,
    /// Beats and a melody.
    Verse,
    /// Beats, off-beats and a melody.
    Chorus,
    /// Holds, and a beat at the start of each bar.
    Bridge,
}

use Section::{Bridge, Chorus, Intro, Verse};

const SONGS: &[Recipe] = &[
    Recipe {
        name: "sunrise",
        title: "Sunrise",
        bpm: 120,
        seed: 1,
        form: &[Intro, Verse, Verse, Chorus, Chorus, Bridge, Verse, Bridge, Chorus, Chorus, Verse, Intro],
    },
    Recipe {
        name: "clockwork",
        title: "Clockwork",
        bpm: 144,
        seed: 2,
        form: &[
            Intro, Verse, Chorus, Verse, Chorus, Bridge, Chorus, Verse, Bridge, Verse, Chorus, Bridge, Verse,
            Chorus, Chorus, Intro,
        ],
    },
];

/// Writes them. A difference in version control means that the composer changed; keep it only if it was to.
pub(crate) fn write() -> Result<()> {
    for recipe in SONGS {
        let path = path(recipe);
        std::fs::write(&path, compose(recipe))
            .with_context(|| format!("{} is not written", path.display()))?;
        eprintln!("xtask: assets/songs/{}.toml", recipe.name);
    }
    Ok(())
}

fn path(recipe: &Recipe) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../assets/songs/{}.toml", recipe.name))
}

/// The text of a song file.
fn compose(recipe: &Recipe) -> String {
    let mut score = Score::new(recipe);
    for (bar, section) in (0..).step_by(2).zip(recipe.form) {
        score.beats(bar, *section);
    }
    for (bar, section) in (0..).step_by(2).zip(recipe.form) {
        score.holds(bar, *section);
        score.melody(bar, *section);
    }
    score.text(recipe)
}

struct Note {
    at: u32,
    lane: usize,
    hold_ticks: u32,
}

/// The tracks while they are written.
struct Score {
    beat: u32,
    chance: Chance,
    /// A melody of two bars for each of [`Verse`] and [`Chorus`]: steps and lanes. It comes back with its section.
    motifs: [Vec<(u32, usize)>; 2],
    drums: Vec<Note>,
    lead: Vec<Note>,
    pad: Vec<Note>,
}

impl Score {
    fn new(recipe: &Recipe) -> Self {
        let mut chance = Chance(recipe.seed);
        let motifs = [motif(&mut chance, 4, 3), motif(&mut chance, 2, 2)];
        let beat = EIGHTHS_PER_MINUTE / recipe.bpm;
        Self { beat, chance, motifs, drums: Vec::new(), lead: Vec::new(), pad: Vec::new() }
    }

    /// Lane 0 on the first and third beat, lane 3 on the second and fourth; choruses strike both to begin with.
    fn beats(&mut self, bar: u32, section: Section) {
        for beat in 0..8 {
            let (step, lane) = (beat * 4, if beat % 2 == 0 { 0 } else { 3 });
            match section {
                Bridge if beat % 4 != 0 => continue,
                Verse if beat % 2 == 1 && bar.is_multiple_of(4) => continue,
                Chorus if beat == 0 => self.tap(Voice::Drums, bar, step, 3),
                _ => {}
            }
            self.tap(Voice::Drums, bar, step, lane);
        }
    }

    /// A hold in each bar of a bridge, on an inner lane, and one that ends a verse now and then.
    fn holds(&mut self, bar: u32, section: Section) {
        let inner = 1 + self.chance.below(2) as usize;
        match section {
            Bridge => {
                self.hold(bar, 0, inner, 10);
                self.hold(bar, STEPS, 3 - inner, 12);
            }
            Verse if self.chance.below(2) == 0 => self.hold(bar, STEPS + 8, inner, 6),
            Intro | Verse | Chorus => {}
        }
    }

    /// The section's motif; its second bar is turned over every other time.
    fn melody(&mut self, bar: u32, section: Section) {
        let motif = match section {
            Verse => self.motifs[0].clone(),
            Chorus => self.motifs[1].clone(),
            Intro | Bridge => return,
        };
        let turned = bar % 4 == 2;
        for (step, lane) in motif {
            let lane = if turned && step >= STEPS { 3 - lane } else { lane };
            self.tap(Voice::Lead, bar, step, lane);
        }
    }

    fn tap(&mut self, voice: Voice, bar: u32, step: u32, lane: usize) {
        self.place(voice, Note { at: self.time(bar, step), lane, hold_ticks: 0 });
    }

    fn hold(&mut self, bar: u32, step: u32, lane: usize, steps: u32) {
        let hold_ticks = (self.beat * steps / 4 / 8).max(8);
        self.place(Voice::Pad, Note { at: self.time(bar, step), lane, hold_ticks });
    }

    fn time(&self, bar: u32, step: u32) -> u32 {
        LEAD_IN + (bar * STEPS + step) * self.beat / 4
    }

    /// Leaves a note out that a finger could not play: its lane is busy, or two other lanes are struck at once.
    fn place(&mut self, voice: Voice, note: Note) {
        let end = |note: &Note| note.at + note.hold_ticks * 8;
        let mut all = self.drums.iter().chain(&self.lead).chain(&self.pad);
        let busy = all.clone().any(|other| {
            other.lane == note.lane && note.at < end(other) + GAP && other.at < end(&note) + GAP
        });
        let chord = all.by_ref().filter(|other| other.at == note.at).count();
        if !busy && chord < 2 {
            match voice {
                Voice::Drums => self.drums.push(note),
                Voice::Lead => self.lead.push(note),
                Voice::Pad => self.pad.push(note),
            }
        }
    }

    fn text(mut self, recipe: &Recipe) -> String {
        let mut text = format!(
            "# Made by `cargo xtask songs`; a change here is lost.\ntitle = \"{}\"\nbpm = {}\n",
            recipe.title, recipe.bpm
        );
        for (name, notes) in [("drums", &mut self.drums), ("lead", &mut self.lead), ("pad", &mut self.pad)] {
            notes.sort_by_key(|note| (note.at, note.lane));
            let _ = write!(text, "\n[[tracks]]\nname = \"{name}\"\nnotes = [\n");
            notes.iter().for_each(|note| note.line(&mut text));
            text.push_str("]\n");
        }
        text
    }
}

impl Note {
    fn line(&self, text: &mut String) {
        let _ = write!(text, "    {{ tick = {}, ", self.at / 8);
        if !self.at.is_multiple_of(8) {
            let _ = write!(text, "eighth = {}, ", self.at % 8);
        }
        let _ = write!(text, "lane = {}", self.lane);
        if self.hold_ticks > 0 {
            let _ = write!(text, ", hold = {}", self.hold_ticks);
        }
        text.push_str(" },\n");
    }
}

#[derive(Clone, Copy)]
enum Voice {
    Drums,
    Lead,
    Pad,
}

/// Steps and lanes of two bars: every `grid` steps something may sound, `parts` times in four it does, and the
/// melody moves to a lane beside the last one, as melodies do.
fn motif(chance: &mut Chance, grid: u32, parts: u32) -> Vec<(u32, usize)> {
    let (mut lane, mut notes) = (1 + chance.below(2) as usize, Vec::new());
    for step in (0..2 * STEPS).step_by(grid as usize) {
        // Off the beat: between the drums.
        let step = step + if grid == 4 { 2 } else { 0 };
        if chance.below(4) < parts {
            notes.push((step, lane));
            lane = if chance.below(2) == 0 { (lane + 1).min(3) } else { lane.saturating_sub(1) };
        }
    }
    notes
}

/// SplitMix64 (Steele, Lea and Flood, 2014, "Fast Splittable Pseudorandom Number Generators").
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(bound)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::{SONGS, compose, path};

    #[test]
    fn the_songs_that_ship_are_what_the_composer_writes() {
        for recipe in SONGS {
            let shipped = std::fs::read_to_string(path(recipe)).unwrap();
            assert_eq!(shipped, compose(recipe), "{}: run `cargo xtask songs`", recipe.name);
        }
    }
}
