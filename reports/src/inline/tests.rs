use super::*;

#[test]
fn code_and_links_are_pieces() {
    let pieces = parse("see `a|b` and [the notes](#notes), `");
    assert_eq!(
        pieces,
        [
            Inline::Text("see "),
            Inline::Code("a|b"),
            Inline::Text(" and "),
            Inline::Link { text: "the notes", anchor: "notes" },
            Inline::Text(", `"),
        ]
    );
}

#[test]
fn what_is_no_markup_stays_text() {
    for text in ["", "``", "[a](b)", "[a](#)", "[](#a)", "[a](#a b)", "[a](#\"onload=)", "[a", "[a](#b", "é`"] {
        assert!(parse(text).iter().all(|piece| matches!(piece, Inline::Text(_))), "{text}");
    }
    let link = Inline::Link { text: "b", anchor: "c" };
    assert_eq!(parse("[a [b](#c)"), [Inline::Text("[a "), link]);
}

#[test]
fn the_pieces_hold_every_word() {
    let text = "ü `x` [y](#z) [[`";
    let total: usize = parse(text)
        .iter()
        .map(|piece| match piece {
            Inline::Text(text) => text.len(),
            Inline::Code(code) => code.len() + 2,
            Inline::Link { text, anchor } => text.len() + anchor.len() + 5,
            Inline::Page { text, file } => text.len() + file.len() + 4,
        })
        .sum();
    assert_eq!(total, text.len());
}

#[test]
fn invisible_characters_become_visible() {
    assert_eq!(clean("a\u{202e}b\u{0}c\nd"), "a\u{fffd}b\u{fffd}c d");
    assert!(matches!(clean("plain – text"), Cow::Borrowed(_)));
}

#[test]
fn a_link_to_a_file_leads_nowhere_else() {
    assert_eq!(parse("[a](b.html)"), [Inline::Page { text: "a", file: "b.html" }]);
    assert_eq!(parse("[a](data/b.json)"), [Inline::Page { text: "a", file: "data/b.json" }]);
    for elsewhere in
        ["[a](https://b.c)", "[a](../b.html)", "[a](/b.html)", "[a](javascript:b.c)", "[a](b/c/d.html)", "[a](b)"]
    {
        assert_eq!(parse(elsewhere), [Inline::Text(elsewhere)], "{elsewhere}");
    }
}
