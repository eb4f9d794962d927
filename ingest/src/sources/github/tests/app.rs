//! An app that buys its tokens.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rcgen::{KeyPair, PKCS_RSA_SHA256};

use super::super::app::Claims;
use super::super::config::App;
use super::story::{hour, world};
use super::*;

fn app(key: SecretFrom) -> App {
    App { id: "Iv1.abc".to_owned(), installation: 77, key }
}

#[tokio::test]
async fn a_signed_statement_buys_the_token_that_is_sent_and_renewed_in_time() {
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.pem");
    std::fs::write(&path, pair.serialize_pem()).expect("it is written");
    // The first token has run out almost at once; the second holds.
    let bought = Mutex::new(0);
    let between: Box<Between> = Box::new(move |_, asked, world| {
        if asked.path() != "/app/installations/77/access_tokens" {
            return None;
        }
        let mut bought = bought.lock().expect("nobody panics");
        *bought += 1;
        let (token, expires) = if *bought == 1 { ("first", world.now + 60) } else { ("second", world.now + 3600) };
        world.token = Some(token.to_owned());
        let body = serde_json::json!({"token": token, "expires_at": fake::text(expires)}).to_string();
        let date = "Fri, 16 Jan 2026 06:00:00 GMT";
        Some(Reply::status(201, body).with("content-type", "application/json").with("date", date))
    });
    let stage = stage_behind(world(), between).await;
    let config = Config { token: None, app: Some(app(SecretFrom::File(path))), ..config(&stage) };
    read(&config, None).await.whole();
    let asked = stage.server.asked();
    let bought: Vec<&Asked> = asked.iter().filter(|asked| asked.path().ends_with("/access_tokens")).collect();
    assert_eq!(bought.len(), 2, "one was about to run out, the other was not");
    let statement =
        bought[0].header("authorization").and_then(|value| value.strip_prefix("Bearer ")).expect("a statement");
    let key = DecodingKey::from_rsa_pem(pair.public_key_pem().as_bytes()).expect("the public key");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(statement, &key, &validation).expect("it is signed").claims;
    assert_eq!(claims.iss, "Iv1.abc");
    assert!((claims.iat - (hour(400) - 60)).abs() <= 5, "dated back by a minute");
    assert_eq!(claims.exp - claims.iat, 600, "no more than ten minutes");
    let others = asked.iter().filter(|asked| !asked.path().ends_with("/access_tokens"));
    let tokens: std::collections::BTreeSet<&str> = others.filter_map(|asked| asked.header("authorization")).collect();
    assert_eq!(tokens.into_iter().collect::<Vec<_>>(), ["Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_without_being_shown() {
    let stage = stage(world()).await;
    let config = Config { token: None, app: Some(app(SecretFrom::Env("TOKEN".to_owned()))), ..config(&stage) };
    let error = read(&config, None).await.error.expect("it is no key");
    assert_eq!(error.kind.to_string(), "the environment variable `TOKEN` holds no RSA private key in PEM");
    assert!(!format!("{error:?}").contains("open-sesame-1001"));
    assert!(stage.server.asked().is_empty());
}
