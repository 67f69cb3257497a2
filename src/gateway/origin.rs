//! Which web pages may use the server.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, header};

/// Which web pages may use the server: its own, and those that are listed. Programs that are no browsers send no
/// `Origin` and are not held back by this.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    listed: Vec<String>,
    /// Only reached as the machine itself: a name that somebody else lets point here is not its own.
    loopback: bool,
}

impl Origins {
    pub(crate) fn new(listed: &[String], loopback: bool) -> Self {
        Self {
            listed: listed.iter().map(|origin| origin.trim_end_matches('/').to_lowercase()).collect(),
            loopback,
        }
    }

    /// Whether a request with these headers comes from a page that may.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Some(origin) = origin.to_str().ok().map(str::to_lowercase) else { return false };
        self.is_listed(&origin) || self.is_own(&origin, headers)
    }

    /// Whether the origin is listed, or a page of the same host on another port.
    pub(crate) fn allow_any_port(&self, origin: &str, headers: &HeaderMap) -> bool {
        let origin = origin.to_lowercase();
        let own = host(headers).is_some_and(|own| own.0 == authority(&origin).0);
        self.is_listed(&origin) || own && (!self.loopback || is_loopback(authority(&origin).0))
    }

    /// The origin of a request, if it is listed.
    pub(crate) fn listed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.is_listed(&origin.to_str().ok()?.to_lowercase()).then(|| origin.clone())
    }

    /// Whether a request names the machine as itself, by an address, or as a listed origin does. Everything counts
    /// where the server is not only reached as the machine itself.
    pub(crate) fn is_host_own(&self, headers: &HeaderMap) -> bool {
        !self.loopback || self.is_host_loopback(headers)
    }

    /// The same for a port that is on loopback in any case.
    pub(crate) fn is_host_loopback(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST) else { return true };
        let Some(host) = host.to_str().ok().map(str::to_lowercase) else { return false };
        let (name, _) = split(&host);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        // Nobody can let an address point elsewhere.
        is_loopback(name)
            || bare.parse::<IpAddr>().is_ok()
            || name.ends_with(".localhost")
            || self.listed.iter().any(|listed| authority(listed).0 == name)
    }

    fn is_listed(&self, origin: &str) -> bool {
        self.listed.iter().any(|listed| listed == origin)
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        let (name, port) = authority(origin);
        let default = if origin.starts_with("https://") { 443 } else { 80 };
        let Some((own_name, own_port)) = host(headers) else { return false };
        let same = name == own_name && port.unwrap_or(default) == own_port.unwrap_or(default);
        same && (!self.loopback || is_loopback(name))
    }
}

fn host(headers: &HeaderMap) -> Option<(&str, Option<u16>)> {
    Some(split(headers.get(header::HOST)?.to_str().ok()?))
}

/// Name and port of an origin.
fn authority(origin: &str) -> (&str, Option<u16>) {
    split(origin.split_once("://").map_or(origin, |(_, rest)| rest))
}

fn split(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => (name, port.parse().ok()),
        _ => (authority, None),
    }
}

fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !origin.is_empty() {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers.insert(header::HOST, host.parse().unwrap());
        headers
    }

    #[test]
    fn own_pages_and_listed_ones_may_and_others_may_not() {
        let origins = Origins::new(&["https://Play.example.org/".to_owned()], false);
        for (origin, host, may) in [
            ("", "play.net:7780", true),
            ("http://play.net:7780", "play.net:7780", true),
            ("https://play.net", "play.net", true),
            ("https://play.example.org", "play.net", true),
            ("http://play.net", "play.net:7780", false),
            ("https://evil.example", "play.net", false),
            ("null", "play.net", false),
            ("https://play.example.org.evil.example", "play.net", false),
        ] {
            assert_eq!(origins.allow(&headers(origin, host)), may, "{origin} at {host}");
        }
    }

    #[test]
    fn a_foreign_name_that_points_to_this_machine_is_not_its_own() {
        let origins = Origins::new(&[], true);
        assert!(!origins.allow(&headers("http://evil.example:7780", "evil.example:7780")));
        assert!(origins.allow(&headers("http://localhost:7780", "localhost:7780")));
        assert!(origins.allow(&headers("http://[::1]:7780", "[::1]:7780")));
        let other_port = headers("http://127.0.0.1:7780", "127.0.0.1:7781");
        assert!(!origins.allow(&other_port) && origins.allow_any_port("http://127.0.0.1:7780", &other_port));
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_and_listed_ones_are_answered() {
        let origins = Origins::new(&["https://play.example.org".to_owned()], true);
        for (host, is_own) in [
            ("localhost:7780", true),
            ("127.0.0.1:7780", true),
            ("192.0.2.7", true),
            ("[::1]:7780", true),
            ("Play.example.org", true),
            ("evil.example:7780", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(origins.is_host_own(&headers("", host)), is_own, "{host}");
        }
        assert!(origins.is_host_own(&HeaderMap::new()), "no browser leaves it out");
        assert!(Origins::new(&[], false).is_host_own(&headers("", "framekeep:7780")));
        let page = headers("https://play.example.org", "localhost");
        assert!(origins.listed(&page).is_some() && origins.listed(&headers("", "localhost")).is_none());
    }
}
