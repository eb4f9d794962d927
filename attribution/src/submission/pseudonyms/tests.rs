use std::collections::BTreeSet;

use super::{Clear, Pseudonyms, Salt};

const SHA: &str = "1f0c9a7be3d2456789abcdef0123456789abcdef";

fn pseudonyms(seed: u8) -> Pseudonyms {
    Pseudonyms::new(&Salt::new([seed; 32]), Clear::None)
}

#[test]
fn a_text_has_one_pseudonym_under_one_salt_and_another_under_another() {
    let (mut one, mut other) = (pseudonyms(1), pseudonyms(2));
    for text in ["payments", "42", SHA, "deploy/7", "sha256:abc"] {
        assert_eq!(one.id(text), pseudonyms(1).id(text));
        assert_ne!(one.id(text), other.id(text));
        assert_ne!(one.id(text), text);
    }
    assert_eq!(one.id(""), "", "nothing stays nothing");
}

#[test]
fn a_shortened_hash_stays_the_beginning_of_the_whole_one() {
    let mut pseudonyms = pseudonyms(3);
    let whole = pseudonyms.id(SHA);
    assert_eq!(whole.len(), SHA.len());
    assert!(whole.bytes().all(|byte| byte.is_ascii_hexdigit()));
    for length in 7..SHA.len() {
        assert!(whole.starts_with(&pseudonyms.id(&SHA[..length])), "{length}");
    }
    // Two hashes that part at a digit part there again, and nowhere before.
    let other = pseudonyms.id(&SHA.replacen("9a7b", "9a8b", 1));
    assert_eq!(whole.bytes().zip(other.bytes()).position(|(a, b)| a != b), SHA.find("7be3"));
}

#[test]
fn a_number_is_no_hash() {
    let mut pseudonyms = pseudonyms(4);
    let (one, next) = (pseudonyms.id("1234567890"), pseudonyms.id("1234567891"));
    assert!(one.starts_with('n') && next.starts_with('n'));
    assert_ne!(one[..6], next[..6], "neighbours are not told by their names");
}

#[test]
fn revisions_keep_their_shape_so_that_what_belongs_together_still_does() {
    let mut pseudonyms = pseudonyms(5);
    let (repository, image) = (pseudonyms.name("acme/api"), pseudonyms.name("registry:5000/api"));
    assert_eq!(pseudonyms.revision(&format!("acme/api@{SHA}")), format!("{repository}@{}", pseudonyms.id(SHA)));
    let digest = format!("sha256:{}", SHA.repeat(2)[..64].to_owned());
    let moved = pseudonyms.revision(&format!("registry:5000/api@{digest}"));
    assert_eq!(moved, format!("{image}@{}", pseudonyms.version(&digest)));
    assert!(moved.contains("@sha256:"));
    assert_eq!(pseudonyms.revision("registry:5000/api:1.2"), format!("{image}:{}", pseudonyms.id("1.2")));
    assert_eq!(pseudonyms.revision("registry:5000/api"), image, "a port is no tag");
}

#[test]
fn names_may_stay_in_clear_and_ids_never() {
    let named = Clear::Named(BTreeSet::from(["api".to_owned()]));
    let mut named = Pseudonyms::new(&Salt::new([6; 32]), named);
    assert_eq!(named.name("api"), "api");
    assert_ne!(named.name("ledger"), "ledger");
    assert_ne!(named.id("api"), "api");
    let mut all = Pseudonyms::new(&Salt::new([6; 32]), Clear::All);
    assert_eq!(all.name("ledger"), "ledger");
    assert_ne!(all.id(SHA), SHA);
}

#[test]
fn a_salt_is_read_as_written_and_never_shown() {
    let salt = Salt::new([171; 32]);
    assert_eq!(Salt::parse(&salt.reveal()).expect("it is one"), salt);
    assert!(!format!("{salt:?}").contains("ab"));
    for wrong in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
        let error = Salt::parse(wrong).expect_err("it is none").to_string();
        assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
    }
}
