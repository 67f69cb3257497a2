//! The hand-shake: both ends compare versions and prove that they have the cluster's secret.
//!
//! ```text
//! near                                    far
//!   Hello { versions, node, nonce }  ──►
//!                                    ◄──  Challenge { versions, node, nonce, proof }
//!   Proof                            ──►
//!                                    ◄──  Welcome
//! ```
//!
//! A proof is the HMAC-SHA-256 under the secret of who proves and everything that both have said. What follows is
//! neither sealed nor signed: the connection belongs into a network of the nodes' own.

use framekeep_protocol::{PROTOCOL_VERSION, decode, encode};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::limits::GREETING_BYTES_MAX;
use crate::wire::{RELAY_VERSION, framed};
use crate::{PeerId, RelaySecret};

/// What an end says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The version of the frames.
    pub relay_version: u16,
    /// The version of the messages within them.
    pub protocol_version: u16,
    /// Who it is.
    pub node: u64,
    /// Random.
    pub nonce: [u8; 16],
}

impl Name {
    /// What this build says of itself.
    #[must_use]
    pub const fn of(node: PeerId, nonce: [u8; 16]) -> Self {
        Self { relay_version: RELAY_VERSION, protocol_version: PROTOCOL_VERSION, node: node.0, nonce }
    }
}

/// A message of the hand-shake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Greeting {
    /// The near end's first word.
    Hello(Name),
    /// The far end's answer, with its proof.
    Challenge(Name, [u8; 32]),
    /// The near end's proof.
    Proof([u8; 32]),
    /// The near end is believed.
    Welcome,
    /// It is not.
    Refused(GreetingFault),
}

/// Why two nodes do not talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum GreetingFault {
    /// The ends are of different builds.
    #[error(
        "the other node speaks relay version {relay} with protocol version {protocol}, this one {RELAY_VERSION} with \
         {PROTOCOL_VERSION}: use builds that match"
    )]
    Versions {
        /// The other's version of the frames.
        relay: u16,
        /// The other's version of the messages.
        protocol: u16,
    },
    /// The proof is wrong.
    #[error(
        "the other node does not have this cluster's secret: give all nodes the same cluster.secret_file"
    )]
    Secret,
    /// Another node answers at the address.
    #[error("node {0:016x} answers at the address: the one that was there is gone")]
    Stranger(u64),
    /// What was said is no hand-shake.
    #[error("what answers at the address is no node of this cluster")]
    Malformed,
}

impl Greeting {
    /// The message as a frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        framed(&encode(self))
    }

    /// Reads the body of a frame.
    ///
    /// # Errors
    /// [`GreetingFault::Malformed`].
    pub fn decode(body: &[u8]) -> Result<Self, GreetingFault> {
        decode(body, GREETING_BYTES_MAX).map_err(|_| GreetingFault::Malformed)
    }
}

fn mac(secret: &RelaySecret, end: u8, near: &Name, far: &Name) -> Hmac<Sha256> {
    let mut mac = secret.mac();
    mac.update(b"framekeep relay");
    mac.update(&[end]);
    for name in [near, far] {
        mac.update(&name.relay_version.to_le_bytes());
        mac.update(&name.protocol_version.to_le_bytes());
        mac.update(&name.node.to_le_bytes());
        mac.update(&name.nonce);
    }
    mac
}

const NEAR: u8 = 0;
const FAR: u8 = 1;

fn proof(secret: &RelaySecret, end: u8, near: &Name, far: &Name) -> [u8; 32] {
    mac(secret, end, near, far).finalize().into_bytes().into()
}

fn is_proven(secret: &RelaySecret, end: u8, near: &Name, far: &Name, given: &[u8; 32]) -> bool {
    mac(secret, end, near, far).verify_slice(given).is_ok()
}

fn compare(name: &Name) -> Result<(), GreetingFault> {
    if name.relay_version == RELAY_VERSION && name.protocol_version == PROTOCOL_VERSION {
        return Ok(());
    }
    Err(GreetingFault::Versions { relay: name.relay_version, protocol: name.protocol_version })
}

