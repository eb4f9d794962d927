use super::*;
use crate::Class;

fn opened(example: Example) -> Board {
    Board::of(&example.files()).expect("it comes with the project")
}

#[test]
fn published_studies_are_too_few_and_the_board_says_so() {
    let board = opened(Example::Published);
    let claim = &board.claims[0];
    assert_eq!(board.about.simulated, None);
    assert_eq!(claim.verdict, BoardVerdict::Criterion(Verdict::InsufficientData));
    let consensus = claim.consensus.as_ref().expect("three groups have a vote");
    assert!(consensus.metrics.iter().all(|metric| metric.insufficient.is_some()));
    assert_eq!(claim.admitted().count(), 3);
    // Slower, and a positive log ratio of time is worse.
    let time = consensus.metrics.iter().find(|metric| metric.metric == "coding_time").expect("one study has it");
    assert!((time.votes[0].estimate + 0.172_608).abs() < 1e-12);
    let li = claim.entries.iter().find(|entry| entry.name == "li-2025").expect("it is listed");
    assert!(li.standing.to_string().contains("no effect on a metric"), "{}", li.standing);
    assert_eq!(claim.aside.len(), 8);
}

#[test]
fn planted_liars_neither_hide_an_effect_nor_sell_one() {
    let board = opened(Example::Simulated);
    assert!(board.about.simulated.is_some());
    let of = |id: &str| board.claims.iter().find(|claim| claim.claim.id == id).expect("it is there");
    let many = of("many-agents");
    // Fifteen of sixteen report, and one look was declared there.
    assert_eq!(many.consensus.as_ref().map(|found| found.metrics[0].votes.len()), Some(15));
    assert!(!matches!(many.verdict, BoardVerdict::Criterion(Verdict::Worsens)), "{}", many.verdict);
    let sold = of("new-dashboard");
    let found = sold.consensus.as_ref().expect("thirteen report");
    assert!(!found.verdict.is_some_and(Verdict::is_conclusive), "{:?}", found.verdict);
    assert!(found.metrics.iter().all(|metric| metric.class != Some(Class::Superior)));
    // What believes every stated error would have been sold.
    let pooled = found.metrics[0].random_effects.expect("they can be pooled");
    assert!(pooled.estimate.expect("a mean") > 0.1);
}

#[test]
fn nothing_vanishes_and_everything_left_out_says_why() {
    let board = opened(Example::Simulated);
    let many = board.claims.iter().find(|claim| claim.claim.id == "many-agents").expect("it is there");
    let standing =
        |name: &str| many.entries.iter().find(|entry| entry.name == name).expect("it is listed").standing.to_string();
    assert_eq!(standing("organisation-01"), "admitted");
    assert_eq!(standing("organisation-01-first"), "corrected by organisation-01");
    assert!(standing("organisation-03-withdrawn").starts_with("withdrawn: "));
    assert_eq!(standing("somebody-else"), "excluded: Somebody else is not enrolled");
    assert!(standing("organisation-05-old-protocol").contains("protocol 0"));
    assert_eq!(many.entries.len(), 19);
}

/// The files of the simulated board with one of them changed.
fn changed(path: &str, change: impl Fn(&str) -> String) -> Result<Board, BoardError> {
    let mut files = Example::Simulated.files();
    let text = files.get_mut(Path::new(path)).expect("it is there");
    *text = change(text);
    Board::of(&files)
}

#[test]
fn two_versions_without_a_correction_have_no_vote_and_a_correction_has_one() {
    let mut files = Example::Simulated.files();
    let own = Path::new("entries/new-dashboard/organisation-03.toml");
    let second = Path::new("entries/new-dashboard/organisation-03-b.toml");
    let text = files[own].clone();
    files.insert(second.to_owned(), text.clone());
    let standings = |files: &BoardFiles| {
        let board = Board::of(files).expect("it can be read");
        let claim = board.claims.into_iter().find(|claim| claim.claim.id == "new-dashboard").expect("it is there");
        let both = claim.entries.into_iter().filter(|entry| entry.name.starts_with("organisation-03"));
        both.map(|entry| entry.standing).collect::<Vec<_>>()
    };
    for standing in standings(&files) {
        assert!(standing.to_string().contains("neither corrects the other"), "{standing}");
    }
    files.insert(second.to_owned(), format!("corrects = \"organisation-03\"\n{text}"));
    assert_eq!(standings(&files), [Standing::Corrected("organisation-03-b".to_owned()), Standing::Admitted]);
    // Another name of an operator is what anybody may write.
    files.insert(second.to_owned(), format!("operator = \"another\"\n{text}"));
    assert!(standings(&files).iter().all(|standing| !standing.is_admitted()));
}

