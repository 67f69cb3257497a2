//! Rooms whose games panic, beside rooms that real players play in over UDP: do the others notice?

mod fragile;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use framekeep_games::registry;
use framekeep_server::{Counters, Games, Histogram, NodeKey, Server, ServerConfig, Timings};
use framekeep_sim::Game as _;

use fragile::{Fragile, SOON, open_fragile};

/// The key of a server that lives for a minute.
const KEY: [u8; 32] = [7; 32];
/// Seconds in which everybody joins before anything is measured.
const JOINING_S: u32 = 12;
/// Seconds of calm, then of panics, then of calm, ...
const TURN_S: u32 = 10;

/// Serves rooms to a swarm over real UDP, and opens rooms whose game panics: in every other ten seconds, one a second.
///
/// Prints the time from the moment a frame is due to the moment it is handed to the socket, for the calm seconds and
/// for those with panics. Needs the swarm beside it: cargo build --release -p framekeep_swarm
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Rooms of the swarm.
    #[arg(long, default_value_t = 500)]
    rooms: u32,
    /// Seats of each.
    #[arg(long, default_value_t = 2)]
    seats: u32,
    /// How often calm and storm follow each other.
    #[arg(long, default_value_t = 3)]
    turns: u32,
    /// Rooms that panic each second of a storm.
    #[arg(long, default_value_t = 1)]
    panics: u32,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let config =
        ServerConfig { udp: "127.0.0.1:0".parse()?, start_delay: Duration::ZERO, ..ServerConfig::default() };
    let mut games = Games::new(registry().with::<Fragile>());
    games.add_content(Fragile::NAME, SOON, "10").map_err(|fault| anyhow!("{fault:?}"))?;
    let mut server = Server::bind(config, games, NodeKey::new(KEY))?;
    // The panics are meant; their texts would only hide the figures.
    std::panic::set_hook(Box::new(|_| {}));
    let mut swarm = swarm(&args, &server)?.spawn().context("cannot start the swarm")?;
    println!("{} rooms of {} join for {JOINING_S} s", args.rooms, args.seats);
    serve(&mut server, JOINING_S, |_| {});
    for turn in 1..=args.turns {
        for (name, panics) in [("calm ", 0), ("storm", args.panics)] {
            let frames = measure(&mut server, panics);
            let at = |share: f64| frames.quantile(share);
            let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
            println!(
                "{turn} {name}: p50 {p50} us, p99 {p99} us, p99.9 {p999} us of {} frames",
                frames.count()
            );
        }
    }
    let failed = server.world().resource::<Counters>().matches_failed;
    println!("{failed} matches panicked");
    serve(&mut server, 6, |_| {});
    let status = swarm.wait()?;
    server.shut_down()?;
    ensure!(failed == u64::from(args.panics * args.turns * TURN_S), "every opened room has to panic");
    ensure!(status.success(), "the swarm found a fault");
    Ok(())
}

/// The frames of ten seconds in which `panics` rooms a second panic.
fn measure(server: &mut Server, panics: u32) -> Histogram {
    server.world_mut().resource_mut::<Timings>().frame_us = Histogram::default();
    serve(server, TURN_S, |server| (0..panics).for_each(|_| open_fragile(server)));
    std::mem::take(&mut server.world_mut().resource_mut::<Timings>().frame_us)
}

/// Pumps for some seconds, as the real program does, and calls `each` at the beginning of each.
fn serve(server: &mut Server, seconds: u32, mut each: impl FnMut(&mut Server)) {
    for _ in 0..seconds {
        each(server);
        let over = Arc::new(AtomicBool::new(false));
        let timer = std::thread::spawn({
            let over = over.clone();
            move || {
                std::thread::sleep(Duration::from_secs(1));
                over.store(true, Ordering::Relaxed);
            }
        });
        server.pump_until(&over);
        let _ = timer.join();
    }
}

fn swarm(args: &Args, server: &Server) -> Result<Command> {
    let beside = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    let program = beside.join("framekeep-swarm");
    ensure!(program.exists(), "{} is not there: cargo build --release -p framekeep_swarm", program.display());
    let seconds = args.turns * 2 * TURN_S + 4;
    let mut command = Command::new(program);
    command
        .args(["--thin", "--addr", &server.local_addr().to_string()])
        .args(["--rooms", &args.rooms.to_string(), "--seats", &args.seats.to_string()])
        .args(["--ramp", "6", "--seconds", &seconds.to_string()])
        .env("FRAMEKEEP_KEY", KEY.map(|byte| format!("{byte:02x}")).concat())
        .stdin(Stdio::null());
    Ok(command)
}
