//! The table of keys: every section, key, type, default, range, unit and explanation, once.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::key::{Allowed, Key, Value};
use super::layer::Effective;
use super::problem::Problem;
use super::setting::{Commit, Compression, Durability, Guests, Isolated, LogFormat, Role, Unfinished};

/// Writes [`Settings`], one struct a section, [`KEYS`] and the reading of one into the other from one table.
macro_rules! settings {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {$(
            $(#[doc = $doc:literal])+
            $key:ident: $type:ty = $default:expr, $allowed:expr, $unit:literal, wrong: $wrong:literal;
        )+}
    )+) => {
        /// The effective configuration.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {$(
            $(#[doc = $section_doc])+
            pub $section: $Section,
        )+}

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $Section {$(
                $(#[doc = $doc])+
                pub $key: $type,
            )+}
        )+

        /// Every key, in the order of the file.
        pub static KEYS: &[Key] = &[$($(
            Key {
                section: stringify!($section),
                name: stringify!($key),
                default: $default,
                allowed: $allowed,
                unit: $unit,
                doc: &[$($doc),+],
                wrong: $wrong,
            },
        )+)+];

        /// Every section with what it is about.
        pub(super) static SECTIONS: &[(&str, &[&str])] =
            &[$((stringify!($section), &[$($section_doc),+])),+];

        impl Settings {
            /// The typed settings of checked values.
            pub(super) fn read(values: &Effective) -> Result<Self, Problem> {
                Ok(Self {$(
                    $section: $Section {$(
                        $key: values.read(stringify!($section), stringify!($key))?,
                    )+},
                )+})
            }
        }
    };
}

const MIB: i64 = 1 << 20;

