//! Every phase, action and role; and random lives of rooms.

use proptest::prelude::*;

use framekeep_protocol::{CommitPolicy, RoomEventKind};

use super::*;

const HOST: PlayerId = PlayerId(1);
const MEMBER: PlayerId = PlayerId(2);
const SPECTATOR: PlayerId = PlayerId(3);
const STRANGER: PlayerId = PlayerId(4);

fn name() -> PlayerName {
    "p".parse().unwrap()
}

fn options(start: StartRule) -> LobbyOptions {
    LobbyOptions {
        name: "den".parse().unwrap(),
        seats: 4,
        seats_min: 2,
        start,
        code: String::new(),
        spectators_max: 2,
        commit: CommitPolicy::Deadline,
    }
}

fn join() -> Operation {
    Operation::Join { name: name(), code: String::new() }
}

fn spectate() -> Operation {
    Operation::Spectate { name: name(), code: String::new() }
}

/// A room in a phase, with a host, a member and a spectator; while it waits the game needs one player more.
fn in_phase(phase: RoomPhase, start: StartRule) -> Lobby {
    let seats_min = if phase == RoomPhase::Waiting { 3 } else { 2 };
    let mut lobby = Lobby::new(LobbyOptions { seats_min, ..options(start) }, String::new());
    let mut act = |actor, operation| drop(lobby.apply(actor, operation).unwrap());
    let (host, member) = (Actor::Player(HOST), Actor::Player(MEMBER));
    act(host, join());
    act(Actor::Player(SPECTATOR), spectate());
    act(member, join());
    if matches!(phase, RoomPhase::Ready | RoomPhase::Playing | RoomPhase::Finished) {
        act(host, Operation::Ready(true));
        act(member, Operation::Ready(true));
    }
    if matches!(phase, RoomPhase::Playing | RoomPhase::Finished) {
        act(host, Operation::Start);
    }
    if phase == RoomPhase::Finished {
        act(Actor::Server, Operation::Finish);
    }
    if phase == RoomPhase::Closed {
        act(host, Operation::Close);
    }
    assert_eq!(lobby.phase(), phase);
    lobby
}

fn operation(action: Action) -> Operation {
    match action {
        Action::Join => join(),
        Action::Spectate => spectate(),
        Action::Leave => Operation::Leave(LeftReason::Asked),
        Action::Reserve => Operation::Reserve(STRANGER),
        Action::Ready => Operation::Ready(true),
        Action::Unready => Operation::Ready(false),
        Action::Choose => Operation::Choose("pit".to_owned()),
        Action::Start => Operation::Start,
        Action::Abort => Operation::Abort,
        Action::Finish => Operation::Finish,
        Action::Rematch => Operation::Rematch,
        Action::Kick => Operation::Kick { player: SPECTATOR, ban: false },
        Action::Ban => Operation::Kick { player: STRANGER, ban: true },
        Action::HandOver => Operation::HandOver(HOST),
        Action::Lock => Operation::Lock(true),
        Action::Unlock => Operation::Lock(false),
        Action::Chat => Operation::Chat("hi".to_owned()),
        Action::Close => Operation::Close,
    }
}

/// The phase after a permitted action, with two of four players under the host's rule, all ready from `Ready` on.
fn expected(phase: RoomPhase, action: Action, role: Role) -> Result<RoomPhase, Refusal> {
    use RoomPhase::{Closed, Finished, Playing, Preparing, Ready, Waiting};
    Ok(match (phase, action, role) {
        (_, Action::Close, _) => Closed,
        (Waiting, Action::Start, _) => return Err(Refusal::TooFewPlayers { players: 2, needed: 3 }),
        (Preparing, Action::Start, _) => return Err(Refusal::NotReady { missing: 2, players: 2 }),
        (Ready, Action::Start, _) => Playing,
        (Waiting, Action::Join, _) => Preparing,
        (Ready, Action::Join | Action::Unready | Action::Choose, _) => Preparing,
        (Preparing | Ready, Action::Leave, Role::Member | Role::Host) => Waiting,
        (Playing, Action::Abort, Role::Host | Role::Server) | (Playing, Action::Finish, _) => Finished,
        (Finished, Action::Rematch, _) => Preparing,
        (phase, _, _) => phase,
    })
}

