//! Embeds the SQL folders whole, so that a new metric is a new file and no list has to be edited.

use std::path::{Path, PathBuf};
use std::{env, fmt::Write, fs};

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    for folder in ["metrics", "stages", "views", "evidence", "observations", "profiles"] {
        println!("cargo::rerun-if-changed={folder}");
        let whole = Path::new(&root).join(folder);
        let mut list = String::from("&[\n");
        for path in sql_files(&whole) {
            let name = path.strip_prefix(&whole).expect("it lies in the folder").with_extension("");
            let name = name.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
            writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string())
                .expect("writing to a text never fails");
        }
        list.push_str("]\n");
        fs::write(Path::new(&out).join(format!("{folder}.rs")), list).expect("the output folder can be written");
    }
}

/// The SQL files of a folder and of the folders in it, sorted.
fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of SQL files is part of the crate") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            found.extend(sql_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            found.push(path);
        }
    }
    found.sort();
    found
}
