//! Results come back by player, game and time; damage stops nobody; replays are kept by the rules.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::{
    Cursor, MatchResult, Query, ReplayRules, ResultError, ResultReader, ResultStore, SeatResult,
    open_or_set_aside, retain_replays,
};

fn result(number: u64) -> MatchResult {
    let player = |seat: u8, player: u64| SeatResult {
        seat,
        player: format!("{player:016x}"),
        name: format!("player-{player}"),
        score: Some(seat.into()),
        ..SeatResult::default()
    };
    MatchResult {
        id: format!("match-{number:05}"),
        game: if number.is_multiple_of(3) { "rhythm".into() } else { "arena".into() },
        players: vec![player(0, number % 7), player(1, 100 + number % 2)],
        ended_unix_ms: 1_000 + number / 2,
        ..MatchResult::default()
    }
}

fn filled(path: &Path, count: u64) -> ResultStore {
    let mut store = ResultStore::open(path).unwrap();
    let results: Vec<_> = (0..count).map(result).collect();
    for batch in results.chunks(100) {
        store.insert(batch).unwrap();
    }
    store
}

fn ids(results: &[MatchResult]) -> Vec<&str> {
    results.iter().map(|result| result.id.as_str()).collect()
}

/// What a query should give, by looking at everything.
fn expected(count: u64, query: &Query) -> Vec<MatchResult> {
    let mut all: Vec<_> = (0..count).map(result).collect();
    all.sort_by_key(|result| std::cmp::Reverse((result.ended_unix_ms, result.id.clone())));
    let times = query.since_unix_ms..query.until_unix_ms;
    let is_wanted = |result: &MatchResult| {
        times.contains(&result.ended_unix_ms)
            && query.player.as_ref().is_none_or(|player| result.has_player(player))
            && query.game.as_ref().is_none_or(|game| result.game == *game)
    };
    all.into_iter().filter(is_wanted).take(query.limit).collect()
}

#[test]
fn results_are_found_by_player_game_and_time_while_the_server_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    let store = filled(&path, 500);
    let reader = ResultReader::open(&path).unwrap();
    let text = |text: &str| Some(text.to_owned());
    for player in [None, text("0000000000000003"), text("player-101"), text("nobody")] {
        for game in [None, text("arena"), text("chess")] {
            for (since_unix_ms, until_unix_ms, limit) in
                [(0, u64::MAX, usize::MAX), (1_100, 1_200, usize::MAX), (0, u64::MAX, 10), (1_200, 1_100, 5)]
            {
                let (player, game) = (player.clone(), game.clone());
                let query = Query { player, game, since_unix_ms, until_unix_ms, limit, after: None };
                assert_eq!(reader.find(&query).unwrap().results, expected(500, &query), "{query:?}");
            }
        }
    }
    drop(store);
}

#[test]
fn pages_follow_each_other_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    let _store = filled(&path, 250);
    let reader = ResultReader::open(&path).unwrap();
    for game in [None, Some("arena".to_owned())] {
        let whole = reader.find(&Query { game: game.clone(), ..Query::default() }).unwrap().results;
        let (mut pages, mut query) = (Vec::new(), Query { game, limit: 7, ..Query::default() });
        loop {
            let page = reader.find(&query).unwrap().results;
            let Some(last) = page.last() else { break };
            query.after = Cursor::parse(&Cursor::at(last).to_string());
            assert_eq!(query.after, Some(Cursor::at(last)));
            pages.extend(page);
        }
        assert_eq!(ids(&pages), ids(&whole));
    }
}

#[test]
fn a_match_is_found_by_its_id_or_the_beginning_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    let mut store = filled(&path, 120);
    let again = MatchResult { ended_unix_ms: 9_999, game: "chess".into(), ..result(5) };
    store.insert(&[again]).unwrap();
    assert_eq!(store.count().unwrap(), 120, "the same match twice is one match, as it was told first");
    let reader = ResultReader::open(&path).unwrap();
    assert_eq!(reader.get("match-00005").unwrap(), Some(result(5)));
    assert_eq!(reader.get("match-0011").unwrap(), None, "ten begin so");
    assert_eq!(reader.get("match-00119").unwrap(), Some(result(119)));
    assert_eq!(reader.get("match-9").unwrap(), None);
    let chess = Query { game: Some("chess".into()), ..Query::default() };
    assert_eq!(reader.find(&chess).unwrap().results.len(), 0);
    assert_eq!(reader.find(&Query::default()).unwrap().results.len(), 120);
}

#[test]
fn the_oldest_results_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    let mut store = filled(&path, 300);
    assert_eq!((store.trim(300).unwrap(), store.trim(250).unwrap(), store.trim(250).unwrap()), (0, 50, 0));
    drop(store);
    let reader = ResultReader::open(&path).unwrap();
    let left = reader.find(&Query::default()).unwrap().results;
    assert_eq!((left.len(), left.last().unwrap().id.as_str()), (250, "match-00050"));
    let player = Query { player: Some("player-3".into()), ..Query::default() };
    assert!(reader.find(&player).unwrap().results.iter().all(|result| result.id.as_str() >= "match-00050"));
}

