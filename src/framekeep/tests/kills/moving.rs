//! Two built servers between which a room goes to and fro while it is played.

use std::cell::RefCell;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use framekeep_journal::{Replay, Verifier};

use crate::node::Node;
use crate::players::{Player, Players};

const SECRET: &str = "a secret of two nodes";
/// How long anything may take.
const LONGEST: Duration = Duration::from_secs(30);

/// A port of this machine that nobody has, for a moment.
fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}

/// The command that lets the room go to a node.
fn move_to(folder: &Path, admin: &str, node: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framekeep"));
    command.args(["move", "den", node, "--admin", admin, "--data"]).arg(folder.join("data"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FRAMEKEEP") {
            command.env_remove(name);
        }
    }
    command.stderr(Stdio::piped()).spawn().expect("the binary runs")
}

#[test]
fn a_room_goes_to_and_fro_between_two_processes() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let (peers, admins) = ([free(), free()], [free(), free()]);
    let names = ["eu1", "eu2"];
    let any = "127.0.0.1:0".parse().expect("an address");
    let start = |nth: usize| {
        let other = 1 - nth;
        let others = format!("{}={}", names[other], peers[other]);
        let settings = [
            ("FRAMEKEEP_CLUSTER_SECRET", SECRET),
            ("FRAMEKEEP__NET__NAME", names[nth]),
            ("FRAMEKEEP__ADMIN__ADDRESS", &admins[nth]),
            ("FRAMEKEEP__CLUSTER__PEER", &peers[nth]),
            ("FRAMEKEEP__CLUSTER__PEERS", &others),
        ];
        Node::start_with(folders[nth].path(), "second", any, &settings)
    };
    let nodes = [start(0), start(1)];
    let mut players = Players::new(7, 2);
    players.connect(nodes[0].address);
    players.join("den");
    let plays_on = |players: &mut Players, ticks: u32| {
        let until = players.all[0].newest() + ticks;
        let all_are = move |all: &[Player]| all.iter().all(|player| player.newest() >= until);
        assert!(players.play_until(LONGEST, all_are), "the match goes on");
    };
    plays_on(&mut players, 30);
    let lost = move_to(folders[0].path(), &admins[0], "nowhere").wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(!lost.status.success() && said.contains("nowhere") && said.contains(names[1]), "{said}");
    for turn in 0..4_usize {
        let (from, to) = (turn % 2, (turn + 1) % 2);
        let moving = RefCell::new(move_to(folders[from].path(), &admins[from], names[to]));
        let is_over = |_: &[Player]| moving.borrow_mut().try_wait().expect("a child").is_some();
        assert!(players.play_until(LONGEST, is_over), "move {turn} ends");
        assert!(moving.borrow_mut().wait().expect("a child").success(), "move {turn}");
        plays_on(&mut players, 30);
    }
    for player in &players.all {
        assert_eq!((player.moves, player.desyncs, player.entered), (4, 0, Some(0)), "no match began again");
    }
    nodes.into_iter().for_each(Node::stop);
    let replays = folders[0].path().join("data").join("replays");
    let files: Vec<_> =
        std::fs::read_dir(replays).expect("a folder").map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "sealed once, where the room was last");
    let replay = Replay::read(std::fs::read(&files[0]).expect("a file")).expect("a replay");
    let newest = players.all.iter().map(Player::newest).max().unwrap_or(0);
    assert!(replay.end().ticks.0 >= newest, "every frame that was shown is in it");
    let verified = Verifier::new(framekeep_games::registry()).verify(&replay, &mut |_, _| {});
    assert!(verified.is_ok(), "{:?}", verified.err());
}