/// What became of a claim with some files more.
fn with_more(id: &str, more: &[(&str, String)]) -> BoardClaim {
    let mut files = Example::Simulated.files();
    files.extend(more.iter().map(|(name, text)| (PathBuf::from(format!("entries/{id}/{name}.toml")), text.clone())));
    let board = Board::of(&files).expect("it can be read");
    board.claims.into_iter().find(|claim| claim.claim.id == id).expect("it is there")
}

fn report(id: &str, name: &str) -> String {
    Example::Simulated.files()[Path::new(&format!("entries/{id}/{name}.toml"))].clone()
}

#[test]
fn nobody_corrects_what_is_of_somebody_else_and_only_a_vote_corrects() {
    let before = with_more("many-agents", &[]);
    let own = report("many-agents", "organisation-02");
    let stranger = own.replace("Organisation 02", "Nobody");
    let other = own.replace("Organisation 02", "Organisation 04");
    let old = own.replace("protocol = \"1\"", "protocol = \"0\"");
    for (name, text, why) in [
        ("stranger", format!("corrects = \"organisation-02\"\n{stranger}"), "Nobody is not enrolled"),
        ("another", format!("corrects = \"organisation-02\"\n{other}"), "which is of somebody else"),
        ("older", format!("corrects = \"organisation-02\"\n{old}"), "protocol 0"),
        ("typo", format!("corrects = \"organisation-2\"\n{other}"), "which is no report here"),
    ] {
        let after = with_more("many-agents", &[(name, text)]);
        let standing =
            |name: &str| after.entries.iter().find(|entry| entry.name == name).expect("it is listed").standing.clone();
        assert!(standing(name).to_string().contains(why), "{name}: {}", standing(name));
        assert_eq!(standing("organisation-02"), Standing::Admitted, "{name}");
        assert_eq!((after.verdict, &after.set_digest), (before.verdict, &before.set_digest), "{name}");
    }
    // In a circle nobody is left to stand for the other.
    let circle = with_more(
        "many-agents",
        &[
            ("circle-a", format!("corrects = \"circle-b\"\n{own}")),
            ("circle-b", format!("corrects = \"circle-a\"\n{own}")),
        ],
    );
    for entry in circle.entries.iter().filter(|entry| entry.name.starts_with("circle")) {
        assert!(entry.standing.to_string().contains("corrects it"), "{}", entry.standing);
    }
    assert_eq!(circle.verdict, before.verdict);
}

/// Whoever may invent operators would otherwise have as many votes as names.
#[test]
fn operators_are_told_apart_by_a_registry_alone() {
    let mut files = Example::Simulated.files();
    let own = Path::new("entries/new-dashboard/organisation-03.toml").to_owned();
    let claim = |board: Board| board.claims.into_iter().find(|one| one.claim.id == "new-dashboard").expect("there");
    let found = claim(Board::of(&files).expect("it can be read")).entries;
    let found = found.iter().find(|entry| entry.name == "organisation-03").expect("it is there").clone();
    files.remove(&own);
    let of = |operator: &str| {
        let mut entry = found.clone();
        entry.name = format!("by-{operator}");
        entry.digest = Some(format!("sha256:{operator}"));
        entry.report.operator = Some(operator.to_owned());
        ("new-dashboard".to_owned(), entry)
    };
    let standings = |files: &BoardFiles| {
        let board = Board::with(files, &[of("alice"), of("bob")]).expect("it can be read");
        let both = claim(board).entries.into_iter().filter(|entry| entry.digest.is_some());
        both.map(|entry| entry.standing).collect::<Vec<_>>()
    };
    let without = standings(&files);
    assert_eq!(without.len(), 2);
    for standing in without {
        assert!(standing.to_string().contains("neither corrects the other"), "{standing}");
    }
    files.insert("registry.toml".into(), "format_version = 1\n".to_owned());
    assert_eq!(standings(&files), [Standing::Admitted, Standing::Admitted]);
}

