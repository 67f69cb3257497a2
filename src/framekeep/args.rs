//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use framekeep_protocol::{PlayerName, RoomName};

use crate::config::{ConfigError, Effective, LayerSources};
use crate::results::When;

/// The headless, authoritative, deterministic game server.
#[derive(Debug, Parser)]
#[command(name = "framekeep", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// What to do; `serve` when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags that every command takes.
    #[command(flatten)]
    pub config: ConfigArgs,
}

const EXAMPLES: &str = "\
Examples:
  framekeep                                       serve on 127.0.0.1:7770, data in ./framekeep-data
  framekeep serve --udp 127.0.0.1:0 --tick-rate-hz 60
  framekeep token --player ada --room friday      a connect ticket on standard output
  framekeep check                                 would a server do well here?
  framekeep rooms                                 the rooms of the server that runs here
  framekeep top                                   watch it
  framekeep results list --player ada             the last matches of a player
  framekeep config show --origin                  the effective configuration and where it comes from

Exit codes: 0 ok, 1 failure, 2 usage, 4 configuration, 5 cannot bind or connect, 6 damaged file.";

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve rooms until SIGINT or SIGTERM (also without a command).
    #[command(after_help = "\
Examples:
  framekeep serve
  framekeep serve --udp 127.0.0.1:7771 --data /tmp/rooms --log debug
  FRAMEKEEP_KEY=$(openssl rand -hex 32) framekeep serve --udp 0.0.0.0:7770 --public 192.0.2.7:7770")]
    Serve,
    /// Mint a connect ticket: it lets one player connect once, within ten seconds.
    #[command(after_help = "\
Examples:
  framekeep token --player ada --room friday
  framekeep token --player ada --addr 192.0.2.7:7770 --out ada.ticket")]
    Token(TokenArgs),
    /// Make a key file for `identity.key_file`, readable by you alone.
    #[command(after_help = "\
Example:
  framekeep key --out framekeep.key
  framekeep serve --udp 0.0.0.0:7770 --public 192.0.2.7:7770 --set identity.key_file=framekeep.key")]
    Key(KeyArgs),
    /// Print the public key of this node: what its replays are checked with.
    #[command(after_help = "\
Example:
  framekeep identity --data /var/lib/framekeep > node.pub
  framekeep-replay verify --key node.pub match.fkr")]
    Identity,
    /// List the rooms of the server that uses the data folder.
    #[command(after_help = "\
Examples:
  framekeep rooms
  framekeep rooms --json --data /var/lib/framekeep | jq '.rooms[].name'")]
    Rooms(RoomsArgs),
    /// Say what holds a room of the server that uses the data folder, and for how long.
    #[command(after_help = "\
Example:
  framekeep why-alive friday --data /var/lib/framekeep")]
    WhyAlive(WhyAliveArgs),
    /// List, show and export finished matches, also while the server runs.
    Results(ResultsArgs),
    /// Show the nodes that work together with the server that runs here, who coordinates them, and their queues.
    #[command(after_help = "\
Examples:
  framekeep cluster
  framekeep cluster --json --http 127.0.0.1:7780 | jq '.together.nodes[].name'")]
    Cluster(ClusterArgs),
    /// Look whether a server would do well here: configuration, addresses, data folder, disk, keys, limits.
    #[command(after_help = "\
Examples:
  framekeep check
  sudo -u framekeep framekeep check --config /etc/framekeep/framekeep.toml

A line for each thing: `ok`, `warn` (a server starts, and is worse for it) or `fail`, with the way out. The exit code
is 0 without a failure, else that of the first: 1, 4 for the configuration, 5 for an address that is taken.")]
    Check,
    /// Say whether the server that runs here turns: exit code 0 if it does, 1 if not, 5 if nobody answers.
    #[command(after_help = "\
Examples:
  framekeep healthcheck
  framekeep healthcheck --ready --http 127.0.0.1:7780")]
    Healthcheck(HealthcheckArgs),
    /// Let the server that runs here end: no new matches, and when the last has ended, or after a while, it stops.
    #[command(after_help = "\
Examples:
  framekeep drain
  framekeep drain --grace 600 --admin 127.0.0.1:7781 --data /var/lib/framekeep
  framekeep drain --move eu2,eu3 --data /var/lib/framekeep")]
    Drain(DrainArgs),
    /// Close a room of the server that runs here, or of another node of its cluster.
    #[command(after_help = "\
Example:
  framekeep close friday --data /var/lib/framekeep")]
    Close(CloseArgs),
    /// Let a room go on at another node of the cluster, between two ticks; waits until it does.
    #[command(after_help = "\
Example:
  framekeep move friday eu2 --data /var/lib/framekeep")]
    Move(MoveArgs),
    /// Send a player away from the server that runs here, or from the node of a room.
    #[command(after_help = "\
Examples:
  framekeep kick 9c0e41d2a7b35f60 --data /var/lib/framekeep
  framekeep kick 9c0e41d2a7b35f60 --room friday --admin 127.0.0.1:7781")]
    Kick(KickArgs),
    /// Watch a server that runs: rooms, turns, alerts, as they are.
    #[cfg(feature = "top")]
    #[command(after_help = "\
