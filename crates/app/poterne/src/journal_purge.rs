//! `poterne journal purge --dry-run`: which months of traces go when, from the clear parts of the journal, without any
//! secret, beside a running node or on a copy. Only the node destroys: it alone can say so in its journal first.

use crate::{journal_cmd::Format, operator};
use anyhow::{Context, Result, bail};
use journal::retention::{FamilyMonth, Keeping, KeptBy, Prospect, Standing, keeping_of};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use types::{Family, Time};

/// What `journal purge` is told.
#[derive(Debug, clap::Args)]
pub struct PurgeArgs {
    /// The data folder (it holds `journal/` and `vault/`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The node's name in the journal; needed where several nodes' journals lie there
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &PurgeArgs) -> Result<ExitCode> {
    if !args.dry_run {
        let why =
            "the node destroys what is due by itself, each hour, once its journal says so; add --dry-run to see what";
        crate::told(&why);
        return Ok(ExitCode::from(2));
    }
    let journal = args.data.join("journal");
    let origin = match &args.origin {
        Some(origin) => origin.clone(),
        None => the_node(&journal)?,
    };
    let now = Time::from_micros(jiff::Timestamp::now().as_microsecond());
    let keeping = keeping_of(&journal, &origin, &args.data.join("vault"), now)?;
    match args.format {
        Format::Json => crate::said(&in_json(&origin, &keeping)),
        Format::Text => crate::said(&in_words(&keeping)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The one node whose journal lies there; the operator's beside it says nothing of retention.
fn the_node(journal: &Path) -> Result<String> {
    let mut nodes = Vec::new();
    let entries = std::fs::read_dir(journal).with_context(|| format!("{} cannot be read", journal.display()))?;
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if journal.join(&name).join("vkey").is_file() && !operator::is_origin(&name) {
            nodes.push(name);
        }
    }
    match nodes.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("{} holds no node's journal", journal.display()),
        _ => bail!("{} holds several nodes' journals; name one with --origin", journal.display()),
    }
}

fn day(time: Time) -> String {
    let at = jiff::Timestamp::from_microsecond(time.micros());
    at.map_or_else(|_| "never".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

fn entries(month: &FamilyMonth) -> u64 {
    month.sealed.iter().map(|sealed| sealed.count).sum()
}

fn in_json(origin: &str, keeping: &Keeping) -> Value {
    let month = |one: &FamilyMonth| {
        json!({
            "pair": one.pair,
            "family": one.family.as_str(),
            "month": one.month.to_string(),
            "entries": entries(one),
            "retention_months": one.months,
            "term": day(one.term),
            "standing": one.standing.as_str(),
        })
    };
    let family = |family: &Family| {
        let to_come = keeping.book.retention_to_come(*family, keeping.at);
        json!({
            "family": family.as_str(),
            "retention_months": keeping.book.retention_months(*family, keeping.at),
            "retention_months_min": family.retention_months_min(),
            "to_come": to_come.map(|(months, from)| json!({ "retention_months": months, "from": day(from) })),
        })
    };
    json!({
        "origin": origin,
        "families": Family::ALL.iter().map(family).collect::<Vec<_>>(),
        "holds": keeping.book.holds(keeping.at).count(),
        "proposals": keeping.book.proposals(keeping.at).count(),
        "strays": keeping.book.stray(),
        "readable": keeping.book.is_whole(),
        "minimum": {
            "present": keeping.minimum.present,
            "since": keeping.minimum.since.map(|month| month.to_string()),
            "next": keeping.minimum.next,
            "kept_by": kept_by(&keeping.minimum.kept_by),
        },
        "months": keeping.months.iter().map(month).collect::<Vec<_>>(),
    })
}

/// What keeps the first entries, in one word and its place.
fn kept_by(kept_by: &KeptBy) -> Value {
    match kept_by {
        KeptBy::Term(at) => json!({ "what": "term", "at": day(*at) }),
        KeptBy::Unproven => json!({ "what": "unproven" }),
        KeptBy::Key(pair) => json!({ "what": "key", "pair": pair }),
        KeptBy::Hold(month) => json!({ "what": "hold", "month": month.to_string() }),
        KeptBy::Act(entry) => json!({ "what": "act", "entry": entry }),
        KeptBy::Segments => json!({ "what": "segments" }),
        KeptBy::Unreadable => json!({ "what": "unreadable" }),
    }
}

fn minimum_in_words(minimum: &Prospect) -> String {
    let why = match &minimum.kept_by {
        KeptBy::Term(at) => format!("the longest retention of what follows ends on {}", day(*at)),
        KeptBy::Unproven => "by the clock more could go, but the journal has not lived that long".to_owned(),
        KeptBy::Key(pair) => format!("the key of {pair} is not destroyed"),
        KeptBy::Hold(month) => format!("a legal hold keeps {month}"),
        KeptBy::Act(entry) => format!("an act about entry {entry} waits for its outcome"),
        KeptBy::Segments => "what follows still lies in the segments too".to_owned(),
        KeptBy::Unreadable => "something in the journal cannot be read: nothing goes".to_owned(),
    };
    let present = match minimum.present {
        0 => "The journal is kept from its first entry on".to_owned(),
        present => format!("The journal is kept from entry {present} on"),
    };
    if minimum.next > minimum.present {
        format!("{present}; the node removes those before {} within the hour; then: {why}.", minimum.next)
    } else {
        format!("{present}: {why}.")
    }
}

fn in_words(keeping: &Keeping) -> String {
    let mut lines = Vec::new();
    for one in &keeping.months {
        let why = match one.standing {
            Standing::Kept => format!("goes on {}", day(one.term)),
            Standing::Held => "its term is reached; a legal hold keeps it".to_owned(),
            Standing::Unproven => {
                "by the clock its term is reached, but the journal has not lived that long".to_owned()
            }
            Standing::Due => "its term is reached: the node destroys its key within the hour".to_owned(),
            Standing::Destroyed => "its key is destroyed".to_owned(),
        };
        lines.push(format!("{:25} {:>9} entries  {why}", one.pair, entries(one)));
    }
    if keeping.book.stray() > 0 {
        lines.push(format!(
            "ALARM {} statements in the journal change nothing: nobody writes such",
            keeping.book.stray()
        ));
    }
    if !keeping.book.is_whole() {
        lines.push("ALARM a statement in the journal cannot be read: nothing goes".to_owned());
    }
    if lines.is_empty() {
        lines.push("No month of traces is here.".to_owned());
    }
    lines.push(minimum_in_words(&keeping.minimum));
    lines.join("\n")
}
