//! Matches over every combination of loss, delay, jitter, reordering and duplication.

mod cell;

use cell::{Cell, HEADS, Report};

/// Plays cells one after the other, prints the table, and gives what went wrong.
fn table(cells: impl Iterator<Item = Cell>, seconds: f64) -> Vec<Report> {
    println!("{HEADS}");
    (1..)
        .zip(cells)
        .map(|(seed, cell)| {
            let report = cell.play(seed, seconds);
            println!("{report}");
            report
        })
        .collect()
}

fn assert_all_agree(reports: &[Report]) {
    let faults: Vec<String> = reports
        .iter()
        .filter_map(|report| report.fault.as_ref().map(|fault| format!("{:?}: {fault}", report.cell)))
        .collect();
    assert!(faults.is_empty(), "{} of {} cells differ:\n{}", faults.len(), reports.len(), faults.join("\n"));
}

#[test]
fn a_diagonal_of_the_grid_ends_alike_on_all_sides() {
    assert_all_agree(&table(Cell::all().step_by(23), 5.0));
}

#[test]
#[ignore = "192 matches: minutes"]
fn the_whole_grid_ends_alike_on_all_sides() {
    let reports = table(Cell::all(), 20.0);
    assert_eq!(reports.len(), 192);
    assert_all_agree(&reports);
}
