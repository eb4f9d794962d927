//! What a signature is worth to a board.

use lake::Instant;

use super::registry::Registry;
use super::signature::{NAMESPACE, PublicKey, Signature};
use super::{Package, SIGNATURE};

/// What a signature is worth.
///
/// A signature carries no time that anybody could check. Of a key or an operator that was revoked, only what the board
/// itself has recorded as received before the revocation still stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Unsigned,
    /// It is damaged, for something else, or not of these contents.
    Broken(String),
    /// It is whole, and there is no registry to say whose it is.
    Unjudged(PublicKey),
    /// The registry knows no such operator.
    UnknownOperator,
    /// The registry knows no such key.
    UnknownKey(PublicKey),
    /// It is by the key of somebody else.
    Foreign {
        /// Whose key it is.
        owner: String,
    },
    /// The key or the operator was revoked before the board received the submission, or nobody knows which came first.
    Revoked {
        /// When.
        at: Instant,
        /// Why.
        reason: String,
    },
    /// It is by a key of the operator.
    Good(PublicKey),
}

impl Standing {
    /// What the signature of a package is worth.
    #[must_use]
    pub fn of(package: &Package, operator: &str, registry: Option<&Registry>) -> Self {
        let Some(armoured) = package.file(SIGNATURE) else { return Self::Unsigned };
        let signature = Signature::parse(&String::from_utf8_lossy(armoured));
        let key = signature.and_then(|signature| signature.verified(NAMESPACE, package.contents()).cloned());
        match key {
            Ok(key) => match registry {
                Some(registry) => Self::by(key, operator, &package.digest(), registry),
                None => Self::Unjudged(key),
            },
            Err(error) => Self::Broken(error.to_string()),
        }
    }

    /// What a whole signature by `key` is worth to the registry.
    pub(crate) fn by(key: PublicKey, operator: &str, digest: &str, registry: &Registry) -> Self {
        let Some(known) = registry.operator(operator) else { return Self::UnknownOperator };
        let Some((owner, own)) = registry.owner(&key) else { return Self::UnknownKey(key) };
        if owner.id != known.id {
            return Self::Foreign { owner: owner.id.clone() };
        }
        let by_key = own.revoked_at.map(|at| (at, own.revoked_reason.as_ref()));
        let by_operator = owner.revoked_at.map(|at| (at, owner.revoked_reason.as_ref()));
        let first = by_key.into_iter().chain(by_operator).min_by_key(|(at, _)| *at);
        if let Some((at, reason)) = first
            && registry.received_at(digest).is_none_or(|received| received >= at)
        {
            let reason = reason.map_or_else(|| "no reason is given".to_owned(), Clone::clone);
            return Self::Revoked { at, reason };
        }
        Self::Good(key)
    }

    /// Whether it is by the operator, and the board says so.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good(_))
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unsigned => "it is not signed".to_owned(),
            Self::Broken(why) => why.clone(),
            Self::Unjudged(key) => {
                format!("it is signed by {}, and without a registry nobody knows whose key that is", key.fingerprint())
            }
            Self::UnknownOperator => "the registry knows no such operator".to_owned(),
            Self::UnknownKey(key) => {
                format!("it is signed by {}, a key that the registry does not know", key.fingerprint())
            }
            Self::Foreign { owner } => format!("it is signed by a key of another operator, `{owner}`"),
            Self::Revoked { at, reason } => format!(
                "its key or operator was revoked at {at} ({reason}), and the board did not receive it before; a signature \
                 has no time of its own"
            ),
            Self::Good(key) => format!("it is signed by {}, a key of the operator", key.fingerprint()),
        }
    }
}

#[cfg(test)]
mod tests;
