//! Looking through structures of Thrift's compact protocol, in which Parquet writes its headers, without making any.
//!
//! Who reads them for good asks for memory by the lengths that they state, and a length that lies ends the program. So
//! every length is held against the bytes that are there first.

/// Deeper structures than these no header has.
const DEEPEST: usize = 12;

/// What a header states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// A whole number.
    Number(i64),
    /// The length of a list.
    Length(usize),
}

/// The structure at the beginning of `bytes`: how long it is, if all that it states about itself can be. `seen` is told
/// each number and each length, with the fields that lead to it.
pub(super) fn look_through(bytes: &[u8], mut seen: impl FnMut(&[i64], Stated)) -> Option<usize> {
    let mut look = Look { rest: bytes, path: Vec::new(), seen: &mut seen };
    look.structure()?;
    Some(bytes.len() - look.rest.len())
}

struct Look<'b, 's> {
    rest: &'b [u8],
    path: Vec<i64>,
    seen: &'s mut dyn FnMut(&[i64], Stated),
}

impl Look<'_, '_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.rest = self.rest.get(length..)?;
        Some(())
    }

    /// Seven bits a byte, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn number(&mut self) -> Option<i64> {
        let packed = self.varint()?;
        let half = i64::try_from(packed >> 1).ok()?;
        Some(if packed & 1 == 1 { -half - 1 } else { half })
    }

    fn structure(&mut self) -> Option<()> {
        if self.path.len() > DEEPEST {
            return None;
        }
        let mut field = 0_i64;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(());
            }
            field = if header >> 4 == 0 { self.number()? } else { field + i64::from(header >> 4) };
            self.path.push(field);
            self.value(header & 0x0f, false)?;
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8, is_in_list: bool) -> Option<()> {
        match kind {
            // A truth stands in the header of its field, and by itself in a list.
            1 | 2 if is_in_list => self.skip(1),
            1 | 2 => Some(()),
            3 => self.skip(1),
            4..=6 => {
                let number = self.number()?;
                (self.seen)(&self.path, Stated::Number(number));
                Some(())
            }
            7 => self.skip(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.skip(length)
            }
            9 | 10 => self.list(),
            12 => self.structure(),
            // No header of Parquet has maps or anything else.
            _ => None,
        }
    }

    fn list(&mut self) -> Option<()> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            short => usize::from(short),
        };
        // Each element takes a byte at least.
        if length > self.rest.len() {
            return None;
        }
        (self.seen)(&self.path, Stated::Length(length));
        for _ in 0..length {
            self.value(header & 0x0f, true)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(bytes: &[u8]) -> (Option<usize>, Vec<(Vec<i64>, Stated)>) {
        let mut told = Vec::new();
        let length = look_through(bytes, |path, stated| told.push((path.to_vec(), stated)));
        (length, told)
    }

    #[test]
    fn numbers_and_lengths_are_told_with_the_fields_that_lead_to_them() {
        // Field 1: 150; field 3: a list of two structures, each with field 2: -1; and something after.
        let bytes = [0x15, 0xac, 0x02, 0x29, 0x2c, 0x25, 0x01, 0x00, 0x25, 0x01, 0x00, 0x00, 0xff];
        let one = |path: &[i64], stated| (path.to_vec(), stated);
        let told = vec![
            one(&[1], Stated::Number(150)),
            one(&[3], Stated::Length(2)),
            one(&[3, 2], Stated::Number(-1)),
            one(&[3, 2], Stated::Number(-1)),
        ];
        assert_eq!(look(&bytes), (Some(12), told));
        for cut in 0..12 {
            assert_eq!(look(&bytes[..cut]).0, None, "cut at {cut}");
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_that_are_there_is_none() {
        // A list of 2³¹ − 1 structures, and a text of as many bytes.
        assert_eq!(look(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00]).0, None);
        assert_eq!(look(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00]).0, None);
        // Structures within structures without end.
        assert_eq!(look(&[0x1c; 1_000]).0, None);
        // A number of more than 64 bits.
        assert_eq!(look(&[[0x16].as_slice(), &[0xff; 20]].concat()).0, None);
    }
}
