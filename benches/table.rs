//! The scorecard as a table for people.

use crate::row::Row;

/// The table's heading.
#[must_use]
pub fn heading() -> String {
    line(["what", "value", "unit", "goal", "", "peer", "peer's value", "ratio"].map(String::from))
}

/// The line of a row.
#[must_use]
pub fn row(row: &Row) -> String {
    line(cells(row))
}

fn cells(row: &Row) -> [String; 8] {
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    [
        row.name.clone(),
        number(row.value),
        row.unit.into(),
        optional(row.goal),
        if row.is_reached() { "ok" } else { "MISSED" }.into(),
        row.peer.unwrap_or_default().into(),
        optional(row.peer_value),
        row.ratio.map(|ratio| format!("{ratio:.1}x")).unwrap_or_default(),
    ]
}

fn line([name, value, unit, goal, reached, peer, peer_value, ratio]: [String; 8]) -> String {
    format!("{name:42} {value:>10} {unit:8} {goal:>9} {reached:6}  {peer:30} {peer_value:>12} {ratio:>7}")
        .trim_end()
        .to_owned()
}

/// Three or four significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
