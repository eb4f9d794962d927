//! The name of an object: SHA-1 or SHA-256, in a form that is small and can be copied.

use std::fmt;

/// An object id of 20 or 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Oid {
    bytes: [u8; 32],
    length: u8,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Oid {
    /// Reads 40 or 64 hex digits.
    pub(super) fn parse(hex: &[u8]) -> Option<Self> {
        if hex.len() != 40 && hex.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self { bytes, length: u8::try_from(hex.len() / 2).ok()? })
    }

    /// The id in lower-case hex digits.
    pub(super) fn hex(&self) -> String {
        let mut hex = Vec::with_capacity(64);
        for byte in &self.bytes[..usize::from(self.length)] {
            hex.push(HEX[usize::from(byte >> 4)]);
            hex.push(HEX[usize::from(byte & 15)]);
        }
        String::from_utf8(hex).expect("hex digits are ASCII")
    }

    /// The first `digits` hex digits.
    pub(super) fn short(&self, digits: usize) -> String {
        let mut hex = self.hex();
        hex.truncate(digits);
        hex
    }

    /// Whether it stands for "nothing there", as git writes it where a file was added or deleted.
    pub(super) fn is_null(&self) -> bool {
        self.bytes == [0; 32]
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
