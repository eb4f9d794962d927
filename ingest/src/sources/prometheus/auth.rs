//! Who we say we are, and who others say they are: the `Authorization` header as a secret.

use http::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::Client;
use crate::receive::{Delivery, is_secret};
use crate::{Secret, SecretFrom, SourceError, Variables};

/// How somebody proves who they are.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// By a token.
    Bearer(SecretFrom),
    /// By a name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: SecretFrom,
    },
}

impl Auth {
    /// The value of the header, which is a secret as a whole.
    pub(super) fn header(&self, variables: &dyn Variables) -> Result<Secret, SourceError> {
        Ok(Secret::new(match self {
            Self::Bearer(token) => format!("Bearer {}", token.secret(variables)?.expose()),
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.secret(variables)?.expose());
                format!("Basic {}", base64(pair.as_bytes()))
            }
        }))
    }

    /// A client that sends the header.
    pub(super) fn arm<'r>(&self, client: Client<'r>, variables: &dyn Variables) -> Result<Client<'r>, SourceError> {
        let secret = self.header(variables)?;
        let client = match self {
            Self::Bearer(_) => client,
            Self::Basic { password, .. } => client.hides(&password.secret(variables)?),
        };
        client.secret_header(AUTHORIZATION, &secret).map_err(|error| SourceError::new("could not use the secret", error))
    }
}

/// Whether a delivery carries the header, in a time that does not tell how much of it is right.
pub(super) fn proves(delivery: &Delivery<'_>, expected: &Secret) -> bool {
    is_secret(delivery.headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes), expected)
}

/// Bytes as RFC 4648 writes them, padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_usize, |group, at| group << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let is_filled = place <= chunk.len();
            let letter = ALPHABET[group >> (18 - 6 * place) & 0x3F];
            text.push(if is_filled { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_that_of_rfc_4648() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in vectors {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
        assert_eq!(super::base64("Aladdin:open sesame".as_bytes()), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(super::base64(&[0xFB, 0xFF, 0xFE]), "+//+");
    }
}
