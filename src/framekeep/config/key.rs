//! `Key`, one entry of the table of keys, and the values it admits.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use framekeep_cluster::Address;
use framekeep_gateway::is_network;

/// One key of the configuration: `section.name`, what it means and what it admits.
#[derive(Debug)]
pub struct Key {
    /// The TOML table the key is in.
    pub section: &'static str,
    /// The name within the section; ends with its unit where it has one.
    pub name: &'static str,
    /// What a run without any configuration uses.
    pub default: Value,
    /// The values that are accepted.
    pub allowed: Allowed,
    /// The unit of a number, empty where there is none.
    pub unit: &'static str,
    /// What the key means, one line each.
    pub doc: &'static [&'static str],
    /// What an unwise value does.
    pub wrong: &'static str,
}

/// A value that passed [`Key::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Integer(i64),
    /// Everything else.
    Text(Cow<'static, str>),
}

/// A value as some layer wrote it, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A TOML integer.
    Integer(i64),
    /// A TOML string.
    Text(String),
    /// Text of an environment variable or a flag, which does not say what type it has.
    Bare(String),
    /// A TOML array of strings.
    List(Vec<String>),
    /// A TOML value of a type that no key has: its type and its text.
    Other(&'static str),
}

/// The values a key accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A whole number from the first to the second, both included.
    Integer(i64, i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An IP address and a port.
    Address,
    /// An IP address and a port, or `off`.
    AddressOrOff,
    /// Any number of origins of web pages: a list, or one text with commas.
    Origins,
    /// Any number of IP addresses and networks: a list, or one text with commas.
    Networks,
    /// `http://HOST[:PORT]/PATH`, or empty for none.
    WebhookOrEmpty,
    /// Any number of addresses that can be connected to: a list, or one text with commas.
    Addresses,
    /// 1 to 64 bytes without control characters.
    Name,
    /// The same, or empty for none.
    NameOrEmpty,
    /// `http://HOST[:PORT]` or `https://HOST[:PORT]`, or empty for none.
    UrlOrEmpty,
    /// One or more addresses of Redis, or empty for none.
    RedisUrls,
    /// Other nodes, each as `NAME=HOST:PORT`, separated by commas; empty for none.
    Peers,
    /// The path of a file or folder.
    Path,
    /// The path of a file or folder, or empty for none.
    PathOrEmpty,
    /// A level, or filter directives of `tracing-subscriber`, each with its level.
    LogFilter,
}

impl Key {
    /// The name in messages: `section.name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets this key.
    #[must_use]
    pub fn env_name(&self) -> String {
        format!("FRAMEKEEP__{}__{}", self.section.to_uppercase(), self.name.to_uppercase())
    }

    /// The value, when this key accepts it.
    #[must_use]
    pub fn check(&self, literal: &Literal) -> Option<Value> {
        match self.allowed {
            Allowed::Integer(min, max) => {
                let number = match literal {
                    Literal::Integer(number) => *number,
                    Literal::Bare(text) => text.trim().parse().ok()?,
                    Literal::Text(_) | Literal::List(_) | Literal::Other(_) => return None,
                };
                (min..=max).contains(&number).then_some(Value::Integer(number))
            }
            _ => match literal {
                Literal::Text(text) | Literal::Bare(text) => {
                    self.allowed.accepts(text).then(|| Value::Text(Cow::Owned(text.clone())))
                }
                Literal::List(parts)
                    if matches!(self.allowed, Allowed::Addresses | Allowed::Networks | Allowed::Origins) =>
                {
                    let text = parts.join(",");
                    self.allowed.accepts(&text).then_some(Value::Text(Cow::Owned(text)))
                }
                Literal::Integer(_) | Literal::List(_) | Literal::Other(_) => None,
            },
        }
    }
}

impl Allowed {
    fn accepts(&self, text: &str) -> bool {
        match self {
            Allowed::Integer(..) => false,
            Allowed::OneOf(words) => words.contains(&text),
            Allowed::Address => text.parse::<SocketAddr>().is_ok(),
            Allowed::AddressOrOff => text == "off" || text.parse::<SocketAddr>().is_ok(),
            Allowed::Origins => text.split(',').map(str::trim).all(|part| part.is_empty() || is_origin(part)),
            Allowed::Networks => {
                text.split(',').map(str::trim).all(|part| part.is_empty() || is_network(part))
            }
            // Names and passwords would be shown with the configuration.
            Allowed::WebhookOrEmpty => {
                text.is_empty() || text.starts_with("http://") && !text.contains([' ', '@'])
            }
            Allowed::Addresses => {
                text.split(',').map(str::trim).all(|part| part.is_empty() || is_reachable(part))
            }
            Allowed::Name => (1..=64).contains(&text.len()) && !text.contains(char::is_control),
            Allowed::NameOrEmpty => text.is_empty() || Allowed::Name.accepts(text),
            Allowed::UrlOrEmpty => text.is_empty() || is_origin(text),
            // A password would be shown with the configuration.
            Allowed::RedisUrls => text.is_empty() || !text.contains('@') && Address::parse(text).is_ok(),
            Allowed::Peers => {
                text.split(',').map(str::trim).all(|part| part.is_empty() || peer(part).is_some())
            }
            Allowed::Path => !text.is_empty() && !text.contains('\0'),
            Allowed::PathOrEmpty => !text.contains('\0'),
            Allowed::LogFilter => {
                let part_is_ok = |part: &str| part.contains(['=', '[']) || LEVELS.contains(&part);
                text.to_ascii_lowercase().split(',').map(str::trim).all(part_is_ok)
                    && tracing_subscriber::EnvFilter::try_new(text).is_ok()
            }
        }
    }

