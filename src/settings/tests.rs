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
    assert!(matches!(&error, SettingsError::Wrong { place, .. } if place == ", line 5"), "{error}");
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