settings! {
    /// Sockets and links.
    net: Net {
        /// The UDP address the server listens on. Port 0 takes a free one, which the banner shows.
        udp: SocketAddr = Value::text("127.0.0.1:7770"), Allowed::Address, "",
            wrong: "an address this machine does not have, or a port that is taken, ends the start with exit code 5";
        /// The addresses players reach the server at where they differ from `udp` (NAT, containers), as a list or
        /// separated by commas. Needed when `udp` is 0.0.0.0 or [::], which nobody can connect to.
        public: Vec<SocketAddr> = Value::text(""), Allowed::Addresses, "",
            wrong: "players whose ticket names neither an address of this list nor `udp` are refused";
        /// The name that clients are told.
        name: String = Value::text("framekeep"), Allowed::Name, "",
            wrong: "a name of more than 64 bytes or with control characters is refused";
        /// The kernel's receive buffer of the UDP socket.
        receive_buffer_bytes: usize = Value::Integer(4 * MIB), Allowed::Integer(64 * 1024, 1024 * MIB), "bytes",
            wrong: "too small loses inputs of many clients at once; where the system grants less than was set, \
                    the start ends with exit code 5; where it grants less than the default, a warning says so";
        /// Players connected at once, over all rooms.
        clients_max: usize = Value::Integer(4096), Allowed::Integer(1, 65_536), "players",
            wrong: "too small refuses players; each costs up to 1 MiB of memory in the worst case";
        /// Players in one shard of the transport behind the address.
        shard_clients_max: usize = Value::Integer(32), Allowed::Integer(1, 1024), "players",
            wrong: "too large makes each datagram dearer, too small makes many shards";
        /// How long a link may be silent before either side gives it up. It is part of every ticket, so whoever mints
        /// tickets needs the same value.
        link_timeout_s: u64 = Value::Integer(10), Allowed::Integer(1, 300), "seconds",
            wrong: "too short drops players in a short outage, too long leaves lost players in the game; it must be \
                    more than twice `heartbeat_ms`";
        /// How often a link without traffic gets a sign of life, and silent links are looked for.
        heartbeat_ms: u64 = Value::Integer(250), Allowed::Integer(250, 1_000), "milliseconds",
            wrong: "too long makes a few lost datagrams look like a lost link";
    }

    /// Rooms and their matches.
    rooms: Rooms {
        /// Simulation steps a second of a room that does not ask for another rate.
        tick_rate_hz: u16 = Value::Integer(30), Allowed::Integer(10, 128), "Hz",
            wrong: "higher costs bandwidth and CPU in proportion, lower adds latency";
        /// Ticks per datagram in each direction.
        send_every_ticks: u8 = Value::Integer(1), Allowed::Integer(1, 8), "ticks",
            wrong: "each tick more saves bytes and CPU and adds one tick of latency";
        /// For how many ticks the last input of a silent seat is repeated before the seat counts as absent.
        input_repeat_ticks_max: u8 = Value::Integer(8), Allowed::Integer(0, 255), "ticks",
            wrong: "too long lets a lost player run on, too short stops him in a short loss";
        /// Rooms at once.
        rooms_max: usize = Value::Integer(4096), Allowed::Integer(1, 65_536), "rooms",
            wrong: "too small refuses new rooms";
        /// How long a frame of a room that asks for lockstep waits for the inputs of connected players after its time.
        lockstep_wait_ms: u64 = Value::Integer(200), Allowed::Integer(0, 900), "milliseconds",
            wrong: "too long lets one slow player stop all, too short makes lockstep a deadline";
        /// How long a player may do nothing before the server lets them go; 0 for as long as they like.
        idle_kick_s: u64 = Value::Integer(300), Allowed::Integer(0, 86_400), "seconds",
            wrong: "too short loses players who think, too long keeps seats for those who went away";
        /// How long the seat of a lost link is held for its player.
        reconnect_grace_s: u64 = Value::Integer(30), Allowed::Integer(0, 3_600), "seconds",
            wrong: "too short loses seats to short outages, too long blocks them for others";
        /// Time between the announcement of a match and its first frame.
        start_delay_ms: u64 = Value::Integer(250), Allowed::Integer(0, 10_000), "milliseconds",
            wrong: "too short lets slow clients miss the first ticks";
        /// How long a room without players is kept.
        empty_room_life_s: u64 = Value::Integer(300), Allowed::Integer(1, 86_400), "seconds",
            wrong: "too long keeps rooms nobody comes back to";
        /// How long a room whose match is over is kept when its host does not want another one.
        finished_room_s: u64 = Value::Integer(300), Allowed::Integer(1, 86_400), "seconds",
            wrong: "too short closes rooms whose players rest between matches, too long keeps rooms that are done";
        /// How long the name of a room that its host, its failing game or the server closed stays taken: who joins is
        /// told that it is closed. Only who closed it may open another at once. 0 frees it at once.
        closed_room_s: u64 = Value::Integer(60), Allowed::Integer(0, 3_600), "seconds",
            wrong: "too short lets late players sit alone in another room of the same name, too long blocks names";
        /// How much time the steps of a match may take over their share, which is half of each tick, less what later
        /// steps leave of theirs. More ends the match. 0 ends none; over its share a room is slowed all the same.
        step_budget_ms: u64 = Value::Integer(150), Allowed::Integer(0, 60_000), "milliseconds",
            wrong: "too short ends matches when the machine is busy, too long lets one room delay the others";
        /// What the state of a match may take in its canonical encoding.
        state_bytes_max: usize = Value::Integer(MIB), Allowed::Integer(1_024, MIB), "bytes",
            wrong: "too small ends the matches of games with large states";
        /// When the frame of a tick is committed. `deadline` never waits for a seat.
        commit: Commit = Value::text("deadline"), Allowed::OneOf(Commit::WORDS), "",
            wrong: "anything else is refused";
    }

    /// What is no longer needed, and when it goes.
    cleanup: Cleanup {
        /// How long a room may live without anything happening in it. Its members are told a minute before.
        room_life_max_s: u64 = Value::Integer(1_800), Allowed::Integer(1, 604_800), "seconds",
            wrong: "too short closes rooms over their members' heads, too long keeps forgotten ones";
        /// Time from a match's end to the cleanup of its packets.
        delay_ms: u64 = Value::Integer(5_000), Allowed::Integer(0, 3_600_000), "milliseconds",
            wrong: "too short takes scores from those who still look at them";
        /// Time after which a cleanup runs although a match plays in the room.
        forced_after_s: u64 = Value::Integer(30), Allowed::Integer(0, 86_400), "seconds",
            wrong: "too long keeps packets of rooms that play one match after the other";
        /// Packets cleaned up at once.
        batch: usize = Value::Integer(256), Allowed::Integer(1, 1_000_000), "packets",
            wrong: "too large delays frames, too small lets cleanups wait for each other";
        /// Time to the second attempt of a cleanup that failed; it doubles each time.
        retry_first_ms: u64 = Value::Integer(1_000), Allowed::Integer(1, 3_600_000), "milliseconds",
            wrong: "too short spends time on what fails again";
        /// Longest time between two attempts.
        retry_max_ms: u64 = Value::Integer(16_000), Allowed::Integer(1, 3_600_000), "milliseconds",
            wrong: "too long keeps packets after the fault is gone";
        /// How often everything is looked through for what should not be there.
        sweep_every_s: u64 = Value::Integer(60), Allowed::Integer(1, 86_400), "seconds",
            wrong: "too short looks at all rooms all the time, too long finds faults late";
        /// Time between two leaderboards of a match whose game keeps scores.
        leaderboard_every_ms: u64 = Value::Integer(2_000), Allowed::Integer(100, 3_600_000), "milliseconds",
            wrong: "too short costs bandwidth, too long shows old scores";
    }

    /// How much may go wrong before something follows. Each link and each room has a budget of each kind, and so has
    /// the server; who stays within it is served as if nothing were wrong. 0 has no limit.
    faults: Faults {
        /// The time after the first fault of a kind in which further ones are added to it.
        window_s: u64 = Value::Integer(60), Allowed::Integer(1, 86_400), "seconds",
            wrong: "too long adds up faults that have nothing to do with each other, too short forgives everything";
        /// Payloads of a link that break the transport's rules; one more closes the link. For the server: failures
        /// of its socket.
        network_max: u32 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "faults",
            wrong: "too small closes links for little, too large lets a broken client go on";
        /// Packets of inputs of a link that cannot be meant, and seconds with too many messages; one more closes the
        /// link.
        input_max: u32 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "faults",
            wrong: "too small closes links for little, too large lets a broken client go on";
        /// Desyncs of a link, each healed by a snapshot; one more closes the link.
        desync_max: u32 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "faults",
            wrong: "too small lets players go who could be healed, too large sends snapshots to who never agrees";
        /// Panics, overruns and starts of a room's game that fail; one more closes the room.
        game_max: u32 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "faults",
            wrong: "too small closes rooms for little, too large starts matches that fail again and again";
        /// Cleanups of a room that fail; one more is told in the log.
        cleanup_max: u32 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "faults",
            wrong: "too small tells of what mends itself, too large tells late";
        /// Batches and files of journal and replays that are not written; one more is told in the log.
        record_max: u32 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "faults",
            wrong: "too small tells of what mends itself, too large tells late";
    }

    /// What is kept on disk.
    data: Data {
        /// The folder of journals, replays and the development key. It is made when it is missing.
        folder: PathBuf = Value::text("./framekeep-data"), Allowed::Path, "",
            wrong: "a folder that cannot be written ends the start with exit code 1";
        /// When frames are on disk: `tick` before they are sent, `second` once a second, `off` when the system likes.
        /// A server that is killed loses nothing in any of them; a machine that loses power does.
        durability: Durability = Value::text("second"), Allowed::OneOf(Durability::WORDS), "",
            wrong: "with `tick` frames are later by what the disk takes, a tick at most; with `off` a power cut costs \
                    more than the last second";
        /// How long the rooms of a killed server may take to be played up to where they were.
        recovery_target_s: u64 = Value::Integer(3), Allowed::Integer(1, 3_600), "seconds",
            wrong: "too short fills the journal with states, too long lets players wait after a crash";
        /// Finished matches whose results are kept; the oldest go. 0 keeps all.
        results_max: u64 = Value::Integer(1_000_000), Allowed::Integer(0, i64::MAX), "matches",
            wrong: "too small forgets what players may ask for; a million takes about a gigabyte";
        /// Replays that are kept; the oldest go. 0 keeps all.
        replays_max: u64 = Value::Integer(0), Allowed::Integer(0, i64::MAX), "replays",
            wrong: "too small deletes what somebody may want to see or prove";
        /// How old a replay may become. 0 keeps all.
        replays_days_max: u64 = Value::Integer(0), Allowed::Integer(0, 36_500), "days",
            wrong: "too short deletes what somebody may want to see or prove";
        /// A match that is given up before it has been played for so long leaves neither a replay nor a result.
        sealed_after_s: u64 = Value::Integer(3), Allowed::Integer(0, 3_600), "seconds",
            wrong: "0 lets one player fill the disk with empty matches";
        /// Bytes of replays that are kept; the oldest go. 0 keeps all.
        replays_bytes_max: u64 = Value::Integer(0), Allowed::Integer(0, i64::MAX), "bytes",
            wrong: "too small deletes what somebody may want to see or prove, 0 may fill the disk";
    }

    /// Who may connect.
    identity: Identity {
        /// The file with the key that signs tickets: 64 hexadecimal digits. The environment variable FRAMEKEEP_KEY
        /// takes the digits themselves and goes first. Without either, a development key is made in the data folder,
        /// which serves on loopback only.
        key_file: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a file that is missing or does not hold a key ends the start with exit code 4";
    }

    /// HTTP: API, WebSocket, pages, metrics.
    http: Http {
        /// The address HTTP and WebSocket are served on; `off` for nowhere. Where the default is taken, a free port
        /// is used, which the banner shows.
        address: Option<SocketAddr> = Value::text("127.0.0.1:7780"), Allowed::AddressOrOff, "",
            wrong: "an address this machine does not have, or a port that is taken, ends the start with exit code 5; \
                    beyond loopback put a proxy with TLS in front";
        /// Web pages of other origins that may use the server, as a list or separated by commas.
        origins: Vec<String> = Value::text(""), Allowed::Origins, "",
            wrong: "pages whose origin is missing are refused; a page that is listed acts for whoever opens it";
        /// Who gets tickets without a key: `on` everybody, `off` nobody, `auto` everybody where HTTP is served on
        /// loopback.
        guests: Guests = Value::text("auto"), Allowed::OneOf(Guests::WORDS), "",
            wrong: "with `on` whoever reaches the server may play, with `off` only players of a back end";
        /// The file with the key of a game's back end. The environment variable FRAMEKEEP_API_KEY takes the key itself
        /// and goes first. Without either, only guests get tickets, and rooms cannot be opened over HTTP.
        api_key_file: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a file that is missing or holds less than 16 characters ends the start with exit code 4";
        /// Connections at once, WebSockets with a session apart.
        connections_max: usize = Value::Integer(8_192), Allowed::Integer(16, 1_000_000), "connections",
            wrong: "too small refuses clients, too large needs more file handles than the system gives";
        /// Connections of an address at once, of IPv6 of a /64; 0 is a quarter of all. Those of trusted proxies are
        /// not counted.
        connections_per_address: usize = Value::Integer(0), Allowed::Integer(0, 1_000_000), "connections",
            wrong: "too small holds back players behind one address, too large lets one address take all places";
        /// Proxies, as addresses or networks, whose `X-Forwarded-For` is believed: its last address that is not one
        /// of them counts as who asks. A list, or one text with commas.
        trusted_proxies: Vec<String> = Value::text(""), Allowed::Networks, "",
            wrong: "a proxy that is missing shares one budget between all players; a network that strangers can ask \
                    from lets them be whom they like";
        /// Requests an address may make, and six times as many at once; 0 is no limit.
        requests_per_s: u32 = Value::Integer(50), Allowed::Integer(0, 1_000_000), "requests a second",
            wrong: "too small holds back players behind one address, too large lets one client take all";
        /// Requests a back end may make with the key, and six times as many at once; 0 is no limit.
        key_requests_per_s: u32 = Value::Integer(1_000), Allowed::Integer(0, 1_000_000), "requests a second",
            wrong: "too small holds back a back end with many players";
        /// Threads of HTTP and WebSocket.
        threads: usize = Value::Integer(2), Allowed::Integer(1, 64), "threads",
            wrong: "too few make views late with thousands of WebSockets, too many take cores from the simulation";
        /// How far these threads give way to the simulation where there is not a core for each, as `nice` has it.
        nice: u8 = Value::Integer(5), Allowed::Integer(0, 19), "steps",
            wrong: "too small makes ticks late when thousands of WebSockets are busy, too large makes views late first";
    }

    /// WebSockets of players.
    websocket: Websocket {
        /// How long a connection may take to say who it is.
        authenticate_within_s: u64 = Value::Integer(5), Allowed::Integer(1, 300), "seconds",
            wrong: "too short loses slow clients, too long lets strangers keep connections";
        /// After how much silence a client is pinged.
        ping_after_s: u64 = Value::Integer(30), Allowed::Integer(1, 3_600), "seconds",
            wrong: "too long lets proxies close connections that are quiet";
        /// After how much silence a connection is given up.
        drop_after_s: u64 = Value::Integer(60), Allowed::Integer(2, 7_200), "seconds",
            wrong: "too short loses clients that ping answers reach late, too long keeps dead connections";
        /// How long a session waits for its client to come back.
        resume_within_s: u64 = Value::Integer(10), Allowed::Integer(0, 3_600), "seconds",
            wrong: "too short loses what was said during an outage, too long keeps seats of those who went away";
        /// How long a session may live.
        life_max_s: u64 = Value::Integer(86_400), Allowed::Integer(60, 31_536_000), "seconds",
            wrong: "too short ends sessions over their players' heads";
        /// How long a client may take nothing.
        write_within_s: u64 = Value::Integer(10), Allowed::Integer(1, 300), "seconds",
            wrong: "too short loses clients on bad networks, too long keeps memory for those who are gone";
        /// Bytes of a message of a client.
        message_bytes_max: usize = Value::Integer(4_096), Allowed::Integer(512, 65_536), "bytes",
            wrong: "too small refuses long messages, too large lets clients take memory";
        /// Messages of a client.
        messages_per_s: u32 = Value::Integer(60), Allowed::Integer(1, 10_000), "messages a second",
            wrong: "too small loses inputs, too large lets one client take the time of all";
        /// State views for clients that do not ask for another rate.
        views_hz: u8 = Value::Integer(15), Allowed::Integer(1, 60), "Hz",
            wrong: "higher costs bandwidth and CPU in proportion, lower makes motion coarse";
        /// Messages that may wait for one client; with more it is given up.
        queue_messages: usize = Value::Integer(256), Allowed::Integer(32, 4_096), "messages",
            wrong: "too small loses slow clients, too large keeps memory for them";
        /// What is said to a client so soon after a frame waits for this time to be over and goes out together in one
        /// frame; 0 sends what each turn of the server has said.
        batch_ms: u64 = Value::Integer(2), Allowed::Integer(0, 100), "milliseconds",
            wrong: "too small sends more and smaller frames to clients who are told much, too large makes answers late";
        /// Bytes after which a frame is full, about: it is sent at once, and the rest in the next one.
        batch_bytes: usize = Value::Integer(16_384), Allowed::Integer(512, 262_144), "bytes",
            wrong: "too small sends more frames, too large makes the first of many messages wait for the last";
        /// Whether messages are packed for clients that can unpack them (permessage-deflate). It costs about 160 KiB
        /// and some CPU a client, for views of half the size.
        compression: Compression = Value::text("off"), Allowed::OneOf(Compression::WORDS), "",
            wrong: "with thousands of clients it costs memory and cores that the simulation may need";
    }

    /// Operators' actions.
    admin: Admin {
        /// The address operators' actions are served on, of this machine only; `off` for nowhere. Where the default
        /// is taken, a free port is used, which the banner shows.
        address: Option<SocketAddr> = Value::text("127.0.0.1:7781"), Allowed::AddressOrOff, "",
            wrong: "an address beyond loopback ends the start with exit code 4, a port that is taken with exit code 5";
        /// The file with the operators' token. The environment variable FRAMEKEEP_ADMIN_TOKEN takes the token itself
        /// and goes first. Without either, `admin.token` is made in the data folder.
        token_file: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a file that is missing or holds less than 16 characters ends the start with exit code 4";
    }

    /// When somebody is to be told; alerts go to the log, to the webhook and to /api/v1/alerts.
    alerts: Alerts {
        /// Mean work of a turn over which a warning is given; 0 for none.
        tick_mean_ms: u64 = Value::Integer(30), Allowed::Integer(0, 60_000), "milliseconds",
            wrong: "too low cries wolf, too high hides a server that cannot keep up";
        /// Longest work of a turn within a second over which a critical alert is given; 0 for none.
        tick_spike_ms: u64 = Value::Integer(50), Allowed::Integer(0, 60_000), "milliseconds",
            wrong: "too low cries wolf, too high hides what players feel";
        /// Mean lateness of frames over which a warning is given; 0 for none.
        lateness_ms: u64 = Value::Integer(50), Allowed::Integer(0, 60_000), "milliseconds",
            wrong: "too low cries wolf, too high hides what players feel";
        /// Mean round trip of clients over which a warning is given; 0 for none.
        rtt_ms: u64 = Value::Integer(100), Allowed::Integer(0, 60_000), "milliseconds",
            wrong: "too low warns of players who live far away";
        /// Share of packets lost within a minute over which a warning is given; 0 for none.
        loss_percent: u64 = Value::Integer(5), Allowed::Integer(0, 100), "percent",
            wrong: "too low warns of every wireless network";
        /// Age of the oldest cleanup that waits over which a warning is given; 0 for none.
        cleanup_age_s: u64 = Value::Integer(120), Allowed::Integer(0, 86_400), "seconds",
            wrong: "too low warns of cleanups that wait for a match to end";
        /// Desyncs within a minute over which a warning is given; 0 for none.
        desyncs_per_min: u64 = Value::Integer(10), Allowed::Integer(0, 1_000_000), "desyncs a minute",
            wrong: "too low warns of single broken clients";
        /// Orders of the front door that wait for the server, over which a warning is given; 0 for none. With 16,384
        /// clients are told that it is busy.
        backlog_orders: u64 = Value::Integer(8_192), Allowed::Integer(0, 1_000_000), "orders",
            wrong: "too low warns of every crowd that comes at once";
        /// How long rooms may go on without being as durable as they should be before a critical alert is given; 0 for
        /// never.
        undurable_s: u64 = Value::Integer(1), Allowed::Integer(0, 3_600), "seconds",
            wrong: "too long hides that a power cut would lose frames that players have seen";
        /// How long the server may say nothing before a critical alert is given; 0 for none.
        silence_s: u64 = Value::Integer(5), Allowed::Integer(0, 3_600), "seconds",
            wrong: "too low warns of a machine that was suspended";
        /// Where alerts are posted as JSON.
        webhook: String = Value::text(""), Allowed::WebhookOrEmpty, "",
            wrong: "a webhook that does not answer loses alerts, which are counted and logged";
    }

    /// How the server comes to rest when it is told to.
    drain: Drain {
        /// How long running matches may go on after SIGTERM; a second SIGTERM stops the server at once.
        grace_s: u64 = Value::Integer(30), Allowed::Integer(0, 86_400), "seconds",
            wrong: "too short cuts matches off, too long delays a deploy; give the service manager more than this";
        /// What becomes of matches that still run then: `seal` gives them up and makes their replays; `keep` leaves
        /// them in the journal, and the next start on the same data folder goes on with them where they were.
        unfinished: Unfinished = Value::text("seal"), Allowed::OneOf(Unfinished::WORDS), "",
            wrong: "with `seal` every restart ends matches that are longer than the grace; with `keep` their players \
                    wait for a start that may not come";
    }

    /// What the games play with.
    content: Content {
        /// A folder of further content, `GAME/NAME.toml`, such as `arena/attic.toml`, over what is built in.
        folder: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a folder that is missing or holds content a game refuses ends the start with exit code 4";
    }

    /// Log lines, on standard error.
    log: Log {
        /// The least level that is shown, or filter directives by module.
        level: String = Value::text("info"), Allowed::LogFilter, "",
            wrong: "`debug` shows what peers do wrong, `trace` every tick, which slows the server down";
        /// `pretty` for people, `json` for machines, `auto` pretty on a terminal and JSON otherwise.
        format: LogFormat = Value::text("auto"), Allowed::OneOf(LogFormat::WORDS), "",
            wrong: "anything else is refused";
    }

    /// Threads of the simulation.
    threads: Threads {
        /// Threads that step rooms and pump links; 0 takes one per core.
        count: usize = Value::Integer(0), Allowed::Integer(0, 256), "threads",
            wrong: "more than there are cores adds switching and jitter";
        /// How often sockets are drained and due rooms are looked at.
        subtick_ms: u64 = Value::Integer(8), Allowed::Integer(1, 20), "milliseconds",
            wrong: "shorter costs wake-ups, longer adds latency and bursts";
    }

    /// Matchmaking: who plays with whom.
    matchmaking: Matchmaking {
        /// The TOML file with the modes; without one there is no matchmaking. It is read once, at the start.
        modes: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a file that cannot be read, or a mode that cannot be played, ends the start with exit code 4";
        /// How often matches are formed.
        round_ms: u64 = Value::Integer(100), Allowed::Integer(10, 10_000), "milliseconds",
            wrong: "longer lets everybody wait longer, and gives a larger choice";
        /// Tickets that wait or whose players are asked, at most.
        tickets_max: usize = Value::Integer(100_000), Allowed::Integer(1, 200_000), "tickets",
            wrong: "too small refuses players, each costs about 1 KiB of memory";
        /// The file in which everything is kept that matches depend on, so that `framekeep-replay matches FILE` can
        /// form them again; empty for none. 256 MiB at most, and as much again of the one before.
        log: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a file that cannot be written is named in the log, and nothing is kept";
    }

    /// Several nodes as one: what they share is in Redis.
    cluster: Cluster {
        /// Where Redis is: `redis://HOST:PORT`, `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`, or several
        /// `redis://HOST:PORT` separated by commas for a Redis Cluster; USER:PASSWORD@ before the first HOST is that of
        /// the servers. Empty for a node that works alone. With a password in it, set it by the variable
        /// FRAMEKEEP_REDIS_URL instead, which is not shown.
        redis_url: String = Value::text(""), Allowed::RedisUrls, "",
            wrong: "an address that is none ends the start with exit code 4; a Redis that is away does not";
        /// Which cluster of that Redis: nodes of the same name are one.
        name: String = Value::text("framekeep"), Allowed::Name, "",
            wrong: "another name is another cluster, with rooms and tickets of its own";
        /// Where this node is, as tickets name regions; empty where that does not matter.
        region: String = Value::text(""), Allowed::NameOrEmpty, "",
            wrong: "a region that no ticket names gets matches only when all nodes of the others are gone";
        /// Where other nodes reach this one, on a network that players are not in.
        peer: Option<SocketAddr> = Value::text("off"), Allowed::AddressOrOff, "",
            wrong: "without one, rooms are neither moved nor taken over";
        /// Where other nodes are, by their net.name, for moves of rooms without Redis: `NAME=HOST:PORT` with their
        /// cluster.peer, separated by commas. With Redis nodes find each other.
        peers: String = Value::text(""), Allowed::Peers, "",
            wrong: "rooms do not move to a node whose name or address is another";
        /// What this node does: `all`; `gateway` has clients over WebSocket and HTTP and never a room, `game` has rooms
        /// and clients over UDP. Both need a cluster.
        role: Role = Value::text("all"), Allowed::OneOf(Role::WORDS), "",
            wrong: "a cluster without a node that has rooms refuses everybody";
        /// The port at cluster.peer's address at which gateways and other nodes bring their clients; 0 for any free.
        relay_port: u16 = Value::Integer(0), Allowed::Integer(0, 65_535), "port",
            wrong: "one that a firewall closes keeps clients of other nodes out of the rooms of this one";
        /// The URL at which players reach this node's HTTP API and WebSocket; empty for http.address.
        public_url: String = Value::text(""), Allowed::UrlOrEmpty, "",
            wrong: "players of matches that are at this node are sent to where nobody answers";
        /// A file with the secret that all nodes share, 16 characters at least; the variable
        /// FRAMEKEEP_CLUSTER_SECRET goes before it.
        secret_file: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "nodes with different secrets do not hand rooms to each other";
        /// A folder on a disk that all nodes share, in which each node has its data folder by its net.name: rooms of a
        /// node that is gone are opened by another one. The disk has to know locks. Empty for none.
        heirs: Option<PathBuf> = Value::text(""), Allowed::PathOrEmpty, "",
            wrong: "a folder that others have not leaves rooms of dead nodes closed until those are started again";
        /// How long the names of rooms stay taken whose node is gone and has not come back: then anybody may open rooms
        /// of these names. Not where `heirs` is set, as another node may open its rooms at any time. 0 for ever.
        forget_after_s: u64 = Value::Integer(3_600), Allowed::Integer(0, 31_536_000), "seconds",
            wrong: "too short gives names away of nodes that are cut off for that long, and of two rooms one is closed";
        /// How long what a node has of Redis is good without being renewed. The same at all nodes.
        lease_ms: u64 = Value::Integer(3_000), Allowed::Integer(500, 60_000), "milliseconds",
            wrong: "too short loses the coordinator to a pause, too long leaves its place empty";
        /// How often it is renewed.
        renew_ms: u64 = Value::Integer(750), Allowed::Integer(100, 10_000), "milliseconds",
            wrong: "too long loses what one answer of Redis that is lost would have renewed";
        /// How long Redis may be away until this node matches the tickets that come in with each other.
        alone_after_s: u64 = Value::Integer(5), Allowed::Integer(1, 3_600), "seconds",
            wrong: "too short splits the queue for a moment's outage, too long lets players wait for nothing";
        /// How many replicas of Redis have to know of a ticket before it is acknowledged, and of a match before its
        /// players are told: as many may be lost with the server without losing any. For one server with replicas, or
        /// Sentinel.
        copies: u32 = Value::Integer(0), Allowed::Integer(0, 8), "replicas",
            wrong: "more than there are, and no ticket is taken in";
        /// For how long at most a ticket is not acknowledged, and a match not told of, until a replica of Redis has
        /// heard of it, where there is one that keeps up: then neither is lost when it takes over. Where `copies` is
        /// set, that counts. For one server with replicas, or Sentinel; 0 for never.
        copied_within_ms: u64 = Value::Integer(50), Allowed::Integer(0, 500), "milliseconds",
            wrong: "too short, or never, loses what was acknowledged in the last moment before a replica takes over";
        /// What becomes of rooms while Redis cannot be reached: `play` goes on, and nobody else gets them before this
        /// node is proven to be dead; `stop` stops them in time, and anybody gets them. The same at all nodes.
        isolated: Isolated = Value::text("play"), Allowed::OneOf(Isolated::WORDS), "",
            wrong: "`stop` ends all rooms of all nodes when Redis is away";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayerSources;

    #[test]
    fn every_default_is_accepted_by_its_own_key() {
        let effective = LayerSources::default().merge().expect("defaults");
        assert_eq!(effective.settings().rooms.tick_rate_hz, 30);
    }

    #[test]
    fn every_end_of_a_range_fits_the_type_of_its_field() {
        for key in KEYS {
            if let Allowed::Integer(min, max) = key.allowed {
                for number in [min, max] {
                    let text = format!("[{}]\n{} = {number}\n", key.section, key.name);
                    let sources = LayerSources::default().with_file("test.toml", &text).expect("parses");
                    sources.merge().unwrap_or_else(|error| panic!("{}: {error}", key.path()));
                }
            }
        }
    }

    #[test]
    fn every_key_says_what_it_is_and_what_a_wrong_value_does() {
        for key in KEYS {
            assert!(!key.wrong.is_empty(), "{}", key.path());
            let counted = matches!(key.allowed, Allowed::Integer(..));
            assert_eq!(counted, !key.unit.is_empty(), "{} has a unit when it is a number", key.path());
        }
    }
}
