use toml::Value;

use super::{Layers, Settings, SettingsError};

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