/// Why a role may not do something in a phase: the phase is told where the role is right or the room is closed.
fn refusal(phase: RoomPhase, action: Action, role: Role) -> Refusal {
    let is_member = matches!(role, Role::Member | Role::Host);
    match (action, role) {
        _ if phase == RoomPhase::Closed => Refusal::WrongPhase { phase },
        (Action::Join | Action::Spectate, Role::Spectator | Role::Member | Role::Host) => {
            Refusal::AlreadyInRoom { room: "den".parse().unwrap() }
        }
        (Action::Finish, Role::Server) => Refusal::WrongPhase { phase },
        (Action::Finish, _) => Refusal::NotForPlayers,
        (_, Role::Stranger) => Refusal::NotInRoom,
        (_, Role::Spectator) => Refusal::NotForSpectators,
        (Action::Ready | Action::Unready, _) if is_member => Refusal::WrongPhase { phase },
        (Action::Abort, _) => Refusal::WrongPhase { phase },
        (Action::Choose | Action::Start | Action::Rematch, Role::Host) => Refusal::WrongPhase { phase },
        _ => Refusal::NotHost,
    }
}

#[test]
fn every_phase_action_and_role_has_its_answer() {
    for phase in crate::PHASES {
        for action in Action::ALL {
            for role in Role::ALL {
                let mut lobby = in_phase(phase, StartRule::Host);
                let actor = match role {
                    Role::Stranger => Actor::Player(STRANGER),
                    Role::Spectator => Actor::Player(SPECTATOR),
                    Role::Member => Actor::Player(MEMBER),
                    Role::Host => Actor::Player(HOST),
                    Role::Server => Actor::Server,
                };
                assert_eq!(lobby.role(actor), role, "{phase:?}");
                let before = lobby.clone();
                let result = lobby.apply(actor, operation(action));
                let at = format!("{phase:?} {action:?} {role:?}");
                let wanted = match permit(phase, action, role) {
                    Err(_) => Err(refusal(phase, action, role)),
                    Ok(()) => expected(phase, action, role),
                };
                assert_eq!(result.map(|_| lobby.phase()), wanted, "{at}");
                if lobby.phase() == before.phase() && permit(phase, action, role).is_err() {
                    assert_eq!(lobby, before, "{at}: what is refused changes nothing");
                }
            }
        }
    }
}

#[test]
fn a_full_room_plays_at_once_and_again_when_the_host_wants() {
    let mut lobby = Lobby::new(options(StartRule::Full), String::new());
    for player in 1..4 {
        let change = lobby.apply(Actor::Player(PlayerId(player)), join()).unwrap();
        assert!(!change.effects.contains(&Effect::StartMatch));
    }
    let change = lobby.apply(Actor::Player(PlayerId(4)), join()).unwrap();
    assert_eq!(change.effects, [Effect::Seat(PlayerId(4), 3), Effect::StartMatch]);
    lobby.apply(Actor::Server, Operation::Finish).unwrap();
    lobby.apply(Actor::Player(PlayerId(2)), Operation::Leave(LeftReason::Asked)).unwrap();
    let change = lobby.apply(Actor::Player(HOST), Operation::Rematch).unwrap();
    assert_eq!(change.effects, [Effect::StartMatch]);
}

#[test]
fn a_room_that_is_not_full_plays_with_as_many_as_the_game_needs_and_not_with_fewer() {
    let mut lobby = Lobby::new(options(StartRule::Full), String::new());
    let host = Actor::Player(HOST);
    lobby.apply(host, join()).unwrap();
    let too_few = Refusal::TooFewPlayers { players: 1, needed: 2 };
    assert_eq!(lobby.apply(host, Operation::Start), Err(too_few));
    lobby.apply(Actor::Player(MEMBER), join()).unwrap();
    assert_eq!(lobby.phase(), RoomPhase::Waiting, "what was refused has opened nothing");
    assert_eq!(lobby.apply(host, Operation::Start).unwrap().effects, [Effect::StartMatch]);
    lobby.apply(Actor::Server, Operation::Finish).unwrap();
    lobby.apply(Actor::Player(MEMBER), Operation::Leave(LeftReason::Asked)).unwrap();
    assert_eq!(lobby.apply(host, Operation::Rematch).unwrap().effects, []);
    assert_eq!(lobby.phase(), RoomPhase::Waiting);
    lobby.apply(Actor::Player(MEMBER), join()).unwrap();
    assert_eq!(lobby.phase(), RoomPhase::Waiting, "the host says when");
}

