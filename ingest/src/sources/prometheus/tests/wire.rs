//! Reading what servers write, whatever that is.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sources::prometheus::alertmanager::wire::{Alert, Message};
use crate::sources::prometheus::wire::{Envelope, Item, Point, QueryData, RulesData, RuntimeInfo};
use lake::Instant;

fn item(value: Value) -> Item {
    serde_json::from_value(value).expect("anything is an item")
}

#[test]
fn series_with_values_a_value_or_histograms() {
    let Item::Series(series) = item(json!({ "metric": {}, "values": [[1_767_571_200, "1"], [1_767_571_200.5, "NaN"]] })) else {
        panic!("a series")
    };
    let points: Vec<_> = series.points().map(|point| (point.at(), point.1.as_str())).collect();
    let at = |microseconds| Some(Instant(microseconds));
    assert_eq!(points, [(at(1_767_571_200_000_000), "1"), (at(1_767_571_200_500_000), "NaN")]);
    let Item::Series(series) = item(json!({ "metric": { "a": "b" }, "value": [0.001, "+Inf"] })) else { panic!("a series") };
    assert_eq!(series.points().map(Point::at).collect::<Vec<_>>(), [at(1000)]);
    let buckets = json!({ "count": "3", "sum": "4.5", "buckets": [[0, "0.5", "1", "2"]] });
    let one = json!({ "metric": {}, "histogram": [1, buckets.clone()], "histograms": [[2, buckets.clone()], [3, buckets]] });
    let Item::Series(series) = item(one) else { panic!("a series") };
    assert_eq!((series.histogram_count(), series.points().count()), (3, 0));
}

#[test]
fn what_is_missing_or_null_or_new_is_no_error() {
    for text in [r#"{"status":"success"}"#, r#"{"status":"success","data":null,"warnings":null,"infos":null,"new":1}"#] {
        let envelope: Envelope<QueryData> = serde_json::from_str(text).expect("an envelope");
        assert!(envelope.data.is_none() && envelope.warnings.is_none());
    }
    let rules: RulesData = serde_json::from_value(json!({ "groups": [{}, { "rules": [{ "type": "new" }] }] })).expect("rules");
    assert_eq!(rules.groups.map(|groups| groups.len()), Some(2));
    let info: RuntimeInfo = serde_json::from_value(json!({})).expect("what it says of itself");
    assert_eq!(info.storage_retention, None);
    let alert: Alert = serde_json::from_value(json!({ "status": { "state": "new" }, "startsAt": "soon" })).expect("an alert");
    assert_eq!((alert.started_at(), alert.ended_at(), alert.is_resolved()), (None, None, false));
}

proptest! {
    #[test]
    fn every_millisecond_survives(milliseconds in -62_000_000_000_000_i64..4_000_000_000_000) {
        let text = format!("[{}{}.{:03},\"{}\"]",
            if milliseconds < 0 { "-" } else { "" }, milliseconds.abs() / 1000, milliseconds.abs() % 1000, milliseconds / 1000);
        let point: Point = serde_json::from_str(&text).expect("a point");
        prop_assert_eq!(point.at(), Some(Instant(milliseconds * 1000)));
        prop_assert_eq!(point.instant(), Some(Instant(milliseconds / 1000 * 1_000_000)));
    }

    #[test]
    fn no_number_is_an_impossible_instant(seconds in any::<f64>(), text in ".{0,12}") {
        let point = Point(seconds, text);
        let is_possible = |at: Option<Instant>| at.is_none_or(|at| at.0.abs() <= 1_000_000_000_000_000_000);
        prop_assert!(is_possible(point.at()) && is_possible(point.instant()));
    }

    #[test]
    fn no_text_breaks_the_reading(text in r#"[\[\]{}",:a-z0-9. -]{0,60}"#) {
        let _read = serde_json::from_str::<Envelope<QueryData>>(&text).is_ok();
        let _read = serde_json::from_str::<Message>(&text).is_ok();
        let _read = serde_json::from_str::<Vec<Alert>>(&text).is_ok();
        let _read = crate::sources::prometheus::evaluations::duration(&text);
    }
}
