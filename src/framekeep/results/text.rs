//! Results for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use framekeep_results::{MatchResult, SeatResult};

/// The first line of an export as CSV, which has a line for every player of every match.
pub(super) const CSV_HEAD: &str = "id,room,game,content,reason,started_unix_ms,ended_unix_ms,duration_ms,ticks,\
                                   tick_rate_hz,hash,replay,seat,player,name,score,won\n";

/// An object a line.
pub(super) fn json_lines(results: &[MatchResult]) -> String {
    // Numbers and texts always have a JSON.
    results.iter().map(|result| serde_json::to_string(result).unwrap_or_default() + "\n").collect()
}

pub(super) fn table(results: &[MatchResult]) -> String {
    let mut text = format!(
        "{:<20} {:<30} {:<10} {:<8} {:>8} {}\n",
        "ENDED (UTC)", "ID", "GAME", "REASON", "SECONDS", "PLAYERS"
    );
    for result in results {
        let players: Vec<_> = result.players.iter().map(|seat| score(seat, result.winner)).collect();
        // Writing to text cannot fail.
        let _ = writeln!(
            text,
            "{:<20} {:<30} {:<10} {:<8} {:>8} {}",
            utc(result.ended_unix_ms),
            result.id,
            result.game,
            result.reason,
            result.duration_ms() / 1_000,
            players.join(", ")
        );
    }
    let _ = writeln!(text, "{} matches", results.len());
    text
}

/// Name and score; a star for who won.
fn score(seat: &SeatResult, winner: Option<u8>) -> String {
    let star = if winner == Some(seat.seat) && seat.until_tick.is_none() { "*" } else { "" };
    match seat.score {
        Some(score) => format!("{}{star} {score}", seat.name),
        None => seat.name.clone(),
    }
}

/// Everything about one match.
pub(super) fn page(result: &MatchResult, replay: Option<&Path>) -> String {
    let content = if result.content.is_empty() { "the default" } else { &result.content };
    let replay = replay.map_or_else(|| "gone".to_owned(), |path| path.display().to_string());
    let mut text = format!(
        "match    {}\nroom     {}\ngame     {} (rules {})\ncontent  {content} ({})\n\
         started  {} UTC\nended    {} UTC, {}\n\
         length   {} ticks at {} Hz\nhash     {}\nreplay   {replay}\n",
        result.id,
        result.room,
        result.game,
        result.fingerprint,
        result.content_hash,
        utc(result.started_unix_ms),
        utc(result.ended_unix_ms),
        result.reason,
        result.ticks,
        result.tick_rate_hz,
        result.hash,
    );
    for seat in &result.players {
        let won = if result.winner == Some(seat.seat) { "  won" } else { "" };
        let score = seat.score.map_or_else(|| "-".to_owned(), |score| score.to_string());
        let until = seat.until_tick.map_or_else(String::new, |tick| format!("  until tick {tick}"));
        let from =
            if seat.from_tick == 0 { String::new() } else { format!("  from tick {}", seat.from_tick) };
        let (number, name, player) = (seat.seat, &seat.name, &seat.player);
        let won = if seat.until_tick.is_none() { won } else { "" };
        let _ = writeln!(text, "seat {number:<3} {name:<32} {player} {score:>10}{won}{from}{until}");
    }
    text
}

/// A line for every player; a match without players has one line.
pub(super) fn csv(results: &[MatchResult]) -> String {
    let mut text = String::new();
    for result in results {
        let head = [
            quoted(&result.id),
            quoted(&result.room),
            quoted(&result.game),
            quoted(&result.content),
            quoted(&result.reason),
            result.started_unix_ms.to_string(),
            result.ended_unix_ms.to_string(),
            result.duration_ms().to_string(),
            result.ticks.to_string(),
            result.tick_rate_hz.to_string(),
            result.hash.clone(),
            quoted(result.replay.as_deref().unwrap_or_default()),
        ]
        .join(",");
        for seat in &result.players {
            let score = seat.score.map(|score| score.to_string()).unwrap_or_default();
            let won = u8::from(result.winner == Some(seat.seat));
            let _ =
                writeln!(text, "{head},{},{},{},{score},{won}", seat.seat, seat.player, quoted(&seat.name));
        }
        if result.players.is_empty() {
            let _ = writeln!(text, "{head},,,,,");
        }
    }
    text
}

/// A text as RFC 4180 has it. Names come from players: one that a spreadsheet would take for a formula gets a
/// quotation mark before it.
fn quoted(text: &str) -> String {
    let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if formula.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return text.to_owned();
    }
    format!("\"{formula}{}\"", text.replace('"', "\"\""))
}

/// A time as `2026-11-21 16:40:11`.
fn utc(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to year, month and day: H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> MatchResult {
        let seat = |seat, name: &str, score| {
            let (player, name) = ("ab".into(), name.into());
            SeatResult { seat, player, name, score, ..SeatResult::default() }
        };
        MatchResult {
            id: "r-1".into(),
            game: "arena".into(),
            reason: "outcome".into(),
            players: vec![seat(0, "ada", Some(7)), seat(1, "=SUM(A1), \"b\"", None)],
            winner: Some(0),
            started_unix_ms: 1_794_000_000_000,
            ended_unix_ms: 1_794_000_090_000,
            ..MatchResult::default()
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(utc(1_709_251_199_000), "2024-02-29 23:59:59");
        assert_eq!(utc(4_102_444_800_000), "2100-01-01 00:00:00");
    }

    #[test]
    fn people_see_who_won_and_programs_get_lines() {
        let text = table(&[result()]);
        assert!(text.contains("ada* 7, =SUM") && text.ends_with("1 matches\n"), "{text}");
        let text = page(&result(), None);
        assert!(text.contains("replay   gone") && text.contains("7  won"), "{text}");
        let back: MatchResult = serde_json::from_str(json_lines(&[result()]).trim()).unwrap();
        assert_eq!(back, result());
    }

    #[test]
    fn csv_has_a_line_a_player_and_no_formula() {
        let text = csv(&[result(), MatchResult { players: Vec::new(), ..result() }]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].ends_with(",0,ab,ada,7,1"), "{}", lines[0]);
        assert!(lines[1].ends_with(",1,ab,\"'=SUM(A1), \"\"b\"\"\",,0"), "{}", lines[1]);
        let columns = CSV_HEAD.matches(',').count();
        assert_eq!(lines[0].matches(',').count(), columns);
        assert_eq!(lines[2].matches(',').count(), columns);
    }
}
