use derive::Calendar;
use toml::Value;

use super::{Layers, ReleaseTrain, Settings, SettingsError, calendar};
use crate::cli::Every;

fn layer(text: &str) -> Value {
    Value::Table(toml::from_str(text).expect("a literal table"))
}

#[test]
fn a_later_layer_wins_key_by_key_and_says_so() {
    let mut layers = Layers::default();
    layers.add(Value::try_from(Settings::default()).expect("defaults have a TOML form"), "default");
    layers.add(layer("[derive]\nzone = 'Europe/Berlin'\nseed = 7"), "doracle.toml");
    layers.set(&["derive", "zone"], Value::String("UTC".into()), "flag");
    let found = layers.finish().expect("it is well formed");
    assert_eq!((found.settings.derive.zone.as_str(), found.settings.derive.seed), ("UTC", 7));
    assert_eq!(found.origins["derive.zone"], "flag");
    assert_eq!(found.origins["derive.seed"], "doracle.toml");
    assert_eq!(found.origins["lake.location"], "default");
}

#[test]
fn a_misspelt_key_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("doracle.toml");
    std::fs::write(&path, "[lake]\nlocation = 'x'\n\n[derive]\nzones = 'UTC'\n").expect("it can be written");
    let error = Layers::default().add_file(&path).expect_err("the key does not exist");
    assert!(matches!(&error, SettingsError::Wrong { place, .. } if place == ", line 5, `zones`"), "{error}");
}