    /// The accepted word that is most like the text, if any is much like it.
    pub(super) fn closest(&self, text: &str) -> Option<&'static str> {
        let words = match *self {
            Allowed::OneOf(words) => words,
            Allowed::LogFilter => LEVELS,
            _ => return None,
        };
        let text = text.trim().to_lowercase();
        words
            .iter()
            .map(|word| (strsim::normalized_damerau_levenshtein(word, &text), *word))
            .filter(|(likeness, _)| *likeness >= 0.5)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, word)| word)
    }
}

/// What a directive of a log filter may be alone. A bare module name is a directive too for `tracing-subscriber`, and
/// so is every misspelt level.
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Whether the text is the origin of web pages: scheme, host and perhaps a port.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '*', '@']))
}

/// Whether the text is an address that somebody can connect to.
fn is_reachable(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_unspecified() && address.port() > 0)
}

impl Value {
    pub(crate) const fn text(text: &'static str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl fmt::Display for Value {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{}", toml::Value::String(text.to_string())),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Integer(number) => write!(f, "{number}"),
            Literal::Text(text) => write!(f, "{text:?}"),
            Literal::Bare(text) => write!(f, "{text}"),
            Literal::List(parts) => write!(f, "{parts:?}"),
            Literal::Other(kind) => write!(f, "(a TOML {kind})"),
        }
    }
}

/// One of [`Allowed::Peers`]: a node's name and where its peers reach it.
pub(crate) fn peer(part: &str) -> Option<(&str, SocketAddr)> {
    let (name, address) = part.split_once('=')?;
    let name = name.trim();
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    ((1..=64).contains(&name.len()) && is_plain).then_some((name, address.trim().parse().ok()?))
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Integer(min, max) => write!(f, "a whole number from {min} to {max}"),
            Allowed::OneOf([word]) => write!(f, "{word:?}, the only choice"),
            Allowed::OneOf(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
                write!(f, "one of {}", quoted.join(", "))
            }
            Allowed::Address => {
                write!(f, "an IP address and a port, such as \"127.0.0.1:7770\" or \"[::1]:7770\"")
            }
            Allowed::AddressOrOff => {
                write!(f, "an IP address and a port, such as \"127.0.0.1:7780\", or \"off\"")
            }
            Allowed::Origins => {
                write!(f, "origins of web pages, such as [\"https://play.example.org\"]; empty for none")
            }
            Allowed::Networks => {
                write!(f, "addresses and networks, such as [\"127.0.0.1\", \"10.0.0.0/8\"]; empty for none")
            }
            Allowed::WebhookOrEmpty => {
                write!(f, "an address such as \"http://127.0.0.1:9000/alerts\"; empty for none")
            }
            Allowed::Addresses => {
                write!(
                    f,
                    "addresses that clients can connect to, such as [\"192.0.2.7:7770\", \"[2001:db8::7]:7770\"] or \
                     \"192.0.2.7:7770, 192.0.2.8:7770\"; empty for none"
                )
            }
            Allowed::Name => write!(f, "1 to 64 bytes without control characters"),
            Allowed::NameOrEmpty => write!(f, "at most 64 bytes without control characters"),
            Allowed::UrlOrEmpty => write!(f, "a URL such as \"https://eu1.example.org\"; empty for none"),
            Allowed::RedisUrls => {
                write!(
                    f,
                    "redis://HOST:PORT, redis+sentinel://HOST:PORT,HOST:PORT/SERVICE, or several redis://HOST:PORT \
                     separated by commas, without a password; empty for none"
                )
            }
            Allowed::Peers => {
                write!(f, "other nodes, such as \"eu2=10.0.0.2:7790, eu3=10.0.0.3:7790\"; empty for none")
            }
            Allowed::Path => write!(f, "a path, relative to the folder the server is started in"),
            Allowed::PathOrEmpty => {
                write!(f, "a path, relative to the folder the server is started in; empty for none")
            }
            Allowed::LogFilter => {
                write!(
                    f,
                    "off, error, warn, info, debug, trace, or directives such as \"info,framekeep_server=debug\""
                )
            }
        }
    }
}
