//! What was asked: path, parameters, and the page of a list.

/// One request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) host: String,
    /// The parts of the path, decoded.
    pub(super) parts: Vec<String>,
    pub(super) parameters: Vec<(String, String)>,
}

impl Request {
    pub(super) fn parse(method: &str, target: &str, host: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts = path.trim_start_matches('/').split('/').map(|part| decoded(part, false)).collect();
        let parameters = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name, true), decoded(value, true)))
            .collect();
        Self { method: method.to_owned(), host: host.to_owned(), parts, parameters }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The page that is asked for and its size, or what is wrong with them.
    pub(super) fn paging(&self) -> Result<(usize, usize), String> {
        let number = |name: &str, otherwise: usize| match self.parameter(name) {
            Some(text) => text.parse::<usize>().ok().ok_or_else(|| format!("`{name}` is no number")),
            None => Ok(otherwise),
        };
        let (page, size) = (number("page", 1)?, number("per_page", 30)?);
        if page < 1 || !(1..=100).contains(&size) {
            return Err(format!("there is no page {page} of {size}"));
        }
        Ok((page, size))
    }

    /// The `Link` header of a page. Like GitHub, it names the repository by its number, and the last pages have no
    /// `last`.
    pub(super) fn link(&self, own_path: &str, page: usize, last: usize) -> Option<String> {
        let at = |number: usize| {
            let others = self.parameters.iter().filter(|(name, _)| name != "page");
            let mut pairs: Vec<String> = others.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
            pairs.push(format!("page={number}"));
            format!("http://{}/{own_path}?{}", self.host, pairs.join("&"))
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(format!("<{}>; rel=\"prev\"", at(page - 1)));
        }
        if page < last {
            links.push(format!("<{}>; rel=\"next\"", at(page + 1)));
            links.push(format!("<{}>; rel=\"last\"", at(last)));
        }
        if page > 1 {
            links.push(format!("<{}>; rel=\"first\"", at(1)));
        }
        (!links.is_empty()).then(|| links.join(", "))
    }
}

fn decoded(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let value = digits.iter().try_fold(0_u8, |value, digit| {
                    let digit = char::from((*digit)?).to_digit(16)?;
                    Some(value * 16 + u8::try_from(digit).ok()?)
                });
                bytes.extend(value);
            }
            b'+' if is_query => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
