//! `framekeep-replay`, the replay and determinism checker: what is in a sealed match, and is it true?

mod args;
mod describe;
mod exit;
mod info;
mod load;
mod progress;
mod record;
#[cfg(test)]
mod tests;
mod verdict;
mod verify;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = run(&Args::parse(), &mut out);
    match done.and_then(|exit| out.flush().map(|()| exit)) {
        Ok(exit) => exit.into(),
        // Whoever read the output has seen enough: `framekeep-replay verify --hashes FILE | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok.into(),
        Err(error) => {
            complain(&format!("cannot write the output: {error}"));
            Exit::Failure.into()
        }
    }
}

/// A line on standard error, if there is anybody to read it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "framekeep-replay: {message}");
}

fn run(args: &Args, out: &mut impl Write) -> io::Result<Exit> {
    match &args.command {
        Command::Info(info) => info::run(info, out),
        Command::Verify(verify) => verify::run(verify, out),
        Command::Record(record) => record::run(record, out),
    }
}