Example:
  framekeep top --http 127.0.0.1:7780")]
    Top(TopArgs),
    /// Print what completes commands and flags in a shell.
    #[command(after_help = "\
Examples:
  framekeep completions bash > /etc/bash_completion.d/framekeep
  framekeep completions fish > ~/.config/fish/completions/framekeep.fish")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write the pages of all commands to a folder.
    #[command(after_help = "\
Examples:
  framekeep man | man -l -
  framekeep man --out /usr/local/share/man/man1")]
    Man(ManArgs),
    /// Show or check the configuration.
    #[command(after_help = "\
Examples:
  framekeep config show --origin
  framekeep config default > framekeep.toml")]
    Config(ConfigCommandArgs),
}

/// The flags of `framekeep token`.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The player's name; the same name is the same player.
    #[arg(long, value_name = "NAME")]
    pub player: PlayerName,
    /// The only room the ticket is good for; any room without it.
    #[arg(long, value_name = "ROOM")]
    pub room: Option<RoomName>,
    /// The address the client connects to; the first of `net.public`, else `net.udp`, without it.
    #[arg(long, value_name = "IP:PORT")]
    pub addr: Option<SocketAddr>,
    /// Write the ticket to this file, in Base64 too, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The flags of `framekeep key`.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// The file to make; one that exists is never replaced.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// The flags of `framekeep rooms`.
