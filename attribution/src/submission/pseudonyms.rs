//! Names that say nothing, and are the same for the same name.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use super::SubmissionError;

/// The secret from which the pseudonyms of one submission come. It is never part of the package.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The salt of these random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`SubmissionError`] for anything else, which is not repeated.
    pub fn parse(text: &str) -> Result<Self, SubmissionError> {
        let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
        let bytes: Option<Vec<u8>> = digits.map(|digits| {
            let pairs = digits.chunks(2);
            pairs.filter_map(|pair| u8::try_from(pair[0] * 16 + pair.get(1)?).ok()).collect()
        });
        let bytes = bytes.filter(|_| text.len() == 64).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| SubmissionError::Key("a salt has 64 hexadecimal digits".to_owned()))
    }

    /// The digits that [`Salt::parse`] reads: for the operator's own file and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> String {
        hex(&self.0)
    }
}

/// Never shows it.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The names that are left as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clear {
    /// None.
    #[default]
    None,
    /// These.
    Named(BTreeSet<String>),
    /// Those of every service, repository, image and environment.
    All,
}

/// Makes pseudonyms: HMAC-SHA-256 under the salt, so that who does not hold it cannot try names out.
///
/// One text has one pseudonym whatever column it stands in, so that what belonged together still does. Hexadecimal ids stay
/// hexadecimal, of the same length, and a shortened one stays the beginning of the whole one: each digit is moved by
/// an amount that only the salt and the digits before it tell.
pub struct Pseudonyms {
    key: Hmac<Sha256>,
    clear: Clear,
    ids: HashMap<String, String>,
}

/// Digits that are moved one by one; those beyond are moved together, and no shortened id ends among them.
const SINGLE_DIGITS: usize = 16;

impl Pseudonyms {
    /// Those of a salt.
    #[must_use]
    pub fn new(salt: &Salt, clear: Clear) -> Self {
        // As long as a block of the hash.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&salt.0);
        let key = Hmac::new(&block.into());
        block.zeroize();
        Self { key, clear, ids: HashMap::new() }
    }

    fn digest(&self, domain: &str, text: &str) -> [u8; 32] {
        let mut mac = self.key.clone();
        mac.update(domain.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The name of a service, repository, image or environment.
    pub fn name(&mut self, text: &str) -> String {
        let is_clear = match &self.clear {
            Clear::None => false,
            Clear::Named(names) => names.contains(text),
            Clear::All => true,
        };
        if is_clear { text.to_owned() } else { self.id(text) }
    }

    /// An id or a hash, or a word that somebody chose. Nothing stays nothing.
    pub fn id(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        if let Some(known) = self.ids.get(text) {
            return known.clone();
        }
        let pseudonym = if is_hash(text) { self.moved(text) } else { self.word(text) };
        self.ids.insert(text.to_owned(), pseudonym.clone());
        pseudonym
    }

    /// A version: a hash keeps the name of its algorithm.
    pub fn version(&mut self, text: &str) -> String {
        match text.split_once(':') {
            Some((algorithm @ ("sha256" | "sha512"), digest)) => format!("{algorithm}:{}", self.id(digest)),
            // A colon tells a digest from a tag, so that none may come or go.
            Some((algorithm, rest)) => format!("{}:{}", self.id(algorithm), self.id(rest)),
            None => self.id(text),
        }
    }

    /// A part of a revision set, or an image: `name@version` or `name:tag`, each by itself.
    pub fn revision(&mut self, text: &str) -> String {
        if let Some((name, version)) = text.rsplit_once('@') {
            return format!("{}@{}", self.name(name), self.version(version));
        }
        match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => format!("{}:{}", self.name(name), self.id(tag)),
            _ => self.name(text),
        }
    }

    /// `n` and 80 bits: no hexadecimal id begins like that.
    fn word(&self, text: &str) -> String {
        format!("n{}", hex(&self.digest("word", text)[..10]))
    }

    fn moved(&self, text: &str) -> String {
        let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        let mut moved = String::with_capacity(digits.len());
        for (at, digit) in digits.iter().take(SINGLE_DIGITS).enumerate() {
            let by = u32::from(self.digest("digit", &text[..at])[0] & 15);
            moved.extend(char::from_digit(digit ^ by, 16));
        }
        if digits.len() > SINGLE_DIGITS {
            let by =
                [self.digest("rest", &text[..SINGLE_DIGITS]), self.digest("more", &text[..SINGLE_DIGITS])].concat();
            let rest = digits.iter().skip(SINGLE_DIGITS).zip(&by);
            moved.extend(rest.filter_map(|(digit, by)| char::from_digit(digit ^ u32::from(by & 15), 16)));
        }
        moved
    }
}

/// Whether a text is a hash or the beginning of one, and not a number that somebody counted.
fn is_hash(text: &str) -> bool {
    let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let has_letter = text.bytes().any(|byte| byte.is_ascii_lowercase());
    is_hexadecimal && (7..=64).contains(&text.len()) && (has_letter || text.len() >= 40)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text never fails");
        text
    })
}

#[cfg(test)]
mod tests;
