//! One `.slt` file per SQL file: literal tables in, literal rows out. `$name` stands for the query in `name.sql`.

use std::path::Path;

use async_trait::async_trait;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

struct Engine(SessionContext);

#[async_trait]
impl AsyncDB for Engine {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DataFusionError> {
        let frame = self.0.sql(sql).await?;
        let width = frame.schema().fields().len();
        let batches = frame.collect().await?;
        let options = FormatOptions::default().with_null("NULL").with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%SZ"));
        let mut rows = Vec::new();
        for batch in &batches {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options))
                .collect::<Result<_, _>>()?;
            rows.extend(
                (0..batch.num_rows()).map(|at| columns.iter().map(|texts| texts.value(at).to_string()).collect()),
            );
        }
        if width == 0 || (rows.is_empty() && batches.is_empty()) {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; width], rows })
    }

    async fn shutdown(&mut self) {}
}

fn sql_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["metrics", "stages", "views"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is part of the crate") {
            let path = entry.expect("a folder can be listed").path();
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path).expect("it can be read")));
        }
    }
    // The longest name first: one name may begin with another.
    files.sort_by_key(|(name, _)| (std::cmp::Reverse(name.len()), name.clone()));
    files
}

#[test]
fn every_sql_file_has_its_literal_tables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    for (name, _) in sql_files() {
        assert!(folder.join(format!("{name}.slt")).is_file(), "`{name}.sql` has no `tests/slt/{name}.slt`");
    }
}

#[test]
fn literal_tables_give_literal_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let queries = sql_files();
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is part of the crate")
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    paths.sort();
    for path in paths {
        run_script(&path, &queries);
    }
}

/// Runs a script in a session of its own, with the text of each query in place of `$name`.
pub(crate) fn run_script(path: &Path, queries: &[(String, String)]) {
    // The runner brings its own executor; the engine needs this one for its threads.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let _entered = runtime.enter();
    let mut script = std::fs::read_to_string(path).expect("it can be read");
    for (name, sql) in queries {
        // Comments and line ends would end the record early.
        let sql: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default().trim()).collect();
        script = script.replace(&format!("${name}"), &sql.join(" "));
    }
    let mut runner = Runner::new(|| async { Ok(Engine(derive::with_functions(&SessionContext::new(), 7))) });
    runner
        .run_script_with_name(&script, path.display().to_string())
        .unwrap_or_else(|error| panic!("{}", error.display(false)));
}