#[test]
fn a_code_a_lock_and_a_ban_keep_people_out_and_a_reservation_lets_them_in() {
    let code = "open sesame".to_owned();
    let mut lobby =
        Lobby::new(LobbyOptions { code: code.clone(), ..options(StartRule::Host) }, String::new());
    let room = || "den".parse().unwrap();
    let enter = |lobby: &mut Lobby, player, code: &str| {
        let operation = Operation::Join { name: name(), code: code.to_owned() };
        lobby.apply(Actor::Player(PlayerId(player)), operation)
    };
    assert_eq!(enter(&mut lobby, 1, ""), Err(Refusal::WrongCode { room: room() }));
    assert!(enter(&mut lobby, 1, &code).is_ok());
    let host = Actor::Player(HOST);
    lobby.apply(host, Operation::Kick { player: PlayerId(7), ban: true }).unwrap();
    assert_eq!(enter(&mut lobby, 7, &code), Err(Refusal::Banned { room: room() }));
    lobby.apply(host, Operation::Lock(true)).unwrap();
    assert_eq!(enter(&mut lobby, 2, &code), Err(Refusal::RoomLocked { room: room() }));
    lobby.apply(host, Operation::Reserve(PlayerId(2))).unwrap();
    assert!(enter(&mut lobby, 2, "").is_ok(), "who is expected needs no code");
    lobby.apply(host, Operation::Reserve(PlayerId(8))).unwrap();
    let change = lobby.apply(host, Operation::Kick { player: PlayerId(8), ban: true }).unwrap();
    assert_eq!(change.events, [RoomEventKind::Released { player: PlayerId(8) }]);
}

#[test]
fn the_last_who_leaves_a_seat_leaves_the_room_unlocked() {
    let mut lobby = in_phase(RoomPhase::Preparing, StartRule::Host);
    lobby.apply(Actor::Player(HOST), Operation::Lock(true)).unwrap();
    let leave = |lobby: &mut Lobby, player| {
        lobby.apply(Actor::Player(player), Operation::Leave(LeftReason::Asked)).unwrap().events
    };
    leave(&mut lobby, HOST);
    assert!(lobby.is_locked(), "another member is host, and can unlock it");
    let told = leave(&mut lobby, MEMBER);
    assert!(told.contains(&RoomEventKind::Locked { locked: false }), "{told:?}");
    assert!(!lobby.is_locked() && lobby.spectators().len() == 1);
}

#[test]
fn nobody_has_the_name_of_another() {
    let mut lobby = Lobby::new(options(StartRule::Host), String::new());
    for (player, given) in [(1, "ada"), (2, "ada"), (3, "ada"), (4, "ada (2)")] {
        let operation = Operation::Join { name: given.parse().unwrap(), code: String::new() };
        lobby.apply(Actor::Player(PlayerId(player)), operation).unwrap();
    }
    let names: Vec<_> = lobby.roster().occupants().map(|occupant| occupant.name.as_str()).collect();
    assert_eq!(names, ["ada", "ada (2)", "ada (3)", "ada (2) (2)"]);
    let long: PlayerName = "ä".repeat(16).parse().unwrap();
    for player in [4, 5] {
        let leave = Operation::Leave(LeftReason::Asked);
        lobby.apply(Actor::Player(PlayerId(player - 1)), leave).unwrap();
        let operation = Operation::Join { name: long.clone(), code: String::new() };
        lobby.apply(Actor::Player(PlayerId(player + 5)), operation).unwrap();
    }
    let last = lobby.roster().occupants().map(|occupant| occupant.name.as_str()).max().unwrap();
    assert_eq!(last, "ä".repeat(16));
    assert!(
        lobby
            .roster()
            .occupants()
            .any(|occupant| occupant.name.as_str() == format!("{} (2)", "ä".repeat(14)))
    );
}

