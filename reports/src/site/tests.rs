use std::collections::BTreeSet;
use std::path::Path;

use attribution::{Board, Example};

use super::*;
use crate::html::tests::assert_balanced;

fn context() -> SiteContext {
    SiteContext { version: "0".into(), command: "doracle leaderboard build".into(), address: None }
}

fn built(example: Example) -> SiteFiles {
    site(&Board::of(&example.files()).expect("it comes with the project"), &context()).expect("pages")
}

/// Every file that the pages lead to.
fn targets(html: &str) -> BTreeSet<String> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn every_link_leads_to_a_file_of_the_site_and_every_page_can_be_reached() {
    for example in [Example::Simulated, Example::Published] {
        let files = built(example);
        let mut reached = BTreeSet::new();
        for (name, html) in files.iter().filter(|(name, _)| name.ends_with("html")) {
            // A script is no markup.
            let (before, after) = html.split_once("<script>").expect("every page has it");
            assert_balanced(&format!("{before}{}", after.split_once("</script>").expect("it ends").1));
            for target in targets(html).into_iter().filter(|target| !target.starts_with('#')) {
                assert!(files.contains_key(&target) || DATA.contains(&target.as_str()), "{name} leads to `{target}`");
                reached.insert(target);
            }
        }
        for name in files.keys() {
            assert!(reached.contains(name), "nothing leads to `{name}`");
        }
    }
}

#[test]
fn a_simulated_board_says_so_on_every_page_and_a_published_one_on_none() {
    let says = |html: &str| html.contains("Simulated data");
    let (simulated, published) = (built(Example::Simulated), built(Example::Published));
    for (name, html) in simulated.iter().filter(|(name, _)| name.ends_with("html")) {
        assert!(says(html), "{name}");
    }
    assert!(simulated["feed.xml"].contains("SIMULATED: "));
    assert!(!published.values().any(|html| says(html)));
    assert!(published["claim-ai-assistance.html"].contains("insufficient data"));
    assert!(published["claim-ai-assistance.html"].contains("Every report here is a summary"));
}

#[test]
fn only_the_script_of_the_site_may_run_and_plain_reports_have_none() {
    let files = built(Example::Published);
    let page = &files["index.html"];
    let script = page.split("<script>").nth(1).and_then(|rest| rest.split("</script>").next()).expect("there is one");
    let expected = crate::html::digest(script);
    assert!(page.contains(&format!("script-src 'sha256-{expected}'")), "the policy names what the page carries");
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!script.contains("</"), "nothing ends it early");
}

#[test]
fn hostile_names_and_notes_stay_words() {
    let mut files = Example::Simulated.files();
    let path = Path::new("entries/new-dashboard/organisation-02.toml");
    let hostile = "<img src=x onerror=alert(1)>";
    let text = files[path].replace("Replication by", &format!("{hostile} `x` [a](javascript:alert.b) "));
    let text = text.replace("A planted liar", &format!("{hostile}</script><script>alert(2)</script>\u{202e}"));
    files.insert(path.to_owned(), text);
    let board = Board::of(&files).expect("it can be read");
    let pages = site(&board, &context()).expect("pages");
    for (name, html) in &pages {
        if name.ends_with("json") {
            continue;
        }
        assert!(!html.contains("<img") && !html.contains("alert(2)</script>") && !html.contains('\u{202e}'), "{name}");
        assert!(!html.contains("href=\"javascript"), "{name}");
    }
    assert!(pages["report-new-dashboard.organisation-02.html"].contains("&lt;img"));
}

#[test]
fn the_same_board_gives_the_same_site() {
    assert_eq!(built(Example::Simulated), built(Example::Simulated));
}
