//! `agree`, what a client offers and what becomes of it (RFC 7692, section 5 and 7.1).

use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_EXTENSIONS;

/// Sizes of a window that can be kept, as powers of two. With eight bits the library has none.
const WINDOW_BITS: std::ops::RangeInclusive<u8> = 9..=15;

/// The window that is kept of what a client is told, unless it asks for a smaller one: it holds the last dozen views.
const WINDOW_BITS_KEPT: u8 = 12;

/// How messages are packed from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Agreed {
    /// The window of what the client is told, as a power of two.
    pub(in super::super) window_bits: u8,
}

impl Agreed {
    /// What the client is answered.
    pub(in super::super) fn answer(self) -> String {
        let bits = self.window_bits;
        format!("permessage-deflate; client_no_context_takeover; server_max_window_bits={bits}")
    }
}

/// The first offer that can be taken. One that is malformed, or asks for what cannot be, is declined as the RFC says:
/// as if it had not been made.
pub(in super::super) fn agree(headers: &HeaderMap) -> Option<Agreed> {
    let lists = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).find_map(accept)
}

/// Reads one offer.
fn accept(offer: &str) -> Option<Agreed> {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return None;
    }
    let mut agreed = Agreed { window_bits: WINDOW_BITS_KEPT };
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (part, None),
        };
        // No parameter may stand there twice.
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            // It would cost the server much for each message, and save the client little.
            ("server_no_context_takeover", None) => return None,
            // It is told to do so anyhow.
            ("client_no_context_takeover", None) | ("client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) => drop(window_bits(bits)?),
            ("server_max_window_bits", Some(bits)) => {
                let most = window_bits(bits).filter(|bits| WINDOW_BITS.contains(bits))?;
                agreed.window_bits = agreed.window_bits.min(most);
            }
            _ => return None,
        }
    }
    Some(agreed)
}

/// A size of a window, 8 to 15 without zeros before it, which may stand in quotes.
fn window_bits(text: &str) -> Option<u8> {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.unwrap_or(text);
    let is_number = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|bits| is_number && (8..=15).contains(bits))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn agreed(offers: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for offer in offers {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(offer).unwrap());
        }
        agree(&headers).map(Agreed::answer)
    }

    const PLAIN: &str = "permessage-deflate; client_no_context_takeover; server_max_window_bits=12";

    #[test]
    fn what_browsers_and_libraries_offer_is_taken() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=15 ;  client_no_context_takeover",
            "permessage-deflate; server_max_window_bits=\"15\"",
            "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        ] {
            assert_eq!(agreed(&[offer]).as_deref(), Some(PLAIN), "{offer}");
        }
        assert_eq!(
            agreed(&["soap", "permessage-deflate"]).as_deref(),
            Some(PLAIN),
            "two headers are one list"
        );
    }

    #[test]
    fn what_a_client_asks_for_is_kept_to() {
        let small = agreed(&["permessage-deflate; server_max_window_bits=9"]).unwrap();
        assert!(small.ends_with("=9"), "{small}");
        // The first one that can be had counts.
        for first in ["server_max_window_bits=8", "server_no_context_takeover"] {
            let offer = format!("permessage-deflate; {first}, permessage-deflate");
            assert_eq!(agreed(&[&offer]).as_deref(), Some(PLAIN), "{offer}");
        }
    }

    #[test]
    fn malformed_offers_and_those_that_cannot_be_met_are_declined() {
        for offer in [
            "",
            ";",
            "permessage-bzip2",
            "permessage-deflate; xyzzy",
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=\"\"",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=256",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=99999999999999999999",
            "permessage-deflate;",
            "permessage-deflate; =",
        ] {
            assert_eq!(agreed(&[offer]), None, "{offer}");
        }
        assert_eq!(agreed(&[]), None);
    }
}
