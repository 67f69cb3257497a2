//! Thousands of WebSocket clients at a server on one core: how late are they shown their matches, how quickly are they
//! answered?

mod answers;
mod node;
mod operations;
mod socket;
mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use node::Node;
use socket::Wishes;
use views::Pace;

/// Starts `framekeep serve` on cores of its own and lets thousands of WebSocket clients, in protobuf, play or join and
/// leave.
///
/// `views`: rooms play, each client is shown its match 15 times a second; prints how long after the end of its tick
/// each view was there, what the server itself measured, and whether a turn took longer than its tick.
///
/// `operations`: each client joins a room, says that it is ready and leaves, again and again, up to 50 operations a
/// second; prints how many were answered a second, and how soon.
///
/// Needs the server beside it: cargo build --release -p framekeep
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What the clients do.
    #[command(subcommand)]
    what: What,
    /// The server's binary; the one beside this program without it.
    #[arg(long, value_name = "FILE", global = true)]
    server: Option<PathBuf>,
    /// The cores the server runs on, as taskset takes them.
    #[arg(long, value_name = "CORES", default_value = "0", global = true)]
    cores: String,
    /// The cores of the clients.
    #[arg(long, value_name = "CORES", default_value = "1", global = true)]
    client_cores: String,
    /// Threads of the server's front door.
    #[arg(long, value_name = "COUNT", default_value_t = 1, global = true)]
    threads: u32,
    /// How long is measured, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, global = true)]
    seconds: u64,
    /// Print the headline figures as one JSON object in the last line.
    #[arg(long, global = true)]
    json: bool,
}

/// What the clients do.
#[derive(Subcommand)]
enum What {
    /// They play and are shown their matches.
    Views {
        /// How many there are.
        #[arg(long, default_value_t = 4_000)]
        clients: usize,
        /// Seats of a room.
        #[arg(long, default_value_t = 4)]
        seats: usize,
        /// State views a second.
        #[arg(long, default_value_t = 15)]
        views_hz: u32,
        /// The clients sleep until something comes, and the server's core pays for waking theirs.
        #[arg(long)]
        resting: bool,
        /// The server packs what it says (`websocket.compression`).
        #[arg(long)]
        compression: bool,
    },
    /// They join, are ready and leave.
    Operations {
        /// How many there are.
        #[arg(long, default_value_t = 400)]
        clients: usize,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    socket::allow_files()?;
    node::pin(&args.client_cores)?;
    let compression = matches!(args.what, What::Views { compression: true, .. });
    let node = Node::start(args.server.as_deref(), &args.cores, args.threads, compression)?;
    let seconds = Duration::from_secs(args.seconds);
    let figures = match args.what {
        What::Views { clients, seats, views_hz, resting, .. } => {
            let wishes = Wishes { views_hz, times: true, compression };
            let pace = if resting { Pace::Rest } else { Pace::Look };
            views::run(&node, clients, seats, (wishes, pace), seconds)?
        }
        What::Operations { clients } => operations::run(&node, clients, seconds)?,
    };
    if args.json {
        let figures: BTreeMap<_, _> = figures.into_iter().collect();
        println!("{}", serde_json::to_string(&figures)?);
    }
    Ok(())
}
