//! Embeds the SQL folders whole, so that a new metric is a new file and no list has to be edited.

use std::{env, fmt::Write, fs, path::Path};

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    for folder in ["metrics", "stages", "views"] {
        println!("cargo::rerun-if-changed={folder}");
        let mut paths: Vec<_> = fs::read_dir(Path::new(&root).join(folder))
            .expect("the folder of SQL files is part of the crate")
            .map(|entry| entry.expect("a folder can be listed").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
            .collect();
        paths.sort();
        let mut list = String::from("&[\n");
        for path in paths {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string())
                .expect("writing to a text never fails");
        }
        list.push_str("]\n");
        fs::write(Path::new(&out).join(format!("{folder}.rs")), list).expect("the output folder can be written");
    }
}
