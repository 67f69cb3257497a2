//! Every bound of the server, in one place. What an operator may change is in [`ServerConfig`](crate::ServerConfig).

use std::time::Duration;

use crate::Retry;
use crate::allowance::Limit;

/// Datagrams taken from the socket in one pump; what is left waits in the socket's buffer for the next one.
pub(crate) const DATAGRAMS_PER_PUMP_MAX: usize = 16_384;

/// Datagrams read or written by one system call.
pub(crate) const DATAGRAMS_PER_CALL: usize = 64;

/// Addresses that may be in the middle of a hand-shake at one time.
pub(crate) const HANDSHAKES_MAX: usize = 2_048;

/// How long an address may take from its first connection request to a netcode connection.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a link may take from its netcode connection to a valid `Hello`.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// Connection requests one IP address may send at once, and how many more each second.
pub(crate) const REQUESTS_BURST: u32 = 1_000;
/// See [`REQUESTS_BURST`].
pub(crate) const REQUESTS_PER_SECOND: u32 = 1_000;

/// IP addresses whose request budget is remembered; the one heard of longest ago is forgotten first.
pub(crate) const REQUEST_ADDRESSES_MAX: usize = 4_096;

/// Used ticket ids that are remembered until they expire.
pub(crate) const USED_TICKETS_MAX: usize = 65_536;

/// How often each shard looks for links that are silent or need a sign of life, where nothing else is configured.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(250);

/// How long a link may be silent before either side gives it up, where nothing else is configured.
pub(crate) const LINK_TIMEOUT: Duration = Duration::from_secs(10);

/// Frames that stay entities at most; a seat that has not acknowledged older ones gets a snapshot instead.
pub(crate) const FRAMES_LIVE_MAX: usize = 300;

/// State hashes kept for comparison with what clients claim, in ticks.
pub(crate) const HASHES_KEPT: usize = 512;

/// How long a finished match goes on sending its last frames to seats that lack them.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a match is rebuilt after a panic of its game, at once; the next panic ends it.
pub(crate) const REBUILD: Retry = Retry::at_once(3);

/// Attempts after which a cleanup that fails is given up; what it has left goes with the room, or with the next
/// cleanup of the same kind.
pub(crate) const CLEANUP_RETRIES_MAX: u32 = 20;

/// By how many percent the wait for another attempt at a cleanup may be shorter.
pub(crate) const CLEANUP_JITTER_PERCENT: u32 = 10;

/// Faults noted in one pump that are charged; the rest is not.
pub(crate) const FAULTS_WAITING_MAX: usize = 1_024;

/// How long after a seat has entered a match its packets are not yet judged: some may be of another room's match.
pub(crate) const JUDGED_AFTER: Duration = Duration::from_secs(3);

/// One part in so many of the time is a room's share for its steps: half of each tick. What they take over it is on
/// its budget, and a room that has used up half of that waits for as long as its steps take.
pub(crate) const STEP_SHARE: u32 = 2;

/// A pump that takes longer is logged with the room that took most of it.
pub(crate) const PUMP_SLOW: Duration = Duration::from_secs(2);

/// How long it does so while the next match is wanted already.
pub(crate) const DRAIN_WAITED: Duration = Duration::from_secs(1);

/// Copies of packets of frames that may wait to be sent; more are not made.
pub(crate) const COPIES_WAITING_MAX: usize = 16_384;

/// Shortest time between two snapshots to one seat.
pub(crate) const SNAPSHOT_EVERY: Duration = Duration::from_millis(1_000);

/// Control messages one link may send in a second; more are refused and not looked at.
pub(crate) const CONTROL_PER_SECOND_MAX: u32 = 60;

/// Control messages taken from one link in one pump.
pub(crate) const CONTROL_PER_PUMP_MAX: usize = 16;

/// How long a link that is being closed goes on sending what it was told last.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// How long one goes on sending that is too slow: its last words come after what was sent before.
pub(crate) const SLOW_LINGER: Duration = Duration::from_secs(2);

/// Rooms one player may open.
pub(crate) const ROOMS_OPENED: Limit = Limit { times: 10, within: Duration::from_secs(10) };

/// How long a room may be asked for elsewhere whose opening is paid for.
pub(crate) const PAID_FOR: Duration = Duration::from_secs(10);

/// Wrong codes of rooms one player may try.
pub(crate) const CODES_WRONG: Limit = Limit { times: 10, within: Duration::from_secs(60) };

/// Wrong codes of rooms that may be tried from one address, by whatever players.
pub(crate) const CODES_WRONG_ADDRESS: Limit = Limit { times: 60, within: Duration::from_secs(60) };

