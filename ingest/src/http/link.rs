//! The `Link` header (RFC 8288), as far as paging needs it.

/// The address of the page that stands in relation `relation` (such as `next`) to this one, exactly as it was sent.
#[must_use]
pub fn target<'a>(header: &'a str, relation: &str) -> Option<&'a str> {
    links(header).into_iter().find(|(_, parameters)| has_relation(parameters, relation)).map(|(target, _)| target)
}

/// Every link: its target, and its parameters as text.
fn links(header: &str) -> Vec<(&str, &str)> {
    let mut links = Vec::new();
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, after)) = after.split_once('>') else { break };
        // The parameters end at a comma outside of quotation marks.
        let mut is_quoted = false;
        let end = after
            .char_indices()
            .find(|(_, c)| {
                is_quoted ^= *c == '"';
                *c == ',' && !is_quoted
            })
            .map_or(after.len(), |(at, _)| at);
        links.push((target, &after[..end]));
        rest = &after[end..];
    }
    links
}

fn has_relation(parameters: &str, relation: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value.trim().trim_matches('"').split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(relation))
    })
}
