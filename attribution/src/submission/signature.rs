//! Signatures as `ssh-keygen -Y sign` makes and `ssh-keygen -Y verify` checks them.
//!
//! The form is that of OpenSSH's `PROTOCOL.sshsig`. Keys of Ed25519, P-256, P-384 and RSA are verified; we sign with
//! Ed25519 keys that are not encrypted. With any other key `ssh-keygen` itself makes a signature that we read.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use super::SubmissionError;

/// What a signature of a submission is for.
pub const NAMESPACE: &str = "doracle-submission";
/// What a signature of a withdrawal is for.
pub const WITHDRAWAL_NAMESPACE: &str = "doracle-withdrawal";

const MAGIC: &[u8] = b"SSHSIG";
const ED25519_NAME: &[u8] = b"ssh-ed25519";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// What `ssh-keygen` breaks lines at.
const LINE: usize = 70;

fn wrong(what: impl Into<String>) -> SubmissionError {
    SubmissionError::Key(what.into())
}

/// A public key, in the form of the wire.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a line such as `ssh-ed25519 AAAA… comment`.
    ///
    /// # Errors
    /// [`SubmissionError::Key`] where it is none.
    pub fn parse(line: &str) -> Result<Self, SubmissionError> {
        let mut words = line.split_whitespace();
        let (name, content) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let content = STANDARD.decode(content).map_err(|error| wrong(format!("a public key is no base64: {error}")))?;
        let key = Self(content);
        if key.name().map(<[u8]>::to_vec) != Some(name.as_bytes().to_vec()) {
            return Err(wrong(format!("a public key is a line such as `ssh-ed25519 AAAA…`, and not `{name}`")));
        }
        Ok(key)
    }

    fn name(&self) -> Option<&[u8]> {
        text(&mut &*self.0)
    }

    /// The line that [`PublicKey::parse`] reads.
    #[must_use]
    pub fn line(&self) -> String {
        let name = self.name().map_or_else(String::new, |name| String::from_utf8_lossy(name).into_owned());
        format!("{name} {}", STANDARD.encode(&self.0))
    }

    /// Its fingerprint, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD.encode(Sha256::digest(&self.0)).trim_end_matches('='))
    }

    /// Whether `signature` is of `message` by this key.
    fn is_of(&self, algorithm: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
        let rest = &mut &*self.0;
        let name = text(rest)?;
        let is_of = match (name, algorithm) {
            (ED25519_NAME, ED25519_NAME) => UnparsedPublicKey::new(&ED25519, text(rest)?).verify(message, signature),
            (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256") => {
                let (_curve, point) = (text(rest)?, text(rest)?);
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &fixed(signature, 32)?)
            }
            (b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp384") => {
                let (_curve, point) = (text(rest)?, text(rest)?);
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, &fixed(signature, 48)?)
            }
            (b"ssh-rsa", b"rsa-sha2-256" | b"rsa-sha2-512") => {
                let (e, n) = (without_zeros(text(rest)?), without_zeros(text(rest)?));
                let by =
                    if algorithm.ends_with(b"256") { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA512 };
                RsaPublicKeyComponents { n, e }.verify(by, message, signature)
            }
            _ => return None,
        };
        Some(is_of.is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// A private key that signs. It is shown nowhere, and wiped when it is dropped.
pub struct PrivateKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public.fingerprint())
    }
}

impl PrivateKey {
    /// Reads an OpenSSH private key.
    ///
    /// # Errors
    /// [`SubmissionError::Key`] where it is encrypted, of another kind, or no key; what it holds is not repeated.
    pub fn parse(pem: &str) -> Result<Self, SubmissionError> {
        const NONE: &[u8] = b"none";
        let inner = pem.trim().strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----");
        let inner = inner.and_then(|inner| inner.strip_suffix("-----END OPENSSH PRIVATE KEY-----"));
        let inner = inner.ok_or_else(|| wrong("the file is no OpenSSH private key"))?;
        let packed = Zeroizing::new(inner.split_whitespace().collect::<String>());
        // The error would tell of the content.
        let content = Zeroizing::new(STANDARD.decode(packed.as_bytes()).ok().ok_or_else(damaged)?);
        let rest = &mut content.strip_prefix(b"openssh-key-v1\0").ok_or_else(damaged)?;
        let (cipher, _kdf, _options) = (text(rest), text(rest), text(rest));
        if cipher.ok_or_else(damaged)? != NONE {
            return Err(wrong("the key is encrypted, and `ssh-keygen` alone asks for its passphrase"));
        }
        let (count, _public) = (number(rest), text(rest));
        let inner = &mut text(rest).filter(|_| count == Some(1)).ok_or_else(damaged)?;
        let checks = (number(inner), number(inner));
        if checks.0.is_none() || checks.0 != checks.1 {
            return Err(damaged());
        }
        if text(inner).ok_or_else(damaged)? != ED25519_NAME {
            return Err(wrong("the key is no Ed25519 key, and only these sign here"));
        }
        let (public, both) = (text(inner).ok_or_else(damaged)?, text(inner).ok_or_else(damaged)?);
        let seed = both.get(..32).ok_or_else(damaged)?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).ok().ok_or_else(damaged)?;
        let mut wire = Vec::new();
        put(&mut wire, ED25519_NAME);
        put(&mut wire, public);
        Ok(Self { pair, public: PublicKey(wire) })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs for one purpose.
    #[must_use]
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Signature {
        let signed = signed(namespace, b"sha512", &Sha512::digest(message));
        Signature {
            key: self.public.clone(),
            namespace: namespace.to_owned(),
            hash: "sha512".to_owned(),
            algorithm: ED25519_NAME.to_vec(),
            bytes: self.pair.sign(&signed).as_ref().to_vec(),
        }
    }
}

