//! Every bound of the matcher, in one place.

/// Longest name of a mode, game, content, region or role, in bytes.
pub const WORD_BYTES_MAX: usize = 64;

/// Most modes of one matcher.
pub const MODES_MAX: usize = 64;

/// Most contents of a mode.
pub const CONTENTS_MAX: usize = 8;

/// Most tick rates of a mode.
pub const TICK_RATES_MAX: usize = 4;

/// Most roles of a mode: every set of them is counted, 2 to the power of this.
pub const ROLES_MAX: usize = 5;

/// Most seats of a match, all teams together.
pub const SEATS_MAX: usize = 64;

/// Most teams of a match.
pub const TEAMS_MAX: usize = 16;

/// Most players of a party.
pub const PARTY_MAX: usize = 8;

/// Most regions of a ticket.
pub const REGIONS_MAX: usize = 8;

/// Most regions that a matcher knows: what tickets may invent has an end.
pub const REGIONS_KNOWN_MAX: usize = 64;

/// Most regions that only tickets of guests name, whom nobody vouches for: the other places are left to those who are
/// known.
pub const GUEST_REGIONS_MAX: usize = 15;

/// Most players that a ticket blocks.
pub const BLOCKED_MAX: usize = 64;

/// Most players whom a running room, all its members together, blocks or has.
pub const ROOM_PLAYERS_MAX: usize = 512;

/// Largest rating, above and below zero.
pub const RATING_MAX: i32 = 1_000_000;

/// Largest measured latency, in milliseconds.
pub const LATENCY_MS_MAX: u32 = 10_000;

/// Highest priority.
pub const PRIORITY_MAX: u8 = 9;

/// Longest time of a mode or a ticket, in milliseconds (a day).
pub const TIME_MS_MAX: u64 = 86_400_000;

/// Most tickets that are not over, by default.
pub const TICKETS_MAX: usize = 200_000;

/// Most running rooms that look for players.
pub const BACKFILLS_MAX: usize = 10_000;

/// How long a ticket that is over, and a match, are remembered, in milliseconds.
pub const REMEMBERED_MS: u64 = 60_000;

/// Most tickets that are over and remembered; the oldest are forgotten first.
pub const REMEMBERED_MAX: usize = 200_000;

/// How often the windows of a waiting ticket widen, in milliseconds.
pub const WIDEN_EVERY_MS: u64 = 1_000;

/// How often a ticket is tried whose windows are as wide as they get, in milliseconds.
pub const RETRY_EVERY_MS: u64 = 3_000;

/// Longest encoded operation, in bytes.
pub const OPERATION_BYTES_MAX: usize = 16 << 10;

/// Longest encoded list of modes, in bytes.
pub const MODES_BYTES_MAX: usize = 256 << 10;

/// Bytes of a log that wait to be taken; a log that is not taken ends.
pub const LOG_WAITING_MAX: usize = 64 << 20;

/// Tickets that are looked at for one match, for each seat of it, and as many again as [`LOOKS_MIN`].
pub(crate) const LOOKS_PER_SEAT: usize = 4;

/// Tickets that are looked at for one match, besides those for its seats.
pub(crate) const LOOKS_MIN: usize = 48;

/// Tickets that are searched through where taking the nearest gives no match.
pub(crate) const SEARCH_TICKETS_MAX: usize = 20;

/// Steps of one such search.
pub(crate) const SEARCH_STEPS_MAX: u32 = 2_000;

/// Steps of all such searches for one ticket.
pub(crate) const TICKET_SEARCH_STEPS_MAX: u32 = 20_000;

/// Steps of all such searches of one round; those that are left are done in the next.
pub(crate) const ROUND_SEARCH_STEPS_MAX: u32 = 100_000;

/// Entries of tickets that are read in one round, those of tickets that have left among them, and what takes as long as
/// so many of them; tickets that are left are tried in the next.
pub(crate) const ROUND_LOOKS_MAX: usize = 900_000;

/// What a try takes in a lane besides the entries that are read, as if it were so many of them.
pub(crate) const LANE_LOOKS: usize = 10;

/// Words of 64 tickets that are counted as one entry that is read.
pub(crate) const WORDS_PER_LOOK: usize = 32;

/// What a match takes besides its tickets, as if it were so many entries that are read.
pub(crate) const MATCH_LOOKS: usize = 20;

/// What each ticket of a match takes, as if it were so many entries that are read.
pub(crate) const TICKET_LOOKS: usize = 8;

/// What a ticket takes whose limits widen, as if it were so many entries that are read.
pub(crate) const WOKEN_LOOKS: usize = 5;

/// What it takes to see whether a ticket is for a running room, as if it were so many entries that are read.
pub(crate) const ROOM_LOOKS: usize = 8;

/// Rooms that look for players and are looked at for one ticket.
pub(crate) const BACKFILL_LOOKS_MAX: usize = 8;

/// Waits of which the estimate is made.
pub(crate) const WAITS_KEPT: usize = 256;
