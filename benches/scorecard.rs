//! Prints the headline table: what Framekeep does on this machine, next to its peer in the same run.

use anyhow::Result;
use clap::Parser;
use framekeep_benches::row::{SCHEMA_VERSION, Scorecard};
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
    /// Measure only this part.
    #[arg(long, value_name = "PART", value_parser = rows::PARTS)]
    only: Option<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let only = args.only.as_deref();
    let mut rows = Vec::new();
    if !args.json {
        println!("{}\n{}", machine::describe(), table::heading());
    }
    // A row is shown as soon as it is there: all of them take minutes.
    rows::measure(args.quick, only, &mut |next| eprintln!("measuring {next}"), &mut |row| {
        if args.json {
            rows.push(row);
        } else {
            println!("{}", table::row(&row));
        }
    })?;
    if args.json {
        let card = Scorecard { schema_version: SCHEMA_VERSION, machine: machine::describe(), rows };
        println!("{}", serde_json::to_string(&card)?);
    }
    Ok(())
}
