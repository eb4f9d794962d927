use base64::Engine;

use super::*;
use crate::submission::registry::{Key, Operator, Received};

/// Any key: whether it signed is for `signature` to say.
fn key(letter: u8) -> PublicKey {
    let mut wire = vec![0, 0, 0, 11];
    wire.extend_from_slice(b"ssh-ed25519");
    wire.extend_from_slice(&[0, 0, 0, 32]);
    wire.extend_from_slice(&[letter; 32]);
    let line = base64::engine::general_purpose::STANDARD.encode(wire);
    PublicKey::parse(&format!("ssh-ed25519 {line}")).expect("it is one")
}

fn operator(id: &str, letter: u8) -> Operator {
    Operator {
        id: id.to_owned(),
        organisation: None,
        enrolled_at: Instant(0),
        revoked_at: None,
        revoked_reason: None,
        keys: vec![Key { line: key(letter).line(), revoked_at: None, revoked_reason: None }],
    }
}

fn registry() -> Registry {
    Registry {
        format_version: 1,
        operators: vec![operator("one", b'1'), operator("two", b'2')],
        experiments: Vec::new(),
        plans: Vec::new(),
        received: vec![Received { digest: "known".to_owned(), received_at: Instant(100) }],
    }
}

#[test]
fn every_way_not_to_be_the_operator_has_its_own_words() {
    let registry = registry();
    let of = |letter: u8, operator: &str| Standing::by(key(letter), operator, "new", &registry);
    assert!(of(b'1', "one").is_good());
    assert_eq!(of(b'1', "nobody"), Standing::UnknownOperator);
    assert_eq!(of(b'9', "one"), Standing::UnknownKey(key(b'9')));
    assert_eq!(of(b'2', "one"), Standing::Foreign { owner: "two".to_owned() });
}

#[test]
fn of_a_revoked_key_only_what_was_received_before_still_stands() {
    let reason = Some("it was lost".to_owned());
    let mut by_key = registry();
    by_key.operators[0].keys[0] =
        Key { revoked_at: Some(Instant(200)), revoked_reason: reason.clone(), ..by_key.operators[0].keys[0].clone() };
    let mut by_operator = registry();
    (by_operator.operators[0].revoked_at, by_operator.operators[0].revoked_reason) = (Some(Instant(200)), reason);
    for registry in [by_key, by_operator] {
        let of = |digest: &str, registry: &Registry| Standing::by(key(b'1'), "one", digest, registry);
        assert!(of("known", &registry).is_good(), "received at 100, revoked at 200");
        let Standing::Revoked { at, reason } = of("new", &registry) else { panic!("nobody knows when it was signed") };
        assert_eq!((at, reason.as_str()), (Instant(200), "it was lost"));
        let mut late = registry.clone();
        late.received[0].received_at = Instant(200);
        assert!(!of("known", &late).is_good(), "at the same instant is not before");
    }
}

#[test]
fn a_registry_names_nobody_and_gives_no_key_twice() {
    let parse = |registry: &Registry| Registry::parse(&toml::to_string(registry).expect("it has a form"));
    assert_eq!(parse(&registry()).expect("it is one"), registry());
    let mut twice = registry();
    twice.operators.push(operator("one", b'3'));
    assert!(parse(&twice).expect_err("enrolled twice").to_string().contains("`one` is enrolled twice"));
    let mut shared = registry();
    shared.operators.push(operator("three", b'2'));
    assert!(parse(&shared).expect_err("one key of two").to_string().contains("of `two` and of `three`"));
    assert!(Registry::parse("format_version = 1\nmembers = []\n").is_err(), "unknown fields are refused");
}
