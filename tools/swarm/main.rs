//! `framekeep-swarm`: bots that play on a server over real sockets, and a table of what they saw.
//!
//! | file | what is inside |
//! |---|---|
//! | `args` | the command line |
//! | `tickets` | the server's key, and a connect ticket for each bot |
//! | `bot` | one player without a socket: link, room, match |
//! | `play` | its part in a match, with or without a simulation |
//! | `line` | a bot's socket, with a bad network in front of it |
//! | `driver` | all bots in one thread: epoll, timers, the phases of a run |
//! | `tally` | what is counted |
//! | `server_cpu` | the server's processor time |
//! | `report` | the table, the JSON object, the goals |

mod args;
mod bot;
mod driver;
mod line;
mod play;
mod report;
mod server_cpu;
mod tally;
mod tickets;

use std::process::ExitCode;

use clap::Parser;

use args::Args;
use driver::Swarm;
use report::Report;

/// The bots saw something wrong, or a goal was missed.
const EXIT_FAILURE: u8 = 1;
/// The key is missing or unreadable.
const EXIT_CONFIG: u8 = 4;
/// The server does not answer.
const EXIT_CONNECT: u8 = 5;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(report) => {
            print(&args, &report);
            exit_code(&args, &report)
        }
        Err(error) => {
            eprintln!("framekeep-swarm: {error:#}");
            ExitCode::from(if error.is::<tickets::KeyError>() { EXIT_CONFIG } else { EXIT_FAILURE })
        }
    }
}

fn run(args: &Args) -> anyhow::Result<Report> {
    let mint = tickets::Mint::open(args)?;
    let outcome = Swarm::new(args, mint)?.run()?;
    Ok(Report::new(args, &outcome))
}

fn print(args: &Args, report: &Report) {
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    for complaint in report.complaints() {
        eprintln!("{complaint}");
    }
}

fn exit_code(args: &Args, report: &Report) -> ExitCode {
    if report.answered == 0 {
        eprintln!(
            "no answer from {}: does the server run, and is {} its data folder?",
            args.addr,
            args.data.display()
        );
        return ExitCode::from(EXIT_CONNECT);
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILURE) }
}
