//! Writes valid inputs of every decoder, made by the code itself, under a folder: `TARGET/seed-NUMBER`. Or, without a
//! folder, names the decoders.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1);
    let decoders = [journal::fuzzing::TARGETS, interventions::fuzzing::TARGETS, wire::fuzzing::TARGETS];
    for (name, _, seeds) in decoders.into_iter().flatten() {
        let Some(folder) = &folder else {
            println!("{name}");
            continue;
        };
        let folder = Path::new(folder).join(name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
