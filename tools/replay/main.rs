//! `framekeep-replay`, the replay and determinism checker: what is in a sealed match, and is it true?

mod args;
mod bisect;
mod check;
mod corpus;
mod cut;
mod describe;
mod diff;
mod exit;
mod explain;
mod export;
mod failure;
mod info;
mod key;
mod load;
mod matches;
mod opened;
mod picture;
mod play;
mod progress;
mod record;
mod render;
mod seek;
mod stats;
mod target;
#[cfg(test)]
mod tests;
mod verdict;
mod verify;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command, CorpusArgs, CorpusCommand};
use crate::exit::Exit;
use crate::failure::Failure;

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
    match command(&args.command, out) {
        Ok(exit) => Ok(exit),
        Err(Failure::Output(error)) => Err(error),
        Err(Failure::Told(exit, message)) => {
            complain(&message);
            Ok(exit)
        }
    }
}

fn command(command: &Command, out: &mut impl Write) -> Result<Exit, Failure> {
    match command {
        Command::Info(args) => info::run(args, out),
        Command::Verify(args) => verify::run(args, out),
        Command::Seek(args) => seek::run(args, out),
        Command::Diff(args) => diff::run(args, out),
        Command::Bisect(args) => bisect::run(args, out),
        Command::Export(args) => export::run(args, out),
        Command::Cut(args) => cut::run(args, out),
        Command::Stats(args) => stats::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Corpus(CorpusArgs { command: CorpusCommand::Verify(args) }) => corpus::verify(args, out),
        Command::Record(args) => record::run(args, out),
        Command::Render(args) => render::run(args, out),
        Command::Matches(args) => matches::run(args, out),
        Command::Play(args) => play::run(args, out),
        Command::Explain(args) => explain::run(args, out),
    }
}
