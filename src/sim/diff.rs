//! Where two values of one type differ, field by field.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::walk::{Leaf, walk};

/// One field in which two values differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct FieldDiff {
    /// The path to the field: `seats[2].health`.
    pub path: String,
    /// The field's value on the left.
    pub left: String,
    /// The field's value on the right.
    pub right: String,
}

/// The first `limit` fields in which `left` and `right` differ, in the order of their encoding.
///
/// Sequences of different lengths give a difference at `path.len` and are then compared as far as both go;
/// an `Option` that is there on one side only gives one at `path.is_some`, another enum variant one at `path`.
/// Columns that encode themselves as raw bytes must serialize as sequences for human-readable formats.
///
/// Costs three walks over the values and 16 bytes a field.
///
/// ```
/// let here = framekeep_sim::diff_values(&vec![1, 5, 3], &vec![1, 6], 8);
/// let lines: Vec<_> = here.iter().map(|d| format!("{}: {} here, {} there", d.path, d.left, d.right)).collect();
/// assert_eq!(lines, ["len: 3 here, 2 there", "[1]: 5 here, 6 there"]);
/// ```
#[must_use]
pub fn diff_values<T: Serialize + ?Sized>(left: &T, right: &T, limit: usize) -> Vec<FieldDiff> {
    if limit == 0 {
        return Vec::new();
    }
    let known = digests(left);
    let mut diffs = Vec::new();
    walk(right, &mut |leaf: Leaf<'_>| {
        if differs(&known, digest(leaf.path), digest(leaf.value)) {
            diffs.push(FieldDiff { path: leaf.path.into(), left: String::new(), right: leaf.value.into() });
        }
        diffs.len() < limit
    });
    fill_left(left, &mut diffs);
    diffs
}

/// The digests of path and value of every field, sorted.
fn digests<T: Serialize + ?Sized>(value: &T) -> Vec<(u64, u64)> {
    let mut known = Vec::new();
    walk(value, &mut |leaf: Leaf<'_>| {
        known.push((digest(leaf.path), digest(leaf.value)));
        true
    });
    known.sort_unstable();
    known
}

/// Whether the left side has the field with another value. A field it lacks is told by its parent's length,
/// presence or variant, which differs then.
fn differs(known: &[(u64, u64)], path: u64, value: u64) -> bool {
    let first = known.partition_point(|&(other, _)| other < path);
    let mut same_path = known[first..].iter().take_while(|&&(other, _)| other == path).peekable();
    same_path.peek().is_some() && same_path.all(|&(_, other)| other != value)
}

fn fill_left<T: Serialize + ?Sized>(left: &T, diffs: &mut [FieldDiff]) {
    let mut missing = diffs.len();
    let mut filled = alloc::vec![false; missing];
    walk(left, &mut |leaf: Leaf<'_>| {
        let place = diffs.iter().zip(&filled).position(|(diff, filled)| !filled && diff.path == leaf.path);
        if let Some(place) = place {
            diffs[place].left.push_str(leaf.value);
            filled[place] = true;
            missing -= 1;
        }
        missing > 0
    });
}

fn digest(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use serde::Serialize;

    use super::diff_values;

    #[derive(Clone, Serialize)]
    enum Phase {
        Waiting,
        Playing { since: u32 },
        Over(u8, u8),
        Paused(u64),
    }

    #[derive(Clone, Serialize)]
    struct Newtype(i32);

    #[derive(Clone, Serialize)]
    struct Player {
        health: u16,
        place: [i32; 2],
        target: Option<Newtype>,
    }

    #[derive(Clone, Serialize)]
    struct State {
        tick: u32,
        players: Vec<Player>,
        phase: Phase,
        scores: BTreeMap<u8, i64>,
        name: String,
        pair: (u8, bool),
        unit: (),
    }

    fn state() -> State {
        let player = Player { health: 10, place: [1, 2], target: None };
        State {
            tick: 7,
            players: vec![player.clone(), player.clone(), player],
            phase: Phase::Waiting,
            scores: BTreeMap::from([(1, 5), (2, -6)]),
            name: "ada".into(),
            pair: (1, true),
            unit: (),
        }
    }

    fn lines(left: &State, right: &State, limit: usize) -> Vec<String> {
        diff_values(left, right, limit)
            .iter()
            .map(|diff| format!("{}: {} here, {} there", diff.path, diff.left, diff.right))
            .collect()
    }

    #[test]
    fn equal_values_have_no_differences() {
        assert!(lines(&state(), &state(), 10).is_empty());
    }

    #[test]
    fn names_a_field_of_an_element() {
        let mut right = state();
        right.players[2].health = 9;
        right.players[1].place[1] = -3;
        assert_eq!(
            lines(&state(), &right, 10),
            ["players[1].place[1]: 2 here, -3 there", "players[2].health: 10 here, 9 there"]
        );
    }

    #[test]
    fn tells_lengths_and_compares_what_both_have() {
        let mut right = state();
        right.players.pop();
        right.players[0].health = 1;
        right.tick = 8;
        let expected =
            ["tick: 7 here, 8 there", "players.len: 3 here, 2 there", "players[0].health: 10 here, 1 there"];
        assert_eq!(lines(&state(), &right, 10), expected);
        assert_eq!(lines(&right, &state(), 10).len(), 3);
    }

    #[test]
    fn tells_presence_and_variant() {
        let mut right = state();
        right.players[0].target = Some(Newtype(4));
        right.phase = Phase::Playing { since: 3 };
        let expected =
            ["players[0].target.is_some: false here, true there", "phase: Waiting here, Playing there"];
        assert_eq!(lines(&state(), &right, 10), expected);
        assert_eq!(lines(&right, &state(), 10).len(), 2);
    }

    #[test]
    fn tells_fields_inside_variants_and_options() {
        let (mut left, mut right) = (state(), state());
        left.phase = Phase::Over(1, 2);
        right.phase = Phase::Over(1, 3);
        left.players[1].target = Some(Newtype(4));
        right.players[1].target = Some(Newtype(5));
        let expected = ["players[1].target: 4 here, 5 there", "phase.1: 2 here, 3 there"];
        assert_eq!(lines(&left, &right, 10), expected);
        left.phase = Phase::Paused(1);
        right.phase = Phase::Paused(2);
        assert_eq!(lines(&left, &right, 10)[1], "phase.0: 1 here, 2 there");
    }

    #[test]
    fn tells_map_entries_texts_and_tuples() {
        let mut right = state();
        right.scores.insert(2, 0);
        right.name = "bob".into();
        right.pair.1 = false;
        let expected =
            ["scores[2]: -6 here, 0 there", "name: ada here, bob there", "pair[1]: true here, false there"];
        assert_eq!(lines(&state(), &right, 10), expected);
    }

    #[test]
    fn stops_at_the_limit() {
        let mut right = state();
        for player in &mut right.players {
            player.health = 0;
        }
        assert_eq!(lines(&state(), &right, 2).len(), 2);
        assert!(lines(&state(), &right, 0).is_empty());
    }

    #[test]
    fn a_bare_value_has_a_name() {
        let diffs = diff_values(&1_u8, &2_u8, 3);
        assert_eq!((diffs.len(), diffs[0].path.as_str()), (1, "value"));
    }
}
