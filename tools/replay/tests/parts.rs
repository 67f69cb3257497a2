//! What the commands make of a match.

use std::fs;

use serde_json::Value;

use super::{Exit, Recorded, json, run};

#[test]
fn a_state_has_the_hash_of_its_tick() {
    let recorded = Recorded::new(600);
    let hashes = run(&["verify", "--hashes", recorded.path()]).1;
    for tick in [1, 300, 512, 599] {
        let words = ["seek", "--json", "--tick", &tick.to_string(), recorded.path()];
        let (exit, state) = json(&words);
        let expected = hashes.lines().nth(tick - 1).unwrap().split(' ').nth(1).unwrap();
        assert_eq!((exit, state["hash"].as_str()), (Exit::Ok, Some(expected)));
        assert_eq!((&state["agrees"], &state["tick"]), (&true.into(), &tick.into()));
    }
    let (_, text) = run(&["seek", "--tick=90", "--field=players[2]", recorded.path()]);
    assert!(text.contains("0:03.0") && text.contains("as recorded"), "{text}");
    assert!(text.contains("  players[2].") && !text.contains("players[1]"), "{text}");
    assert_eq!(run(&["seek", "--tick=601", recorded.path()]).0, Exit::Failure);
}

#[test]
fn two_matches_part_at_an_input() {
    let recorded = Recorded::new(300);
    let other = recorded.beside("other.fkr");
    fs::write(&other, recorded.changed(33, true)).unwrap();
    let (exit, same) = run(&["diff", recorded.path(), recorded.path()]);
    assert_eq!((exit, same.as_str()), (Exit::Ok, "the same match\n"));
    let (exit, difference) = json(&["diff", "--json", recorded.path(), &other]);
    assert_eq!((exit, &difference["same"]), (Exit::Disagrees, &false.into()));
    let (input, hash) = (&difference["input"], &difference["hash"]);
    assert_eq!((&input["tick"], &input["seat"]), (&33.into(), &1.into()), "{difference}");
    assert_eq!((&hash["tick"], &difference["fields_at"]), (&33.into(), &34.into()), "{difference}");
    let field = difference["fields"][0]["path"].as_str().unwrap();
    let (_, text) = run(&["diff", recorded.path(), &other]);
    assert!(text.contains(&format!("    {field}: ")) && text.contains("tick 33: seat 1"), "{text}");
}

#[test]
fn bisecting_names_the_first_bad_tick_and_the_fields_at_the_next_state() {
    let recorded = Recorded::new(700);
    let (exit, text) = run(&["bisect", recorded.path()]);
    assert!(exit == Exit::Ok && text.contains("agrees with every recorded hash"), "{text}");
    recorded.change_input(33);
    let (exit, found) = json(&["bisect", "--json", recorded.path()]);
    assert_eq!((exit, &found["tick"]), (Exit::Disagrees, &33.into()), "{found}");
    // The second stretch begins with a recorded state, and agrees.
    assert_eq!((&found["stretches"], &found["stretches_differ"]), (&2.into(), &1.into()));
    assert_eq!(found["fields_at"], 512);
    assert!(!found["fields"].as_array().unwrap().is_empty());
}