#[test]
fn a_wrong_setting_of_a_source_is_told_with_its_line_and_key() {
    let good = "[[sources]]\ntype = 'files'\nname = 'a'\npath = 'a'\n";
    for (rest, expected) in [
        ("type = 'files'\npath = 'b'\nfolder = 'x'", "FILE` is wrong, line 8, `folder`: unknown field `folder`"),
        ("type = 'github'\ntoken = 'abc'", "line 7, `token`: a secret does not stand in the configuration"),
        ("type = 'git'\npath = 7\nreleases = '^v'", "line 7, `path`: invalid type: integer"),
        ("type = 'git'\nreleases = '^v'", "line 5: missing field `path`"),
        ("type = 'githb'", "line 6, `type`: there is no source of that type; did you mean `github`?"),
        ("type = 'Git'", "did you mean `git`?"),
        ("type = 'jenkins'", "line 6, `type`: there is no source of that type (types: `argocd`, `files`"),
        ("path = 'b'", "line 5: a source needs its `type`, one of `argocd`"),
        ("type = 3", "line 6, `type`: `type` is one of"),
        ("type = 'github'\n[sources.http]\nretries = 'x'", "line 8, `retries`"),
    ] {
        let told = said(&format!("{good}[[sources]]\n{rest}\n"));
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn paths_in_a_file_start_where_the_file_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("doracle.toml");
    let text = "[lake]\nlocation = 'lake'\n[report]\nout = '/abs/out'\n\
                [[sources]]\ntype = 'git'\npath = '../api'\nreleases = 'file'\n\
                [[sources]]\ntype = 'files'\npath = 'events'\n\
                [[sources]]\ntype = 'github'\norganisation = 'acme'\ntoken = { file = 'secret/token' }\n\
                http = { ca_file = 'ca.pem' }\n\
                [[interventions]]\npractice = 'crew'\nfile = '.agents/*.toml'\n";
    std::fs::write(&path, text).expect("it can be written");
    let mut layers = Layers::default();
    layers.add(Value::try_from(Settings::default()).expect("defaults have a TOML form"), "default");
    layers.add_file(&path).expect("it is well formed");
    layers.set(&["report", "title"], Value::String("lake".into()), "flag");
    let found = toml::to_string(&layers.finish().expect("it is well formed").settings).expect("it is TOML");
    let home = folder.path().display();
    for line in [
        format!("location = \"{home}/lake\""),
        "out = \"/abs/out\"".to_owned(),
        format!("path = \"{home}/../api\""),
        "releases = \"file\"".to_owned(),
        format!("path = \"{home}/events\""),
        format!("file = \"{home}/secret/token\""),
        format!("ca_file = \"{home}/ca.pem\""),
        "file = \".agents/*.toml\"".to_owned(),
    ] {
        assert!(found.lines().any(|own| own == line), "no `{line}` in\n{found}");
    }
    let mut layers = Layers::default();
    layers.add(Value::try_from(Settings::default()).expect("defaults have a TOML form"), "default");
    layers.set(&["lake", "location"], Value::String("s3://bucket/lake".into()), "flag");
    assert_eq!(layers.finish().expect("it is well formed").settings.lake.location, "s3://bucket/lake");
}

/// What is said about a file with this content.
fn said(content: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("doracle.toml");
    std::fs::write(&path, content).expect("it can be written");
    let mut layers = Layers::default();
    layers.add(Value::try_from(Settings::default()).expect("defaults have a TOML form"), "default");
    let found = layers.add_file(&path).and_then(|()| layers.finish().map(|_| ()));
    found.expect_err(content).to_string().replace(&path.display().to_string(), "FILE")
}

#[test]
fn a_secret_in_the_wrong_place_is_not_said_again() {
    let github = "[[sources]]\ntype = 'github'\norganisation = 'acme'\n";
    let prometheus = "[[sources]]\ntype = 'prometheus'\nurl = 'https://metrics.example'\n";
    for (start, rest) in [
        (github, "token = 'hunter2secret'"),
        (github, "token = \"hunter2secret"),
        (github, "token = { env = 'X', value = 'hunter2secret' }"),
        (github, "app = 'hunter2secret'"),
        (github, "archived = 'hunter2secret'"),
        (github, "url = 'https://ada:hunter2secret@github.example'"),
        (github, "url = 'https://github.example/api?access_token=hunter2secret'"),
        (github, "http = { proxy = 'http://ada:hunter2secret@proxy.example' }"),
        (prometheus, "auth = 'hunter2secret'"),
        (prometheus, "auth = { bearer = 'hunter2secret' }"),
        (prometheus, "auth = { basic = { user = 'ada', password = 'hunter2secret' } }"),
        ("", "lake = { location = 's3://ada:hunter2secret@bucket/lake' }"),
        ("", "lake = 'hunter2secret'"),
        ("", "hunter2 secret = 1\n= hunter2secret"),
    ] {
        let error = said(&format!("{start}{rest}\n"));
        assert!(!error.contains("hunter2secret"), "{error}");
    }
    let told = said(&format!("{github}token = 'hunter2secret'"));
    assert!(told.contains("`{ env = \"NAME\" }`"), "{told}");
    let told = said(&format!("{github}url = 'https://ada:hunter2secret@github.example'"));
    assert!(told.starts_with("`sources[1].url` is an address with a name"), "{told}");
}

#[test]
fn two_sources_with_one_stream_are_refused() {
    let two = |one: &str, other: &str| said(&format!("[[sources]]\n{one}\n[[sources]]\n{other}"));
    let files = |name: &str| format!("type = 'files'\npath = '{name}/events'");
    assert!(two(&files("a"), &files("b")).starts_with("the sources 1 and 2 both have the stream `files:files`"));
    let git = |name: &str| format!("type = 'git'\npath = '{name}/api'\nreleases = '^v'");
    assert!(two(&git("a"), &git("b")).contains("`git:api`"));
    let github = |url: &str| format!("type = 'github'\norganisation = 'acme'\nurl = '{url}'");
    assert!(two(&github("https://api.github.com"), &github("https://ghe.example/api/v3")).contains("`github:acme`"));
    let prometheus = |url: &str| format!("type = 'prometheus'\nurl = '{url}'");
    assert!(two(&prometheus("http://a.example"), &prometheus("http://b.example")).contains("`prometheus:main`"));
}

#[test]
fn hours_have_the_bounds_of_the_schema() {
    let said = said("[derive]\nincident_window_hours = 4294967295\nreporting_lag_hours = 4294967295");
    assert!(said.starts_with("`derive.incident_window_hours` is `4294967295`"), "{said}");
    let mut layers = Layers::default();
    layers.add(Value::try_from(Settings::default()).expect("defaults have a TOML form"), "default");
    layers.add(layer("[derive]\nincident_window_hours = 8760\nreporting_lag_hours = 8760"), "doracle.toml");
    layers.finish().expect("a year is allowed");
}

#[test]
fn a_train_needs_a_day_and_a_length() {
    let train = |anchor: &str, days| ReleaseTrain { anchor: anchor.into(), days };
    let found = calendar(Every::Train, Some(&train("2026-01-05", 14))).expect("it is whole");
    assert!(matches!(found, Calendar::Train(train) if train.days == 14 && train.anchor.to_string() == "2026-01-05"));
    for wrong in [None, Some(train("5 January", 14)), Some(train("2026-01-05", 0)), Some(train("2026-01-05", 367))] {
        let error = calendar(Every::Train, wrong.as_ref()).expect_err("it is not whole");
        assert!(matches!(&error, SettingsError::Value { .. }), "{error}");
    }
}

#[test]
fn trains_and_further_environments_are_settings() {
    let mut layers = Layers::default();
    layers.add(Value::try_from(Settings::default()).expect("defaults have a TOML form"), "default");
    layers.add(
        layer("[derive]\nenvironments = ['Staging']\nrelease_train = { anchor = '2026-01-05', days = 10 }"),
        "doracle.toml",
    );
    let found = layers.finish().expect("it is well formed").settings.derive;
    assert_eq!(found.environments, ["Staging"]);
    assert_eq!(found.release_train, Some(ReleaseTrain { anchor: "2026-01-05".into(), days: 10 }));
}
