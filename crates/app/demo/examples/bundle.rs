//! Writes the hospital as a FHIR transaction on stdout, to load another server with it:
//! `cargo run -p demo --example bundle -- SEED YYYY-MM-DD`.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().ok_or("give a seed")?.parse()?;
    let today = arguments.next().ok_or("give the day, as 2026-11-20")?.parse()?;
    let bundle = demo::Hospital::generate(seed, today).bundle();
    writeln!(std::io::stdout().lock(), "{bundle}")?;
    Ok(())
}