#[test]
fn every_tick_is_exported() {
    let recorded = Recorded::new(120);
    let (exit, text) = run(&["export", "--json", recorded.path()]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((exit, lines.len()), (Exit::Ok, 122));
    assert_eq!((&lines[0]["kind"], &lines[0]["seats"]), (&"match".into(), &4.into()));
    assert_eq!((&lines[50]["tick"], &lines[50]["agrees"]), (&49.into(), &true.into()));
    assert_eq!(lines[50]["inputs"].as_array().unwrap().len(), 4);
    assert_eq!((&lines[121]["kind"], &lines[121]["hash"]), (&"end".into(), &lines[120]["hash"]));
    let views = run(&["export", "--json", "--views", "--from=10", "--to=12", recorded.path()]).1;
    let tick: Value = serde_json::from_str(views.lines().nth(1).unwrap()).unwrap();
    assert!(views.lines().count() == 4 && tick["bodies"].as_array().unwrap().len() > 10);
    let csv = run(&["export", "--csv", "--from=10", "--to=12", recorded.path()]).1;
    assert_eq!((csv.lines().next(), csv.lines().count()), (Some("tick,hash,seat,mark,bits,score"), 9));
    assert_eq!(run(&["export", "--csv", "--from=12", "--to=500", recorded.path()]).0, Exit::Failure);
}

#[test]
fn a_part_that_is_cut_out_agrees() {
    let recorded = Recorded::new(700);
    for (from, to) in [("0", "300"), ("300", "650"), ("512", "700")] {
        let part = recorded.beside("part.fkr");
        let words = ["cut", "--replace", "--from", from, "--to", to, "--out", &part, recorded.path()];
        assert_eq!(run(&words).0, Exit::Ok);
        let (exit, report) = json(&["verify", "--json", &part]);
        let ticks = to.parse::<u32>().unwrap() - from.parse::<u32>().unwrap();
        assert_eq!((exit, &report["files"][0]["ticks"]), (Exit::Ok, &ticks.into()), "{report}");
        let at = |file: &str| json(&["seek", "--json", "--tick", to, file]).1["hash"].clone();
        assert_eq!(at(&part), at(recorded.path()));
    }
    let part = recorded.beside("part.fkr");
    assert!(run(&["info", &part]).1.contains("from tick 512 on"));
    let (exit, difference) = json(&["diff", "--json", &part, recorded.path()]);
    assert_eq!((exit, &difference["hash"]), (Exit::Disagrees, &Value::Null), "{difference}");
    assert_eq!(run(&["seek", "--tick=511", &part]).0, Exit::Failure);
}

#[test]
fn parts_and_seats_are_counted() {
    let recorded = Recorded::new(600);
    let (exit, stats) = json(&["stats", "--json", recorded.path()]);
    let parts = stats["parts"].as_array().unwrap();
    let bytes: u64 = parts.iter().map(|part| part["bytes"].as_u64().unwrap()).sum();
    assert_eq!((exit, bytes + 58), (Exit::Ok, fs::metadata(&recorded.file).unwrap().len()));
    assert_eq!((&stats["ticks"], &stats["seats"][3]["arrived"]), (&600.into(), &600.into()));
    assert!(run(&["stats", recorded.path()]).1.contains("times real time"));
}

/// Four bots play for so many minutes, and it is signed.
fn minutes_of_four(minutes: u32) -> Recorded {
    let recorded = Recorded::new(1);
    let (arena, key_file) = (recorded.beside("long.toml"), recorded.beside("node.key"));
    let short = include_str!("../../../assets/arenas/pit.toml");
    let long = short.replace("time_limit_s = 60", &format!("time_limit_s = {}", minutes * 60));
    fs::write(&arena, long.replace("score_limit = 10", "score_limit = 1000")).unwrap();
    fs::write(&key_file, "0123456789abcdef".repeat(4)).unwrap();
    let ticks = format!("--ticks={}", minutes * 1_800);
    let words = ["record", "--replace", &ticks, "--content", &arena, "--key-file", &key_file, "--out"];
    assert_eq!(run(&[&words[..], &[recorded.path()]].concat()).0, Exit::Ok);
    recorded
}

#[test]
fn ten_minutes_of_four_players_are_150_kilobytes_at_most() {
    let recorded = minutes_of_four(10);
    let (_, info) = json(&["info", "--json", recorded.path()]);
    assert_eq!((&info["ticks"], &info["seats"]), (&18_000.into(), &4.into()));
    assert!(info["bytes"].as_u64().unwrap() <= 150_000, "{} bytes", info["bytes"]);
}

/// To be run in a release build: `cargo test --release -p framekeep_replay -- --ignored half_an_hour --nocapture`.
#[test]
#[ignore = "measures how fast this machine is"]
fn half_an_hour_is_played_3000_times_as_fast_and_any_tick_of_it_is_100_ms_away() {
    let recorded = minutes_of_four(30);
    let (exit, stats) = json(&["stats", "--json", recorded.path()]);
    assert_eq!((exit, &stats["ticks"]), (Exit::Ok, &54_000.into()));
    let (times, slowest) =
        (stats["times_real_time"].as_u64().unwrap(), stats["seek_us_max"].as_u64().unwrap());
    println!("{times} times real time; the slowest of the seeks to the ends of all chunks took {slowest} us");
    assert!(times >= 3_000, "{times} times real time");
    assert!(slowest <= 100_000, "{slowest} us");
    // As a whole command, the file read and checked.
    for tick in (0..54_000).step_by(777).chain([53_999]) {
        let began = std::time::Instant::now();
        assert_eq!(run(&["seek", "--tick", &tick.to_string(), recorded.path()]).0, Exit::Ok);
        let took = began.elapsed();
        assert!(took.as_millis() <= 100, "to tick {tick} in {took:?}");
    }
}

#[test]
fn a_match_survives_the_torture() {
    let recorded = Recorded::new(90);
    let (exit, report) = json(&["check", "--json", "--threads=3", recorded.path()]);
    assert_eq!((exit, &report["agrees"]), (Exit::Ok, &true.into()), "{report}");
    let tests = report["files"][0]["tests"].as_array().unwrap();
    let names: Vec<_> = tests.iter().map(|test| test["name"].as_str().unwrap()).collect();
    assert!(names.len() >= 7 && names.contains(&"8 rooms on 3 threads"), "{names:?}");
    let (_, text) = run(&["check", "--threads=1", "--rollback=2", recorded.path()]);
    assert!(text.contains("agrees   rollback of 1 to 2 ticks at every tick"), "{text}");
    recorded.change_input(40);
    let (exit, text) = run(&["check", "--threads=1", recorded.path()]);
    assert!(exit == Exit::Disagrees && text.contains("DIFFERS  as recorded: tick 40"), "{text}");
}

#[test]
fn a_corpus_is_as_good_as_its_worst_file() {
    let recorded = Recorded::new(30);
    let folder = recorded.file.parent().unwrap().to_str().unwrap();
    let (exit, text) = run(&["corpus", "verify", folder]);
    assert!(exit == Exit::Ok && text.contains("1 replay in "), "{text}");
    fs::create_dir(recorded.beside("deeper")).unwrap();
    fs::write(recorded.beside("deeper/bad.fkr"), "FKREPLAY").unwrap();
    let (exit, report) = json(&["corpus", "verify", "--json", folder]);
    assert_eq!((exit, report["files"].as_array().unwrap().len()), (Exit::Damaged, 2));
    assert_eq!(run(&["corpus", "verify", &recorded.beside("nowhere")]).0, Exit::Failure);
}

#[test]
fn songs_are_recorded_too() {
    let recorded = Recorded::new(1);
    let words =
        ["record", "--replace", "--game=rhythm", "--seats=3", "--ticks=400", "--out", recorded.path()];
    assert_eq!(run(&words).0, Exit::Ok);
    let (exit, info) = json(&["info", "--json", recorded.path()]);
    assert_eq!((exit, &info["game"], &info["ticks"]), (Exit::Ok, &"rhythm".into(), &400.into()));
    assert_eq!(run(&["check", "--threads=2", recorded.path()]).0, Exit::Ok);
}

#[test]
fn a_tick_is_drawn() {
    let (recorded, mut pixels) = (Recorded::new(60), Vec::new());
    let out = recorded.beside("tick.png");
    let words = ["render", "--png", "--tick=30", "--width=200", "--out", &out, recorded.path()];
    assert_eq!(run(&words).0, Exit::Ok);
    let decoder = png::Decoder::new(std::io::Cursor::new(fs::read(&out).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    pixels.resize(reader.output_buffer_size().unwrap(), 0);
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(info.width == 200 && info.height > 100);
    // The first seat's red and the background are there.
    assert!(pixels.chunks(3).any(|rgb| rgb == [0xe6, 0x4b, 0x4b]));
    assert!(pixels.chunks(3).filter(|&rgb| rgb == [0x12, 0x14, 0x1a]).count() > pixels.len() / 9);
}

#[test]
fn ticks_are_drawn_one_after_the_other() {
    let recorded = Recorded::new(60);
    let out = recorded.beside("ticks.gif");
    let words = ["render", "--gif", "--every=3", "--width=100", "--out", &out, recorded.path()];
    let (exit, text) = run(&words);
    assert!(exit == Exit::Ok && text.contains("21 pictures of 100 by"), "{text}");
    let mut decoder = gif::DecodeOptions::new().read_info(fs::File::open(&out).unwrap()).unwrap();
    let (mut pictures, mut hundredths) = (0, 0);
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        pictures += 1;
        hundredths += u32::from(frame.delay);
        assert!(frame.width == 100 && frame.buffer.iter().any(|&colour| colour != 0));
    }
    assert_eq!((pictures, hundredths), (21, 210));
}

#[test]
fn pictures_are_printed_without_a_terminal() {
    let recorded = Recorded::new(60);
    let words = ["play", "--headless", "--frames=9", "--every=30", "--columns=60", "--rows=20", "--plain"];
    let (exit, text) = run(&[&words[..], &[recorded.path()]].concat());
    let heads: Vec<_> = text.lines().filter(|line| line.starts_with("tick ")).collect();
    assert_eq!((exit, heads.len(), text.lines().count()), (Exit::Ok, 3, 60));
    assert!(heads[1].starts_with("tick     30  0:01.0 of 0:02.0"), "{}", heads[1]);
    assert!(text.lines().all(|line| line.chars().count() <= 60));
    assert!(text.contains('⣿') && !text.contains('\x1b'));
}

#[test]
fn what_is_there_is_replaced_only_when_asked_for() {
    let recorded = Recorded::new(60);
    let (file, original) = (recorded.path(), fs::read(&recorded.file).unwrap());
    for words in [
        &["cut", "--to=20", "--out", file, file][..],
        &["render", "--png", "--out", file, file],
        &["render", "--gif", "--out", file, file],
        &["record", "--ticks=20", "--out", file],
    ] {
        assert_eq!(run(words).0, Exit::Failure, "{words:?}");
        assert_eq!(fs::read(&recorded.file).unwrap(), original, "{words:?}");
    }
    assert_eq!(run(&["cut", "--replace", "--to=20", "--out", file, file]).0, Exit::Ok);
    assert_eq!(json(&["verify", "--json", file]).1["files"][0]["ticks"], 20);
    // Where it cannot be put in its place nothing is left of it.
    let folder = recorded.beside("folder");
    fs::create_dir(&folder).unwrap();
    assert_eq!(run(&["cut", "--replace", "--out", &folder, file]).0, Exit::Failure);
    assert_eq!(fs::read_dir(recorded.file.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn another_build_that_is_none_is_refused_before_anything_is_played() {
    let recorded = Recorded::new(30);
    for other in [recorded.beside("nowhere"), recorded.path().to_owned(), "/bin/true".to_owned()] {
        assert_eq!(run(&["check", "--other", &other, recorded.path()]), (Exit::Failure, String::new()));
        assert_eq!(run(&["bisect", "--other", &other, recorded.path()]), (Exit::Failure, String::new()));
    }
}

#[test]
fn numbers_of_64_bits_are_texts_in_json() {
    let recorded = Recorded::new(10);
    let info = json(&["info", "--json", recorded.path()]).1;
    let exported = run(&["export", "--json", recorded.path()]).1;
    let first: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    for told in [info, first] {
        assert_eq!((&told["schema_version"], &told["seed"]), (&2.into(), &"0000000000000007".into()));
        assert_eq!(told["players"][1]["player"], "0000000000000002");
    }
}
