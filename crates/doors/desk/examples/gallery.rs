//! Writes every page with invented people to a folder, to be looked at: `cargo run -p desk --example gallery -- DIR`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::{env, fs, path::Path};
use types::Lang;

fn main() {
    let folder = env::args().nth(1).expect("give the folder to write");
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("assets")).unwrap();
    for asset in web::assets::ALL {
        fs::write(folder.join(asset.path.trim_start_matches('/')), asset.bytes).unwrap();
    }
    for lang in Lang::ALL {
        for (name, html) in samples::all(*lang) {
            fs::write(folder.join(format!("{lang}-{name}.html")), html).unwrap();
        }
    }
}