#[test]
fn where_there_are_keys_nothing_unsigned_speaks_and_a_metric_is_said_once() {
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    let registry = format!(
        "format_version = 1\n[[operators]]\nid = \"alice\"\norganisation = \"Organisation 02\"\n\
         enrolled_at = \"2026-01-01T00:00:00Z\"\nkeys = [{{ line = \"{line}\" }}]\n"
    );
    let mut files = Example::Simulated.files();
    files.insert("registry.toml".into(), registry);
    let board = Board::of(&files).expect("it can be read");
    let claim = board.claims.iter().find(|claim| claim.claim.id == "new-dashboard").expect("it is there");
    let standing = &claim.entries.iter().find(|entry| entry.name == "organisation-02").expect("it is listed").standing;
    assert!(standing.to_string().contains("speaks by what it signs"), "{standing}");
    files.insert("registry.toml".into(), "format_version = 9\n".to_owned());
    assert!(Board::of(&files).expect_err("refused").to_string().contains("registry.toml"));
    let text = report("new-dashboard", "organisation-03");
    let effect = text.split("[[effects]]").nth(1).expect("it has some");
    let twice = with_more("new-dashboard", &[("organisation-03", format!("{text}\n[[effects]]{effect}"))]);
    let standing = &twice.entries.iter().find(|entry| entry.name == "organisation-03").expect("it is listed").standing;
    assert!(standing.to_string().contains("more than once"), "{standing}");
}

#[test]
fn what_would_be_read_by_nobody_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in Example::Simulated.files() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }
    Board::open(folder.path()).expect("it can be read");
    let entries = folder.path().join("entries");
    for name in ["many-agents/x.TOML", "many-agents/x.tar.gz"] {
        std::fs::write(entries.join(name), "x").expect("it can be written");
        let refused = Board::open(folder.path()).expect_err("refused").to_string();
        assert!(refused.contains("NAME.toml"), "{refused}");
        std::fs::remove_file(entries.join(name)).expect("it can be removed");
    }
    std::fs::create_dir(entries.join("no-such-claim")).expect("it can be made");
    assert!(Board::open(folder.path()).expect_err("refused").to_string().contains("no claim of that name"));
}

#[test]
fn the_history_has_the_declared_looks_and_the_digest_is_of_the_set() {
    let board = opened(Example::Simulated);
    let many = board.claims.iter().find(|claim| claim.claim.id == "many-agents").expect("it is there");
    let looks: Vec<usize> =
        many.history.iter().filter(|point| point.is_look).map(|point| point.organisations).collect();
    assert_eq!(looks, [7, 13, 15]);
    for point in many.history.iter().filter(|point| !point.is_look) {
        assert_eq!(point.verdict, BoardVerdict::BetweenLooks, "{point:?}");
    }
    assert_eq!(many.history.last().map(|point| point.verdict), Some(many.verdict));
    // Names of files are in another order, and what is left out is no part of the set.
    let without = {
        let mut files = Example::Simulated.files();
        files.remove(Path::new("entries/many-agents/somebody-else.toml"));
        Board::of(&files).expect("it can be read")
    };
    let digest = |board: &Board| board.claims.iter().map(|claim| claim.set_digest.clone()).collect::<Vec<_>>();
    assert_eq!(digest(&board), digest(&without));
    let edited = changed("entries/many-agents/organisation-02.toml", |text| text.replacen("0.", "0.9", 1));
    assert_ne!(digest(&board)[0], digest(&edited.expect("it can be read"))[0]);
}

#[test]
fn what_cannot_be_is_refused_by_its_file() {
    let refused = |path: &str, from: &str, to: &str| {
        let found = changed(path, |text| {
            assert!(text.contains(from), "{text}");
            text.replacen(from, to, 1)
        });
        found.expect_err("refused").to_string()
    };
    let entry = "entries/many-agents/organisation-02.toml";
    assert!(refused(entry, "2026-01-12", "yesterday").contains("`yesterday`"));
    assert!(refused(entry, "\"higher\"", "\"up\"").contains("effect 1"));
    assert!(refused(entry, "title", "headline").contains("organisation-02.toml"));
    assert!(refused("claims/many-agents.toml", "many-agents", "others").contains("named after its `id`"));
    let mut files = Example::Simulated.files();
    files.insert("entries/many-agents/UP.toml".into(), files[Path::new(entry)].clone());
    assert!(Board::of(&files).expect_err("refused").to_string().contains("a file is named by"));
}