#[test]
fn a_member_gives_up_alone_and_the_last_one_for_all() {
    let mut lobby = in_phase(RoomPhase::Playing, StartRule::Host);
    let change = lobby.apply(Actor::Player(MEMBER), Operation::Abort).unwrap();
    assert_eq!(change.effects, [Effect::Bench(MEMBER)]);
    assert_eq!(lobby.phase(), RoomPhase::Playing);
    let change = lobby.apply(Actor::Player(HOST), Operation::Leave(LeftReason::Asked)).unwrap();
    assert!(change.effects.contains(&Effect::AbortMatch), "who is left does not play: {change:?}");
    assert_eq!(lobby.phase(), RoomPhase::Finished);
    assert!(change.events.contains(&RoomEventKind::HostChanged { host: MEMBER }));
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let player = || (0_u64..8).prop_map(PlayerId);
    prop_oneof![
        4 => Just(join()),
        1 => Just(spectate()),
        2 => Just(Operation::Leave(LeftReason::Asked)),
        3 => any::<bool>().prop_map(Operation::Ready),
        1 => player().prop_map(Operation::Reserve),
        1 => Just(Operation::Choose("pit".to_owned())),
        2 => Just(Operation::Start),
        1 => Just(Operation::Abort),
        1 => Just(Operation::Finish),
        2 => Just(Operation::Rematch),
        1 => (player(), any::<bool>()).prop_map(|(player, ban)| Operation::Kick { player, ban }),
        1 => player().prop_map(Operation::HandOver),
        1 => any::<bool>().prop_map(Operation::Lock),
    ]
}

#[test]
fn operators_take_nobodys_place_and_are_bounded() {
    let options = LobbyOptions { code: "sesame".to_owned(), ..options(StartRule::Full) };
    let mut lobby = Lobby::new(LobbyOptions { spectators_max: 1, ..options }, String::new());
    let watch = |number: u64| (Actor::Player(PlayerId(number)), Operation::Oversee { name: name() });
    for number in 0..OPERATORS_MAX as u64 {
        let (actor, operation) = watch(100 + number);
        lobby.apply(actor, operation).unwrap();
    }
    let (actor, operation) = watch(200);
    let full = Refusal::SpectatorsFull { room: "den".parse().unwrap(), limit: OPERATORS_MAX as u8 };
    assert_eq!(lobby.apply(actor, operation).unwrap_err(), full);
    assert!(lobby.spectators().is_empty(), "operators are no spectators");
    let spectate = |code: &str| Operation::Spectate { name: name(), code: code.to_owned() };
    assert!(lobby.apply(Actor::Player(SPECTATOR), spectate("")).is_err(), "others need the code");
    lobby.apply(Actor::Player(SPECTATOR), spectate("sesame")).unwrap();
    assert!(lobby.apply(Actor::Player(STRANGER), spectate("sesame")).is_err(), "and one place there is");
    lobby.apply(Actor::Player(PlayerId(100)), Operation::Leave(LeftReason::Asked)).unwrap();
    let (actor, operation) = watch(200);
    lobby.apply(actor, operation).unwrap();
    assert_eq!(lobby.role(actor), Role::Spectator, "they may do what spectators may");
}

proptest! {
    #[test]
    fn no_life_of_a_room_contradicts_itself(
        rule in 0_u8..3,
        steps in proptest::collection::vec((0_u64..9, any_operation()), 0..300),
    ) {
        let rule = [StartRule::Full, StartRule::Ready, StartRule::Host][usize::from(rule)];
        let mut lobby = Lobby::new(options(rule), String::new());
        for (player, operation) in steps {
            let actor = if player == 8 { Actor::Server } else { Actor::Player(PlayerId(player)) };
            let before = lobby.clone();
            let result = lobby.apply(actor, operation);
            if result.is_err() {
                prop_assert_eq!(&lobby, &before);
            }
            prop_assert!(lobby.roster.taken() + lobby.roster.reserved() <= 4);
            prop_assert!(lobby.spectators.len() <= 2);
            let starts = result.map_or(0, |change| {
                change.effects.iter().filter(|effect| **effect == Effect::StartMatch).count()
            });
            prop_assert_eq!(starts == 1, before.phase != RoomPhase::Playing && lobby.phase == RoomPhase::Playing);
            prop_assert_eq!(lobby.due(), None, "the phase lags behind");
            if lobby.phase == RoomPhase::Playing {
                prop_assert!(lobby.roster.occupants().any(|occupant| !occupant.out));
            }
        }
    }
}