/// The near end answers a challenge of the node it wants to talk to.
///
/// # Errors
/// [`GreetingFault`] if the other is another, of another build, or does not have the secret.
pub fn answer(
    secret: &RelaySecret,
    own: &Name,
    wanted: PeerId,
    greeting: &Greeting,
) -> Result<Greeting, GreetingFault> {
    let (far, given) = match greeting {
        Greeting::Challenge(far, given) => (far, given),
        Greeting::Refused(fault) => return Err(fault.clone()),
        _ => return Err(GreetingFault::Malformed),
    };
    compare(far)?;
    if !is_proven(secret, FAR, own, far, given) {
        return Err(GreetingFault::Secret);
    }
    if far.node != wanted.0 {
        return Err(GreetingFault::Stranger(far.node));
    }
    Ok(Greeting::Proof(proof(secret, NEAR, own, far)))
}

/// The far end answers the first word; gives who says it is there.
///
/// # Errors
/// [`GreetingFault`] if it is no first word, or of another build.
pub fn challenge(
    secret: &RelaySecret,
    own: &Name,
    greeting: &Greeting,
) -> Result<(Name, Greeting), GreetingFault> {
    let Greeting::Hello(near) = greeting else { return Err(GreetingFault::Malformed) };
    compare(near)?;
    Ok((*near, Greeting::Challenge(*own, proof(secret, FAR, near, own))))
}

/// The far end checks the proof.
///
/// # Errors
/// [`GreetingFault`] if it is none, or wrong.
pub fn believe(
    secret: &RelaySecret,
    own: &Name,
    near: &Name,
    greeting: &Greeting,
) -> Result<(), GreetingFault> {
    let Greeting::Proof(given) = greeting else { return Err(GreetingFault::Malformed) };
    if is_proven(secret, NEAR, near, own, given) { Ok(()) } else { Err(GreetingFault::Secret) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR_NAME: Name = Name::of(PeerId(7), [1; 16]);
    const FAR_NAME: Name = Name::of(PeerId(9), [2; 16]);

    fn secret(text: &str) -> RelaySecret {
        RelaySecret::new(text.as_bytes())
    }

    #[test]
    fn both_ends_prove_that_they_have_the_secret() {
        let secret = secret("a secret of the cluster");
        let (near, asked) = challenge(&secret, &FAR_NAME, &Greeting::Hello(NEAR_NAME)).unwrap();
        assert_eq!(near, NEAR_NAME);
        let proof = answer(&secret, &NEAR_NAME, PeerId(9), &asked).unwrap();
        assert_eq!(believe(&secret, &FAR_NAME, &near, &proof), Ok(()));
        // Neither proof is the other's, nor good for another connection.
        let Greeting::Challenge(_, given) = asked.clone() else { panic!("{asked:?}") };
        let turned = believe(&secret, &FAR_NAME, &near, &Greeting::Proof(given));
        assert_eq!(turned, Err(GreetingFault::Secret));
        let later = Name { nonce: [3; 16], ..FAR_NAME };
        assert_eq!(believe(&secret, &later, &near, &proof), Err(GreetingFault::Secret));
    }

    #[test]
    fn whoever_lacks_the_secret_is_of_another_build_or_another_node_is_refused() {
        let (ours, other) = (secret("a secret of the cluster"), secret("a secret of another one"));
        let hello = Greeting::Hello(NEAR_NAME);
        let (_, asked) = challenge(&other, &FAR_NAME, &hello).unwrap();
        assert_eq!(answer(&ours, &NEAR_NAME, PeerId(9), &asked), Err(GreetingFault::Secret));
        let (_, asked) = challenge(&ours, &FAR_NAME, &hello).unwrap();
        assert_eq!(answer(&ours, &NEAR_NAME, PeerId(8), &asked), Err(GreetingFault::Stranger(9)));
        let old = Name { relay_version: 0, ..NEAR_NAME };
        let fault = challenge(&ours, &FAR_NAME, &Greeting::Hello(old)).unwrap_err();
        assert_eq!(fault, GreetingFault::Versions { relay: 0, protocol: PROTOCOL_VERSION });
        let refused = Greeting::Refused(fault.clone());
        assert_eq!(answer(&ours, &NEAR_NAME, PeerId(9), &refused), Err(fault));
        assert_eq!(challenge(&ours, &FAR_NAME, &Greeting::Welcome), Err(GreetingFault::Malformed));
        assert_eq!(Greeting::decode(&[9, 9]), Err(GreetingFault::Malformed));
        assert_eq!(Greeting::decode(&hello.frame()[4..]), Ok(hello));
    }
}
