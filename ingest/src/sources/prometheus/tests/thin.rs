//! The whole way, once: samples of alerts become rows in a lake.

use lake::tables::{alerts, incidents};
use lake::{AsOf, Lake, Location};

use super::fake::World;
use super::planted::{Alert, Held, Run, START};
use super::support::{at, config, run, told};
use crate::sources::prometheus::open;
use crate::{NoVariables, Reading, Silent, ingest};

#[tokio::test]
async fn alerts_and_incidents_reach_the_lake() {
    let mut held = Held::default();
    let times = Run::new(15, 0, 7200);
    held.scrape(&times);
    held.evaluate(&times, &Alert::new(&[("alertname", "Errors"), ("service", "api"), ("pod", "a")], 30, &[(1000, 1600)]));
    let running = run(World::new(held, START + 7_200_000).with_rule("Errors", 15, 30), |_, _| None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake");
    let source = open(config(&running.server, &serde_json::json!({})));
    let reading = Reading::at(at(7200), &NoVariables);
    for _ in 0..2 {
        let summary = ingest(&source, &lake, &reading, &Silent).await.expect("it is read");
        assert_eq!(summary.gaps, Vec::<String>::new());
    }
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("a snapshot");
    let rows: Vec<alerts::Row> = snapshot.rows().await.expect("rows");
    // The condition holds from 1000 s on and is seen at 1005 s; it fires 30 s later and is last seen firing at 1590 s.
    let expected = ["Errors pending 1005 -15 1035 to 1590±15 resolved x1 by samples"];
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(rows[0].labels, ["alertname=Errors", "service=api"]);
    let rows: Vec<incidents::Row> = snapshot.rows().await.expect("rows");
    assert_eq!(rows.len(), 1);
    let incident = &rows[0];
    assert_eq!((incident.service.as_deref(), incident.evidence.as_str()), (Some("api"), "alert"));
    assert_eq!(incident.impact_started_at, Some(at(1005)));
    assert_eq!((incident.opened_at, incident.resolved_at), (at(1035), Some(at(1590))));
    assert_eq!((incident.mitigated_at, incident.cause.as_str()), (None, "unknown"));
}