#[derive(Debug, clap::Args)]
pub struct RoomsArgs {
    /// Print the file the server writes, as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The flags of `framekeep cluster`.
#[derive(Debug, clap::Args)]
pub struct ClusterArgs {
    /// Print what the server says, as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The flags of `framekeep why-alive`.
#[derive(Debug, clap::Args)]
pub struct WhyAliveArgs {
    /// The room's name.
    #[arg(value_name = "ROOM")]
    pub room: RoomName,
}

/// The command of `framekeep results`.
#[derive(Debug, clap::Args)]
pub struct ResultsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ResultsCommand,
}

/// What `framekeep results` can do.
#[derive(Debug, Subcommand)]
pub enum ResultsCommand {
    /// List finished matches, the newest first.
    #[command(after_help = "\
Examples:
  framekeep results list --player ada --since 7d
  framekeep results list --game arena --json | jq .winner")]
    List {
        /// Which ones.
        #[command(flatten)]
        filters: ResultFilters,
        /// At most so many.
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
        /// Print an object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one match.
    #[command(after_help = "\
Example:
  framekeep results show 5f3a9c0000000001-1794000000-1")]
    Show {
        /// Its id, or a beginning that no other id has.
        #[arg(value_name = "ID")]
        id: String,
        /// Print an object.
        #[arg(long)]
        json: bool,
    },
    /// Print every finished match, the newest first.
    #[command(after_help = "\
Examples:
  framekeep results export > results.jsonl
  framekeep results export --format csv --since 30d --out november.csv")]
    Export {
        /// Which ones.
        #[command(flatten)]
        filters: ResultFilters,
        /// An object a line, or a line of CSV for every player of every match.
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
        /// Write to this file, which must not exist, instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// The flags of `framekeep healthcheck`.
#[derive(Debug, clap::Args)]
pub struct HealthcheckArgs {
    /// Ask whether new players may come, too: not while the server drains.
    #[arg(long)]
    pub ready: bool,
}

/// The flags of `framekeep close`.
#[derive(Debug, clap::Args)]
pub struct CloseArgs {
    /// The room.
    pub room: RoomName,
}

/// The flags of `framekeep drain`.
#[derive(Debug, clap::Args)]
pub struct DrainArgs {
    /// Let all rooms go on at these nodes first, in turn.
    #[arg(long = "move", value_name = "NODE", value_delimiter = ',')]
    pub move_to: Vec<String>,
}

/// The flags of `framekeep move`.
#[derive(Debug, clap::Args)]
pub struct MoveArgs {
    /// The room.
    pub room: RoomName,
    /// The other node, by its net.name.
    pub node: String,
}

/// The flags of `framekeep kick`.
#[derive(Debug, clap::Args)]
pub struct KickArgs {
    /// The player's id: 16 hexadecimal digits, as `GET /api/v1/rooms/{name}` shows it.
    pub player: String,
    /// The room that the player is in, where another node of the cluster may have it.
    #[arg(long)]
    pub room: Option<RoomName>,
}

/// How often a server may be looked at.
#[cfg(feature = "top")]
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

/// The flags of `framekeep top`.
#[cfg(feature = "top")]
#[derive(Debug, clap::Args)]
pub struct TopArgs {
    /// Look at the server this often.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(INTERVALS_MS))]
    pub interval_ms: u64,
    /// Print one picture of so many columns and rows, and end.
    #[arg(long, value_name = "COLUMNSxROWS")]
    pub once: Option<crate::top::Size>,
}

/// The flags of `framekeep completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The flags of `framekeep man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write a page for every command to this folder, which is made when it is missing.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Which results are wanted.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ResultFilters {
    /// Somebody of this name, or this id of 16 hexadecimal digits, played in it.
    #[arg(long, value_name = "PLAYER")]
    pub player: Option<String>,
    /// It was of this game.
    #[arg(long, value_name = "GAME")]
    pub game: Option<String>,
    /// It ended then or later: seconds since 1970, or how long ago as 90s, 30m, 12h, 7d.
    #[arg(long, value_name = "TIME")]
    pub since: Option<When>,
    /// It ended before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<When>,
}

/// How results are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// An object a line.
    #[default]
    Jsonl,
    /// A line for every player of every match.
    Csv,
}

/// The command of `framekeep config`.
#[derive(Debug, clap::Args)]
pub struct ConfigCommandArgs {
    /// What to show.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What `framekeep config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the effective configuration as TOML.
    #[command(after_help = "\
Example:
  FRAMEKEEP__ROOMS__TICK_RATE_HZ=60 framekeep config show --origin")]
    Show {
        /// Say of each value where it comes from: default, file and line, variable or flag.
        #[arg(long)]
        origin: bool,
    },
    /// Say whether a server would start with this configuration: keys, content and files of secrets are looked at too.
    #[command(after_help = "\
Example:
  framekeep config check --config /etc/framekeep.toml")]
    Check,
    /// Print a configuration file with every key at its default, explained.
    #[command(after_help = "\
Example:
  framekeep config default > framekeep.toml")]
    Default,
}

/// The flags that set configuration, the layer above files and the environment.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfigArgs {
    /// Read this configuration file instead of `framekeep.toml` in the current folder.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Listen on this UDP address (net.udp); 0.0.0.0 and [::] need --public.
    #[arg(long, value_name = "IP:PORT", global = true)]
    pub udp: Option<String>,
    /// Tell players to connect to these addresses, separated by commas (net.public).
    #[arg(long, value_name = "IP:PORT", global = true)]
    pub public: Option<String>,
    /// Keep journals, replays and the development key in this folder (data.folder).
    #[arg(long, value_name = "FOLDER", global = true)]
    pub data: Option<String>,
    /// Serve HTTP and WebSocket on this address, or `off` (http.address).
    #[arg(long, value_name = "IP:PORT", global = true)]
    pub http: Option<String>,
    /// Serve operators' actions on this address, or `off` (admin.address).
    #[arg(long, value_name = "IP:PORT", global = true)]
    pub admin: Option<String>,
    /// Be `all` of a node, only a `gateway` for WebSocket clients, or only the rooms of a `game` (cluster.role).
    #[arg(long, value_name = "ROLE", global = true)]
    pub role: Option<String>,
    /// Let running matches go on for so many seconds when the server is told to stop (drain.grace_s).
    #[arg(long, value_name = "SECONDS", global = true)]
    pub grace: Option<String>,
    /// Simulate this often a second (rooms.tick_rate_hz).
    #[arg(long, value_name = "HZ", global = true)]
    pub tick_rate_hz: Option<String>,
    /// Show log lines of this level, or filter by module (log.level).
    #[arg(long, value_name = "LEVEL", global = true)]
    pub log: Option<String>,
    /// Log as `pretty`, `json` or `auto` (log.format).
    #[arg(long, value_name = "FORMAT", global = true)]
    pub log_format: Option<String>,
    /// Set any key; may be repeated.
    #[arg(long, value_name = "SECTION.KEY=VALUE", global = true)]
    pub set: Vec<String>,
}

impl ConfigArgs {
    /// The effective configuration: defaults, file, this process's environment, these flags.
    ///
    /// # Errors
    /// Everything that is wrong with any of the layers.
    pub fn load(&self) -> Result<Effective, ConfigError> {
        let mut sources = LayerSources::default()
            .with_config_file(self.config.as_deref())?
            .with_env(std::env::vars_os())
            .with_flag("--udp", "net.udp", self.udp.as_deref())
            .with_flag("--public", "net.public", self.public.as_deref())
            .with_flag("--data", "data.folder", self.data.as_deref())
            .with_flag("--http", "http.address", self.http.as_deref())
            .with_flag("--admin", "admin.address", self.admin.as_deref())
            .with_flag("--role", "cluster.role", self.role.as_deref())
            .with_flag("--grace", "drain.grace_s", self.grace.as_deref())
            .with_flag("--tick-rate-hz", "rooms.tick_rate_hz", self.tick_rate_hz.as_deref())
            .with_flag("--log", "log.level", self.log.as_deref())
            .with_flag("--log-format", "log.format", self.log_format.as_deref());
        for assignment in &self.set {
            sources = sources.with_assignment(assignment)?;
        }
        sources.merge()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let group = command.has_subcommands() && command.is_subcommand_required_set();
            assert!(group || help.contains("Example"), "{} has no example", command.get_name());
            command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(check);
        }
        check(&Args::command());
    }
}