/// Most events a room may have told since its state was last written into the journal: talk and scores change no state.
/// That is a week of the most talkative room there can be.
pub(crate) const EVENTS_UNKNOWN_MAX: u64 = 1 << 32;

/// Snapshots one player may get, in whatever seats; each seat gets one a second ([`SNAPSHOT_EVERY`]).
pub(crate) const SNAPSHOTS_SENT: Limit = Limit { times: 3, within: Duration::from_secs(3) };

/// Players of whom it is remembered what they did of these.
pub(crate) const ALLOWANCES_MAX: usize = 16_384;

/// Matches one room may start within [`MATCH_STARTS_WINDOW`].
pub(crate) const MATCH_STARTS_MAX: u32 = 12;
/// See [`MATCH_STARTS_MAX`].
pub(crate) const MATCH_STARTS_WINDOW: Duration = Duration::from_secs(60);

/// How long a room may be empty in which no match was ever played.
pub(crate) const UNPLAYED_ROOM_LIFE: Duration = Duration::from_secs(10);

/// Score frames a seat's buffer holds.
pub(crate) const SCORES_PER_SEAT_MAX: usize = 50;

/// Leaderboards a room keeps.
pub(crate) const LEADERBOARDS_KEPT: usize = 4;

/// Rooms listed for operators in one pump.
pub(crate) const ROOMS_LISTED_PER_PUMP: usize = 64;

/// How long before an idle room closes its members are told.
pub(crate) const CLOSING_NOTICE: Duration = Duration::from_secs(60);

/// Bytes of journal records that may wait for the disk; a batch that would make it more is lost.
pub(crate) const JOURNAL_PENDING_BYTES_MAX: usize = 64 << 20;

/// Memory of finished matches that may wait for a disk that does not take their replays; one more is lost.
pub(crate) const SEALS_WAITING_BYTES_MAX: usize = 256 << 20;

/// Bytes of damaged segments that are kept together; the oldest is deleted first.
pub(crate) const DAMAGED_BYTES_MAX: u64 = 1 << 30;

/// Bytes of journal that are kept only for matches whose replay or result is not on the disk yet, besides what an
/// earlier run has left; over that the oldest of them is given up.
pub(crate) const HELD_BYTES_MAX: u64 = 1 << 30;

/// Bytes of journal after which every room is told once more, so that older segments can go; or twice what telling
/// them takes, if that is more.
pub(crate) const RETELL_BYTES: u64 = 64 << 20;

/// Bytes of journal that telling rooms once more adds to one pump; the room that passes it is still told whole.
pub(crate) const RETELL_PUMP_BYTES: usize = 1 << 20;

/// How long after records were lost rooms are told once more.
pub(crate) const RETELL_AFTER: Duration = Duration::from_secs(1);

/// How long a seat is kept for a player who does not come.
pub(crate) const RESERVATION_LIFE: Duration = Duration::from_secs(60);

/// Bytes waiting on a link's reliable lane over which it gets no more state and no chat.
pub(crate) const EVENTS_HALF_BYTES: usize = 128 << 10;

/// Bytes waiting on a link's reliable lane under which it is shown its room again.
pub(crate) const EVENTS_LOW_BYTES: usize = 32 << 10;

/// Results that wait to be kept; one more is lost.
pub(crate) const RESULTS_WAITING_MAX: usize = 4_096;

/// Results that are kept in one transaction.
pub(crate) const RESULTS_BATCH: usize = 256;

/// After this what could not be kept is tried again.
pub(crate) const RESULTS_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often replays are cleared away that the rules do not keep.
pub(crate) const RETAIN_EVERY: Duration = Duration::from_secs(30);

/// Ticks in one block of the frames that a running match remembers.
pub(crate) const RECALL_BLOCK_TICKS: u32 = 64;

/// Full blocks that it remembers: what clients can be asked about, and the frames before that which a report has.
pub(crate) const RECALL_BLOCKS: usize = 4;

/// Bytes of states in them; of larger states fewer are remembered, and at least one.
pub(crate) const RECALL_BYTES_MAX: usize = 2 << 20;

/// How long a client that is asked about a desync has for all its answers.
pub(crate) const DESYNC_ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Desyncs about which one link is asked at once, and the time to the next ones after that.
pub(crate) const DESYNC_ASKS_BURST: u32 = 4;
/// See [`DESYNC_ASKS_BURST`].
pub(crate) const DESYNC_ASK_EVERY: Duration = Duration::from_secs(10);

