//! `framekeep-swarm`: bots that play on a server over real sockets, and a table of what they saw.
//!
//! | file | what is inside |
//! |---|---|
//! | `args` | the command line |
//! | `tickets` | the server's key, and a connect ticket for each bot |
//! | `bot` | one player without a socket: link, room, match |
//! | `play`, `side` | its part in a match, with or without a simulation |
//! | `player` | what presses the buttons, for each game |
//! | `loss` | links lost on purpose, and whether their players came back |
//! | `flips` | bits of bots' states flipped on purpose, and whether the server named and healed them |
//! | `songs` | matches played from beginning to end |
//! | `crowd` | a crowd in front of one room |
//! | `names` | what everybody and everything is called |
//! | `member` | a bot, its socket and its timer |
//! | `line` | a bot's socket, with a bad network in front of it |
//! | `driver` | all bots in one thread: epoll, timers, the phases of a run |
//! | `tally` | what is counted |
//! | `watch` | what a bot went through in the measured window, and what of it is a failure |
//! | `server_cpu` | the server's processor time |
//! | `report` | the table, the JSON object, the goals |

mod args;
mod bot;
mod crowd;
mod driver;
mod flips;
mod line;
mod loss;
mod member;
mod names;
mod play;
mod player;
mod report;
mod server_cpu;
mod side;
mod songs;
mod tally;
mod tickets;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use args::Args;
use driver::Swarm;
use flips::FlipReport;
use report::Report;

/// The bots saw something wrong, or a goal was missed.
const EXIT_FAILURE: u8 = 1;
/// The key is missing or unreadable.
const EXIT_CONFIG: u8 = 4;
/// The server does not answer.
const EXIT_CONNECT: u8 = 5;

fn main() -> ExitCode {
    let args = Args::parse().settled();
    match run(&args) {
        Ok(report) => {
            let printed = print(&args, &report);
            exit_code(&args, &report, printed)
        }
        Err(error) => {
            complain(&format!("framekeep-swarm: {error:#}"));
            ExitCode::from(if error.is::<tickets::KeyError>() { EXIT_CONFIG } else { EXIT_FAILURE })
        }
    }
}

fn run(args: &Args) -> anyhow::Result<Report> {
    let mint = tickets::Mint::open(args)?;
    let mut outcome = Swarm::new(args, mint)?.run()?;
    if let Some(wanted) = args.drills.inject_desync {
        let report = FlipReport::new(wanted, &outcome.flips, &args.data);
        outcome.flip_report = report.context("cannot read the server's reports: is --data its folder?")?;
    }
    Ok(Report::new(args, &outcome))
}

fn print(args: &Args, report: &Report) -> io::Result<()> {
    let text = if args.json { format!("{}\n", report.json()) } else { report.table() };
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    report.complaints().iter().for_each(|complaint| complain(complaint));
    match printed {
        // Whoever read the output has seen enough; the exit code tells the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// A line on standard error, if there is anybody to read it.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn exit_code(args: &Args, report: &Report, printed: io::Result<()>) -> ExitCode {
    if report.answered == 0 {
        complain(&format!(
            "no answer from {}: does the server run, and is {} its data folder?",
            args.addr,
            args.data.display()
        ));
        return ExitCode::from(EXIT_CONNECT);
    }
    if let Err(error) = &printed {
        complain(&format!("framekeep-swarm: cannot write the output: {error}"));
    }
    if report.is_good() && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILURE) }
}
