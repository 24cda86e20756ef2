//! Turns `locales/` into typed sentences and `assets/` into embedded files with lasting names.
#![allow(clippy::print_stdout)] // A build script speaks to cargo on its standard output.

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/catalogue.rs"]
mod catalogue;

use catalogue::Typography;
use std::{
    env, fs,
    io::{Error, Result},
    path::PathBuf,
    process::ExitCode,
};

fn main() -> ExitCode {
    match run() {
        Ok(mistakes) if mistakes.is_empty() => ExitCode::SUCCESS,
        Ok(mistakes) => {
            for mistake in mistakes {
                println!("cargo::error={}", mistake.replace('\n', " "));
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("cargo::error=the pages' files cannot be prepared: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the generated files; returns what is wrong with the languages.
fn run() -> Result<Vec<String>> {
    let folder = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| Error::other(format!("no {name}")));
    let out = folder("OUT_DIR")?;
    let root = folder("CARGO_MANIFEST_DIR")?.join("../../..").canonicalize()?;
    for watched in ["locales", "assets"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");

    let mut mistakes = Vec::new();
    let mut read = |file: &str, set| -> Result<catalogue::Catalogue> {
        Ok(catalogue::read(file, &fs::read_to_string(root.join(file))?, set, &mut mistakes))
    };
    let french = read("locales/fr.toml", Typography::French)?;
    let english = read("locales/en.toml", Typography::English)?;
    if mistakes.is_empty() {
        mistakes = catalogue::compare(&french, &english);
    }
    if !mistakes.is_empty() {
        return Ok(mistakes.iter().map(ToString::to_string).collect());
    }
    fs::write(out.join("text.rs"), catalogue::generate(&french, &english))?;

    let assets = root.join("assets");
    fs::write(out.join("assets.rs"), bundle::generate(&bundle::served(&assets, &out)?))?;
    fs::write(out.join("icons.rs"), bundle::icons(&assets)?)?;
    Ok(Vec::new())
}
