//! A data folder of one megabyte, on a file system of its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use framekeep_server::Durability;

use super::{Drill, recorder_of};

/// Names the file system that the test inside is to use.
const FOLDER: &str = "FRAMEKEEP_TEST_MEGABYTE";
const MOUNT: &str = "mount -t tmpfs -o size=1m framekeep-test \"$FRAMEKEEP_TEST_MEGABYTE\"";
const INSIDE: &str = "durable::megabyte::inside";

/// A shell that sees file systems which nobody else does: as root, or as the root of a user name space.
fn shell(way: &[&str], folder: &Path, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(way).args(["sh", "-c", script]).arg(std::env::current_exe().unwrap()).env(FOLDER, folder);
    command
}

#[test]
fn a_data_folder_of_one_megabyte_costs_durability_and_no_tick() {
    let folder = tempfile::tempdir().unwrap();
    let ways = [&["--mount"][..], &["--user", "--map-root-user", "--mount"]];
    let works =
        |way: &&&[&str]| shell(way, folder.path(), MOUNT).output().is_ok_and(|done| done.status.success());
    let Some(way) = ways.iter().find(works) else {
        // Not by a macro whose output is only shown when a test fails.
        let said =
            "SKIPPED: a data folder of one megabyte; no file system can be mounted here (unshare --mount)\n";
        return std::io::stderr().write_all(said.as_bytes()).unwrap();
    };
    let script = format!("{MOUNT} && exec \"$0\" --exact {INSIDE} --ignored --nocapture --test-threads 1");
    let done = shell(way, folder.path(), &script).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}\n{err}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "what was mounted was seen by nobody else");
}

#[test]
#[ignore = "run by the test above, on a file system of one megabyte"]
fn inside() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return println!("only the test above says where");
    };
    for (number, durability) in (0..).zip([Durability::Tick, Durability::Second]) {
        let data = folder.join(format!("data-{number}"));
        fill_up(&mut Drill::playing(&data, 100 + number, durability), &folder, &data);
        fs::remove_dir_all(data).unwrap();
    }
}

/// Something else takes all space for a while.
fn fill_up(drill: &mut Drill, folder: &Path, data: &Path) {
    let filler = folder.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[7; 4_096]).is_ok() {}
    while file.write_all(&[7]).is_ok() {}
    drop(file);
    drill.run_until("the disk takes nothing", |play| recorder_of(play).failures() > 0);
    let began = drill.play.now();
    drill.run_until("it is told of", |play| recorder_of(play).undurable_rooms() == 1);
    let told_after = drill.play.now() - began;
    assert!(told_after.as_millis() <= 1_000, "told of after {told_after:?}");
    for _ in 0..10 {
        drill.run_without_delay(500);
        let age = drill.play.now().as_millis() as u64 - status_at(data);
        assert!(age <= 1_500, "the status is {age} ms old");
        assert!(recorder_of(&drill.play).is_undurable());
    }
    fs::remove_file(filler).unwrap();
    drill.run_until("durable again", |play| !recorder_of(play).is_undurable());
    drill.play.assert_all_agree();
    let ticks = drill.tick();
    drill.play.restart();
    assert_eq!(drill.tick(), ticks, "nothing is missing from then on");
}

/// When the status was written, in milliseconds since 1970.
fn status_at(data: &Path) -> u64 {
    let status = fs::read(data.join("status.json")).unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
    status["unix_ms"].as_u64().unwrap()
}
