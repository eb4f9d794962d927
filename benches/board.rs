//! A board of many summary reports: read, combined, certified and laid out as a site, and how that grows.
//!
//! `--reports N` (10,000 without it). Prints processor-bound seconds of each step at a tenth of the size and at the whole.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use attribution::{Board, BoardFiles};
use benches::attacks::world::normal;
use reports::SiteContext;
use stats::Philox;

fn main() {
    let mut given = std::env::args().skip(1).filter(|name| name != "--bench");
    let mut reports = 10_000;
    while let Some(name) = given.next() {
        assert_eq!(name, "--reports", "there is one option");
        reports = given.next().and_then(|value| value.parse().ok()).expect("a number of reports");
    }
    let mut out = std::io::stdout().lock();
    let sizes = [reports / 10, reports];
    let found: Vec<[f64; 3]> = sizes.iter().map(|size| once(*size)).collect();
    for (size, [read, lay_out, bytes]) in sizes.iter().zip(&found) {
        writeln!(
            out,
            "{size} reports: {read:.2} s to read, combine and certify, {lay_out:.2} s to lay out {bytes:.0} MB"
        )
        .expect("standard output is open");
    }
    let grown = (found[1][0] + found[1][1]) / (found[0][0] + found[0][1]);
    writeln!(out, "ten times the reports cost {grown:.1} times as much").expect("standard output is open");
}

fn once(reports: usize) -> [f64; 3] {
    let files = board(reports);
    let start = Instant::now();
    let board = Board::of(&files).expect("a board");
    let read = start.elapsed().as_secs_f64();
    let context = SiteContext { version: "0".into(), command: String::new(), address: None };
    let start = Instant::now();
    let site = reports::site(&board, &context).expect("pages");
    let bytes = site.values().map(String::len).sum::<usize>() as f64 / 1e6;
    [read, start.elapsed().as_secs_f64(), bytes]
}

/// One claim, and one report of each organisation on all four metrics.
fn board(reports: usize) -> BoardFiles {
    let mut files = BoardFiles::new();
    files.insert("board.toml".into(), "title = \"Many\"\nabout = \"Made up.\"\nsimulated = \"All of it.\"\n".into());
    let names: Vec<String> = (0..reports).map(|number| format!("\"o{number}\"")).collect();
    let claim = format!(
        "schema = 1\nid = \"many\"\nclaim = \"Many agree.\"\nprotocol = \"1\"\nenrolment = \"made up\"\norganisations = [{}]\n",
        names.join(", ")
    );
    files.insert("claims/many.toml".into(), claim);
    let mut random = Philox::new(1, 0);
    for number in 0..reports {
        let head = format!(
            "title = \"Report {number}\"\norganisation = \"o{number}\"\nreported = \"2026-01-01\"\nsource = \"made up\"\nprotocol = \"1\"\n"
        );
        let effects = attribution::CRITERION.iter().zip([1.0, 1.0, 1.0, 0.1]).map(|(metric, scale)| {
            let name = if *metric == "change_fail_rate" { "difference" } else { "log_ratio" };
            let estimate = scale * (0.3 + 0.1 * normal(&mut random));
            format!(
                "[[effects]]\nmetric = \"{metric}\"\nestimate = {estimate}\nscale = \"{name}\"\nstd_error = {}\nbetter = \"higher\"\n",
                0.1 * scale
            )
        });
        let text = head + &effects.collect::<Vec<_>>().concat();
        files.insert(PathBuf::from(format!("entries/many/o{number}.toml")), text);
    }
    files
}
