//! Prints the headline table: what Framekeep does on this machine, next to its peer in the same run.

use anyhow::Result;
use clap::Parser;
use framekeep_benches::row::{Row, SCHEMA_VERSION, Scorecard};
use framekeep_benches::{machine, rows, table};

/// Measures the headline figures of Framekeep, next to its peer in the same run.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure a tenth as long: to see that it works, not what it gives.
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let rows = rows::measure(args.quick, &mut |next| eprintln!("measuring {next}"))?;
    if args.json {
        let card = Scorecard { schema_version: SCHEMA_VERSION, machine: machine::describe(), rows };
        println!("{}", serde_json::to_string(&card)?);
    } else {
        print_table(&rows);
    }
    Ok(())
}

fn print_table(rows: &[Row]) {
    println!("{}", machine::describe());
    for line in table::lines(rows) {
        println!("{line}");
    }
}
