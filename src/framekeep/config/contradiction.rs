//! Values that are accepted each by itself and do not go together.

use super::keys::Settings;
use super::layer::Effective;
use super::problem::Problem;

/// Whether two values go together.
type Holds = fn(&Settings) -> bool;

/// Two keys, whether their values go together, and what must hold.
static RULES: &[(&str, &str, Holds, &str)] = &[(
    "net.link_timeout_s",
    "net.heartbeat_ms",
    |settings| settings.net.link_timeout_s * 1_000 > 2 * settings.net.heartbeat_ms,
    "a link may be given up only after more than two signs of life were lost",
)];

/// Every pair of values that do not go together.
pub(super) fn find(settings: &Settings, effective: &Effective) -> Vec<Problem> {
    let broken = RULES.iter().filter(|(.., holds, _)| !holds(settings));
    broken.filter_map(|(a, b, _, must)| problem(effective, a, b, must)).collect()
}

fn problem(effective: &Effective, a: &str, b: &str, must: &'static str) -> Option<Problem> {
    let told = |path: &str| {
        let (_, value, origin) = effective.iter().find(|(key, ..)| key.path() == path)?;
        Some(format!("{path} = {value} ({origin})"))
    };
    Some(Problem::Contradiction { a: told(a)?, b: told(b)?, must })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayerSources;

    fn merged(text: &str) -> Result<Effective, String> {
        let sources = LayerSources::default().with_file("f.toml", text).expect("parses");
        sources.merge().map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_out_of_two_heartbeats_is_refused_with_both_origins() {
        let refused = merged("[net]\nlink_timeout_s = 2\nheartbeat_ms = 1000").expect_err("refused");
        assert_eq!(
            refused,
            "net.link_timeout_s = 2 (f.toml:2) contradicts net.heartbeat_ms = 1000 (f.toml:3): \
             a link may be given up only after more than two signs of life were lost"
        );
        assert!(merged("[net]\nlink_timeout_s = 3\nheartbeat_ms = 1000").is_ok());
        assert!(merged("[net]\nlink_timeout_s = 1").is_ok());
    }

    #[test]
    fn every_rule_is_of_keys_that_exist_and_holds_by_default() {
        let defaults = merged("").expect("no contradiction");
        for (a, b, holds, must) in RULES {
            assert!(problem(&defaults, a, b, must).is_some(), "{a} or {b} is no key");
            assert!(holds(defaults.settings()), "{a} and {b}");
        }
    }
}
