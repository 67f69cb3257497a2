//! `Address`, where Redis is.

use core::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

/// Where sentinels listen if nothing else is said.
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is: one server, the sentinels that know which one it is, or some servers of a Redis Cluster.
#[derive(Clone)]
pub enum Address {
    /// `redis://user:password@host:port/database`.
    One(ConnectionInfo),
    /// `redis+sentinel://user:password@host:port,host:port/service/database?sentinel_user=U&sentinel_password=P`; user,
    /// password and database before the `?` are those of the servers.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<ConnectionInfo>,
        /// The name of the service.
        service: String,
        /// How its servers are entered.
        server: RedisConnectionInfo,
    },
    /// `redis://user:password@host:port,redis://user:password@host:port`, two at least.
    Cluster(Vec<ConnectionInfo>),
}

/// What is no address of a Redis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// An encrypted connection is wanted.
    #[error(
        "{url:?} wants TLS, which this program does not speak to Redis: use redis:// on a network of your own, or \
         through a tunnel such as stunnel"
    )]
    Tls {
        /// What was given, without a password.
        url: String,
    },
    /// No address that is known.
    #[error(
        "{url:?} is no address of a Redis: {why}.\nUse redis://HOST:PORT, \
         redis+sentinel://HOST:PORT,HOST:PORT/SERVICE, or several redis://HOST:PORT separated by commas for a Redis \
         Cluster"
    )]
    Malformed {
        /// What was given, without a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Address {
    /// The address of that text.
    ///
    /// # Errors
    /// [`AddressFault`] if it is none.
    pub fn parse(url: &str) -> Result<Self, AddressFault> {
        let fault = |why: String| AddressFault::Malformed { url: without_password(url), why };
        let is_tls =
            |one: &str| ["rediss:", "valkeys:", "rediss+"].iter().any(|tls| one.trim().starts_with(tls));
        if url.split(',').any(is_tls) {
            return Err(AddressFault::Tls { url: without_password(url) });
        }
        let info = |one: &str| one.trim().into_connection_info().map_err(|error| fault(error.to_string()));
        if let Some(rest) = url.strip_prefix("redis+sentinel://") {
            let (rest, asked) = rest.split_once('?').unwrap_or((rest, ""));
            let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
            let (mut user, mut password) = ("", "");
            for pair in asked.split('&').filter(|pair| !pair.is_empty()) {
                match pair.split_once('=') {
                    Some(("sentinel_user", text)) => user = text,
                    Some(("sentinel_password", text)) => password = text,
                    _ => return Err(fault("only sentinel_user and sentinel_password may follow a ?".into())),
                }
            }
            let own = if password.is_empty() { String::new() } else { format!("{user}:{password}@") };
            let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (service, database) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return Err(fault("it names no service".into()));
            }
            let with_port = |host: &str| match host.rsplit_once(':') {
                Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
                _ => format!("{host}:{SENTINEL_PORT}"),
            };
            let sentinels =
                hosts.split(',').map(|host| info(&format!("redis://{own}{}", with_port(host.trim()))));
            let at = if login.is_empty() { "" } else { "@" };
            let server = info(&format!("redis://{login}{at}server/{database}"))?;
            return Ok(Self::Sentinel {
                sentinels: sentinels.collect::<Result<_, _>>()?,
                service: service.to_owned(),
                server: server.redis_settings().clone(),
            });
        }
        let mut all: Vec<_> = url.split(',').map(info).collect::<Result<_, _>>()?;
        if all.len() > 1 {
            return Ok(Self::Cluster(all));
        }
        all.pop().map(Self::One).ok_or_else(|| fault("it is empty".into()))
    }
}

impl fmt::Debug for Address {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(info) => write!(f, "{}", info.addr()),
            Self::Sentinel { sentinels, service, .. } => {
                write!(f, "{} sentinels of {service}", sentinels.len())
            }
            Self::Cluster(nodes) => write!(f, "{} servers of a cluster", nodes.len()),
        }
    }
}

/// The text with `***` instead of whatever stands between `://` and `@`.
#[must_use]
pub fn without_password(url: &str) -> String {
    let hidden = url.split(',').map(|one| match (one.find("://"), one.rfind('@')) {
        (Some(from), Some(to)) if from + 3 < to => format!("{}***{}", &one[..from + 3], &one[to..]),
        _ => one.to_owned(),
    });
    let hidden = hidden.collect::<Vec<_>>().join(",");
    match hidden.split_once("_password=") {
        Some((before, _)) => format!("{before}_password=***"),
        None => hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_sentinels_and_a_cluster_are_told_apart() {
        let of = |url: &str| format!("{:?}", Address::parse(url).unwrap());
        assert_eq!(of("redis://127.0.0.1:6379"), "127.0.0.1:6379");
        assert_eq!(of("redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/games"), "2 sentinels of games");
        assert_eq!(of("redis://10.0.0.1:7000,redis://10.0.0.2:7000"), "2 servers of a cluster");
    }

    #[test]
    fn user_password_and_database_behind_sentinels_are_those_of_the_servers() {
        let url = "redis+sentinel://ada:secret@10.0.0.1:26379,10.0.0.2:26379/games/3";
        let Address::Sentinel { sentinels, service, server } = Address::parse(url).unwrap() else { panic!() };
        assert_eq!((service.as_str(), server.db(), server.username()), ("games", 3, Some("ada")));
        assert_eq!(server.password(), Some("secret"));
        let Address::Sentinel { sentinels: by_default, .. } = Address::parse("redis+sentinel://a/g").unwrap()
        else {
            panic!()
        };
        assert_eq!(by_default[0].addr().to_string(), "a:26379");
        assert!(
            sentinels.len() == 2 && sentinels.iter().all(|one| one.redis_settings().password().is_none())
        );
        assert!(Address::parse("redis+sentinel://10.0.0.1:26379/games/three").is_err());
    }

    #[test]
    fn sentinels_have_a_login_of_their_own_after_the_question_mark() {
        let url = "redis+sentinel://ada:secret@10.0.0.1,10.0.0.2:1/games/3?sentinel_user=eve&sentinel_password=a%20b";
        let Address::Sentinel { sentinels, server, .. } = Address::parse(url).unwrap() else { panic!() };
        assert_eq!((server.username(), server.password()), (Some("ada"), Some("secret")));
        for one in &sentinels {
            let login = one.redis_settings();
            assert_eq!((login.username(), login.password()), (Some("eve"), Some("a b")));
        }
        let fault =
            Address::parse("redis+sentinel://a/g?tls=1&sentinel_password=secret").unwrap_err().to_string();
        assert!(fault.contains("sentinel_user") && !fault.contains("secret"), "{fault}");
    }

    #[test]
    fn a_redis_that_is_to_be_spoken_to_over_tls_is_refused_as_such() {
        for url in ["rediss://ada:secret@host:1", "redis://a:1,rediss://b:2", "rediss+sentinel://a:1/games"] {
            let fault = Address::parse(url).unwrap_err();
            assert!(
                matches!(fault, AddressFault::Tls { .. }) && !fault.to_string().contains("secret"),
                "{fault}"
            );
        }
    }

    #[test]
    fn what_is_none_is_named_without_its_password() {
        for url in ["", "redis+sentinel://host:1", "redis+sentinel://host:1/", "http://user:secret@host:1"] {
            let fault = Address::parse(url).unwrap_err().to_string();
            assert!(fault.contains("no address of a Redis") && !fault.contains("secret"), "{fault}");
        }
    }
}