#[test]
fn one_server_writes_and_a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    assert!(matches!(ResultReader::open(&path), Err(ResultError::NoFile(_))));
    let _store = filled(&path, 1);
    assert!(matches!(ResultStore::open(&path), Err(ResultError::InUse(_))));
}

#[test]
fn a_damaged_file_is_set_aside_and_never_stops_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    drop(filled(&path, 200));
    let good = fs::read(&path).unwrap();
    let (mut set_aside, mut whole, mut changed) = (0, 0, 0);
    let mut cases: Vec<Vec<u8>> = vec![b"no database at all".repeat(500), good[..good.len() / 2].to_vec()];
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        cases.push(bytes);
    }
    for bytes in cases {
        fs::write(&path, &bytes).unwrap();
        let (mut store, aside) = open_or_set_aside(&path, 77).unwrap();
        store.insert(&[result(900)]).unwrap();
        let found = ResultReader::open(&path).unwrap().find(&Query::default()).unwrap().results;
        match aside {
            Some(aside) => {
                let there = found.len() as u64;
                assert_eq!((there, fs::read(&aside.path).unwrap()), (aside.kept + 1, bytes));
                let all = expected(200, &Query::default());
                assert!(found[1..].iter().all(|result| all.contains(result)));
                assert!(aside.lost.is_none_or(|lost| lost + aside.kept == 200), "{aside:?}");
                // One byte is in one result at most.
                changed += 1;
                assert!(changed <= 2 || aside.kept >= 199, "{aside:?}");
                fs::remove_file(aside.path).unwrap();
                set_aside += 1;
            }
            // The bit was in no page that is used, or what it said could be told from the rest.
            None => {
                assert_eq!(found.len(), 201);
                assert_eq!(found[1..], expected(200, &Query::default())[..]);
                whole += 1;
            }
        }
        drop(store);
    }
    assert!(set_aside > 2, "{set_aside} set aside, {whole} whole");
}

#[test]
fn a_changed_result_is_told_of_and_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.redb");
    drop(filled(&path, 20));
    let mut bytes = fs::read(&path).unwrap();
    // The name of a player in the text of results; indexes have it in other words.
    let name = b"\"name\":\"player-3\",";
    let places = (0..bytes.len() - name.len()).filter(|&at| bytes[at..].starts_with(name));
    let places: Vec<usize> = places.collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[at + name.len() - 3] ^= 1);
    fs::write(&path, &bytes).unwrap();
    let reader = ResultReader::open(&path).unwrap();
    let found = reader.find(&Query::default()).unwrap();
    let what = &found.damaged[0];
    assert!(what.contains("the checksum of the result of match match-000"), "{what}");
    assert_eq!((found.results.len() + found.damaged.len(), found.next), (20, None));
    assert!(!found.damaged.is_empty() && found.results.iter().all(|result| !result.has_player("player-3")));
    drop(reader);
    let (store, aside) = open_or_set_aside(&path, 5).unwrap();
    assert_eq!(aside.unwrap().lost, Some(found.damaged.len() as u64), "the others are in the new file");
    assert_eq!(store.count().unwrap(), found.results.len() as u64);
    let reader = ResultReader::open(&path).unwrap();
    assert_eq!(reader.find(&Query::default()).unwrap().results, found.results);
    let others = Query { game: Some("rhythm".into()), player: Some("player-100".into()), ..Query::default() };
    assert!(reader.find(&Query { limit: 1, ..others }).is_ok(), "others are told");
}

#[test]
fn replays_are_kept_by_count_age_and_size() {
    let hour = Duration::from_secs(3_600);
    let now = SystemTime::now();
    let kept = |rules: ReplayRules| {
        let folder = tempfile::tempdir().unwrap();
        for age in 0..10_u32 {
            let path = folder.path().join(format!("{age}.fkr"));
            fs::write(&path, vec![0; 100]).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(now - hour * age).unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "kept").unwrap();
        let (gone, bytes) = retain_replays(folder.path(), &rules, now).unwrap();
        assert_eq!(bytes, gone * 100);
        let left: Vec<bool> = (0..10).map(|age| folder.path().join(format!("{age}.fkr")).exists()).collect();
        assert!(left.is_sorted_by(|a, b| a >= b), "the newest are kept");
        assert!(folder.path().join("notes.txt").exists());
        left.into_iter().filter(|left| *left).count()
    };
    let none = ReplayRules::default();
    assert_eq!(kept(none), 10);
    assert_eq!(kept(ReplayRules { count_max: 4, ..none }), 4);
    assert_eq!(kept(ReplayRules { age_max: hour * 7 / 2, ..none }), 4);
    assert_eq!(kept(ReplayRules { bytes_max: 350, ..none }), 3);
    assert_eq!(kept(ReplayRules { count_max: 8, age_max: hour * 20, bytes_max: 599 }), 5);
}
