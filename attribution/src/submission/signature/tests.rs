use aws_lc_rs::signature::KeyPair;

use super::*;

/// An OpenSSH private key as `ssh-keygen` writes it, made of a seed.
fn pem(seed: u8, cipher: &[u8]) -> String {
    let seed = [seed; 32];
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any seed is a key");
    let public = pair.public_key().as_ref().to_vec();
    let (mut outer, mut inner) = (b"openssh-key-v1\0".to_vec(), Vec::new());
    let mut wire = Vec::new();
    put(&mut wire, ED25519_NAME);
    put(&mut wire, &public);
    inner.extend_from_slice(&[1, 2, 3, 4, 1, 2, 3, 4]);
    for part in [ED25519_NAME, &public, &[&seed[..], &public].concat(), b"a comment"] {
        put(&mut inner, part);
    }
    inner.extend_from_slice(&[1, 2, 3]);
    for part in [cipher, b"none", b""] {
        put(&mut outer, part);
    }
    outer.extend_from_slice(&1_u32.to_be_bytes());
    put(&mut outer, &wire);
    put(&mut outer, &inner);
    let packed = STANDARD.encode(outer);
    let lines: Vec<_> = packed.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"))
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::parse(&pem(seed, b"none")).expect("it is a key")
}

#[test]
fn a_signature_is_of_these_bytes_by_this_key_and_for_this_purpose() {
    let signature = key(7).sign(NAMESPACE, b"contents");
    let again = Signature::parse(&signature.armoured()).expect("it is one");
    assert_eq!(again, signature);
    assert_eq!(again.verified(NAMESPACE, b"contents").expect("it holds"), key(7).public());
    for (namespace, message, told) in [
        (NAMESPACE, &b"content"[..], "not of these contents"),
        (WITHDRAWAL_NAMESPACE, b"contents", "is for `doracle-submission`"),
    ] {
        let error = again.verified(namespace, message).expect_err("it does not hold").to_string();
        assert!(error.contains(told), "{error}");
    }
    // Somebody else's key in its place makes it nobody's.
    let stolen = Signature { key: key(8).public().clone(), ..signature };
    assert!(stolen.verified(NAMESPACE, b"contents").is_err());
}

#[test]
fn a_damaged_signature_is_refused_wherever_it_is_damaged() {
    let signature = key(7).sign(NAMESPACE, b"contents");
    let armoured = signature.armoured();
    let packed: String = armoured.lines().filter(|line| !line.starts_with('-')).collect();
    let wire = STANDARD.decode(packed).expect("it is base64");
    for at in 0..wire.len() {
        let mut changed = wire.clone();
        changed[at] ^= 1;
        let holds = Signature::from_wire(&changed)
            .is_some_and(|changed| changed.verified(NAMESPACE, b"contents").is_ok_and(|by| by == key(7).public()));
        // The reserved field and nothing else could be another one; its length is not.
        assert!(!holds, "byte {at}");
        assert!(Signature::from_wire(&wire[..at]).is_none(), "cut at {at}");
    }
    let long = [&wire[..], b"more"].concat();
    assert!(Signature::from_wire(&long).is_none(), "nothing may follow");
}

#[test]
fn a_key_is_read_whole_or_refused_and_never_shown() {
    let whole = pem(9, b"none");
    assert_eq!(format!("{:?}", key(9)), format!("PrivateKey({})", key(9).public().fingerprint()));
    let encrypted = PrivateKey::parse(&pem(9, b"aes256-ctr")).expect_err("it asks for a passphrase").to_string();
    assert!(encrypted.contains("encrypted"), "{encrypted}");
    let content: Vec<&str> = whole.lines().collect();
    for left_out in 1..content.len() - 1 {
        let mut lines = content.clone();
        lines.remove(left_out);
        let error = PrivateKey::parse(&lines.join("\n")).expect_err("a line is missing").to_string();
        assert!(!error.contains(content[left_out]), "{error}");
    }
    assert!(PrivateKey::parse("ssh-ed25519 AAAA").is_err());
}

#[test]
fn a_public_key_is_a_line_whose_name_is_that_of_its_content() {
    let line = key(3).public().line();
    assert_eq!(PublicKey::parse(&format!("{line} somebody@somewhere")).expect("it is one"), *key(3).public());
    for wrong in ["", "ssh-ed25519", "ssh-ed25519 !!", &line.replacen("ssh-ed25519", "ssh-rsa", 1)] {
        assert!(PublicKey::parse(wrong).is_err(), "{wrong}");
    }
}