/// Desyncs about which all links together are asked at once, and the time to the next ones after that.
pub(crate) const DESYNC_NODE_ASKS_BURST: u32 = 32;
/// See [`DESYNC_NODE_ASKS_BURST`].
pub(crate) const DESYNC_NODE_ASK_EVERY: Duration = Duration::from_millis(125);

/// Links that are asked at one time.
pub(crate) const DESYNC_INQUIRIES_MAX: usize = 32;

/// Desyncs that wait to be looked at.
pub(crate) const DESYNC_EXAMS_MAX: usize = 32;

/// Reports of desyncs in the data folder; the oldest goes for a new one.
pub(crate) const DESYNC_REPORTS_MAX: usize = 2_000;

/// Bytes of them.
pub(crate) const DESYNC_REPORT_BYTES_MAX: u64 = 64 << 20;

/// Most events of a room that are remembered for who looks at it later.
pub(crate) const HAPPENINGS_MAX: usize = 256;

/// A match whose replay is larger is not shown while it runs, in bytes.
pub(crate) const PAST_BYTES_MAX: usize = 4 << 20;

/// Names of fields by which desyncs are counted.
pub(crate) const DESYNC_FIELDS_MAX: usize = 32;

/// What the last desyncs turned out to be, as many as are remembered.
pub(crate) const DESYNC_VERDICTS_KEPT: usize = 32;

/// What one node tells another at once, in bytes; a room that takes half of it is not moved.
pub(crate) const MOVE_BYTES_MAX: usize = 8 << 20;

/// Letters from or to other nodes that wait; more are lost.
pub(crate) const PEER_MAIL_WAITING_MAX: usize = 4_096;

/// Rooms that set out for other nodes at one time; the others wait for their turn.
pub(crate) const MOVES_AT_ONCE: usize = 32;

/// Time between the moments at which two rooms of a node stand still: what each of them needs of the disks is done by
/// then, so that no room waits for another.
pub(crate) const MOVES_APART: Duration = Duration::from_millis(50);

/// Rooms under way of which operators are told at once.
pub(crate) const MOVES_LISTED_MAX: usize = 256;

/// Rooms that are on their way here at one time.
pub(crate) const MOVES_COMING_MAX: usize = 256;

/// How long a match that sends its last frames is waited for before its room moves.
pub(crate) const MOVE_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long another node may take to say whether it takes a room.
pub(crate) const MOVE_ANSWER_MAX: Duration = Duration::from_secs(5);

/// Time that players have to open links at the other node before their room stands still.
pub(crate) const MOVE_APPROACH: Duration = Duration::from_secs(2);

/// How long a room stands still at most before it goes on where it was.
pub(crate) const MOVE_HOLD_MAX: Duration = Duration::from_millis(750);

/// Bytes of frames after which they are sent ahead.
pub(crate) const MOVE_TAIL_BYTES: usize = 16 << 10;

/// How often frames are sent ahead.
pub(crate) const MOVE_TAIL_EVERY: Duration = Duration::from_millis(600);

/// How long it may take to find out whose a room is, and how long nobody's room stays nobody's.
pub(crate) const SEEK_MAX: Duration = Duration::from_secs(1);

/// How often a node that has a room and does not answer is asked again. By then its lease has run out.
pub(crate) const SEEK_TRIES: u32 = 4;

/// Players who wait for that; for more the room is nobody's.
pub(crate) const SEEKING_MAX: usize = 4_096;

/// How often a move is tried.
pub(crate) const MOVE_TRIES: u32 = 3;

/// How often another node is told that a room is its own, until it knows.
pub(crate) const MOVE_REPEAT_EVERY: Duration = Duration::from_millis(250);

/// How often a node asks whose a room is that it has taken.
pub(crate) const MOVE_ASK_EVERY: Duration = Duration::from_millis(500);

/// How long a room that was offered is expected.
pub(crate) const MOVE_OFFER_LIFE: Duration = Duration::from_secs(30);

/// Things said in a room while it stands still; what is over is lost.
pub(crate) const MOVE_SAID_MAX: usize = 256;

/// Inputs of a seat that go with its room.
pub(crate) const INPUTS_PARCEL_MAX: usize = 64;

/// For how long a node knows where a room has gone.
pub(crate) const MOVED_LIFE: Duration = Duration::from_secs(3_600);

/// How long a node may take to let somebody in whose room has gone there, and of how many that is waited for.
pub(crate) const SEND_AFTER_MAX: Duration = Duration::from_secs(2);
pub(crate) const SENT_AFTER_MAX: usize = 4_096;

/// Rooms of which that is known.
pub(crate) const MOVED_NAMES_MAX: usize = 65_536;

/// Moves of which it is known what became of them.
pub(crate) const MOVE_OUTCOMES_KEPT: usize = 4_096;