fn damaged() -> SubmissionError {
    wrong("the file is no OpenSSH private key that is whole")
}

/// A signature with the key that made it, which is nobody's until a registry says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    key: PublicKey,
    namespace: String,
    hash: String,
    algorithm: Vec<u8>,
    bytes: Vec<u8>,
}

impl Signature {
    /// Reads an armoured signature.
    ///
    /// # Errors
    /// [`SubmissionError::Key`] where it is none.
    pub fn parse(armoured: &str) -> Result<Self, SubmissionError> {
        let inner = armoured.trim().strip_prefix(BEGIN).and_then(|inner| inner.strip_suffix(END));
        let inner = inner.ok_or_else(|| wrong("the signature is not one of `ssh-keygen -Y sign`"))?;
        let packed: String = inner.split_whitespace().collect();
        let content = STANDARD.decode(packed).map_err(|error| wrong(format!("the signature is no base64: {error}")))?;
        Self::from_wire(&content).ok_or_else(|| wrong("the signature is damaged"))
    }

    fn from_wire(content: &[u8]) -> Option<Self> {
        let rest = &mut content.strip_prefix(MAGIC)?;
        if number(rest)? != 1 {
            return None;
        }
        let (key, namespace, _reserved, hash) = (text(rest)?, text(rest)?, text(rest)?, text(rest)?);
        let blob = &mut text(rest)?;
        let (algorithm, signature) = (text(blob)?, text(blob)?);
        let is_all = rest.is_empty() && blob.is_empty();
        let words = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        is_all.then_some(Self {
            key: PublicKey(key.to_vec()),
            namespace: words(namespace)?,
            hash: words(hash)?,
            algorithm: algorithm.to_vec(),
            bytes: signature.to_vec(),
        })
    }

    /// As [`Signature::parse`] reads it, and `ssh-keygen -Y verify` too.
    #[must_use]
    pub fn armoured(&self) -> String {
        let mut wire = MAGIC.to_vec();
        wire.extend_from_slice(&1_u32.to_be_bytes());
        for part in [&self.key.0, self.namespace.as_bytes(), b"", self.hash.as_bytes()] {
            put(&mut wire, part);
        }
        let mut blob = Vec::new();
        put(&mut blob, &self.algorithm);
        put(&mut blob, &self.bytes);
        put(&mut wire, &blob);
        let packed = STANDARD.encode(wire);
        let lines = packed.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
        format!("{BEGIN}\n{}\n{END}\n", lines.collect::<Vec<_>>().join("\n"))
    }

    /// The key that made it, if it is of `message` and for this purpose.
    ///
    /// # Errors
    /// [`SubmissionError::Key`] says what is wrong with it.
    pub fn verified(&self, namespace: &str, message: &[u8]) -> Result<&PublicKey, SubmissionError> {
        if self.namespace != namespace {
            return Err(wrong(format!("the signature is for `{}`, and not for `{namespace}`", self.namespace)));
        }
        let digest = match self.hash.as_str() {
            "sha256" => Sha256::digest(message).to_vec(),
            "sha512" => Sha512::digest(message).to_vec(),
            other => return Err(wrong(format!("the signature uses the hash `{other}`, which is not known"))),
        };
        let message = signed(namespace, self.hash.as_bytes(), &digest);
        match self.key.is_of(&self.algorithm, &message, &self.bytes) {
            Some(true) => Ok(&self.key),
            Some(false) => Err(wrong("the signature is not of these contents")),
            None => Err(wrong("the signature is by a kind of key that is not known here")),
        }
    }
}

/// What is really signed.
fn signed(namespace: &str, hash: &[u8], digest: &[u8]) -> Vec<u8> {
    let mut signed = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", hash, digest] {
        put(&mut signed, part);
    }
    signed
}

fn put(wire: &mut Vec<u8>, part: &[u8]) {
    wire.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    wire.extend_from_slice(part);
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    &number[number.iter().position(|byte| *byte != 0).unwrap_or(number.len())..]
}

/// The two numbers of a signature on a curve, one after the other, each of a fixed length.
fn fixed(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let rest = &mut &*signature;
    let mut joined = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = without_zeros(text(rest)?);
        joined.resize(joined.len() + length.checked_sub(number.len())?, 0);
        joined.extend_from_slice(number);
    }
    Some(joined)
}

#[cfg(test)]
mod tests;
