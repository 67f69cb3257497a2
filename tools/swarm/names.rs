//! `Names`, what everybody and everything is called.

use std::time::Duration;

use framekeep_client::ClientHello;
use framekeep_protocol::{GameRules, PlayerName, RoomName, RoomOptions};

use crate::args::Args;
use crate::bot::Orders;
use crate::player::GameChoice;

/// What everybody and everything is called. Names are new in each run: the rooms of an earlier one may still be there.
pub(crate) struct Names {
    run: String,
    /// The one room, if it has a name.
    room: Option<String>,
    seats: usize,
    game: GameChoice,
    options: RoomOptions,
    games: Vec<GameRules>,
    thin: bool,
}

impl Names {
    pub(crate) fn new(args: &Args, now: Duration) -> Self {
        let run = format!("{}-{:x}", args.seed, now.as_millis() & 0xff_ffff_ffff);
        let mut options = RoomOptions::new(args.game.name(), args.seats);
        options.content.clone_from(&args.content);
        options.tick_rate_hz = args.tick_rate;
        options.send_every_ticks = args.send_every;
        let games = if args.thin { Vec::new() } else { vec![args.game.rules()] };
        let room = args.room.clone();
        Self { run, room, seats: args.seats.into(), game: args.game, options, games, thin: args.thin }
    }

    /// What the bot of this number is to do: fill the rooms one after the other.
    pub(crate) fn orders(&self, index: usize, seed: u64) -> anyhow::Result<Orders> {
        let (room, seat) = (index / self.seats, index % self.seats);
        self.order(&format!("b{room}.{seat}"), &room.to_string(), seed)
    }

    /// What one of a crowd is to do: come to the same room as all of it.
    pub(crate) fn crowd(&self, index: usize, seed: u64) -> anyhow::Result<Orders> {
        self.order(&format!("c{index}"), "crowd", seed)
    }

    fn order(&self, player: &str, room: &str, seed: u64) -> anyhow::Result<Orders> {
        Ok(Orders {
            hello: ClientHello {
                name: PlayerName::try_from(format!("{player}-{}", self.run))?,
                games: self.games.clone(),
            },
            room: RoomName::try_from(
                self.room.clone().unwrap_or_else(|| format!("swarm-{}-{room}", self.run)),
            )?,
            game: self.game,
            options: self.options.clone(),
            thin: self.thin,
            seed,
        })
    }
}
