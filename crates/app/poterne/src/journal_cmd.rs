//! `poterne journal verify`: everything, offline, on a copy or in place, without any secret.

use anyhow::{Context, Result, bail};
use journal::{Report, log::VKey};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::StoreConfig;

/// The journal's commands
#[derive(Debug, clap::Subcommand)]
pub enum JournalCommand {
    /// Verify every byte of the journal; exits 1 and names the first bad entry if anything is wrong
    Verify(VerifyArgs),
}

/// What `journal verify` is told.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The data folder (it holds `journal/`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The verification key you trust; without it the folder's own is used, and the answer says "unpinned"
    #[arg(long, value_name = "KEY")]
    vkey: Option<String>,
    /// Compare with the effects in this database (sqlite:FILE or postgres://…)
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs a command.
pub async fn run(command: JournalCommand) -> Result<ExitCode> {
    let JournalCommand::Verify(args) = command;
    let pinned = match &args.vkey {
        Some(text) => match text.trim().parse::<VKey>() {
            Ok(key) => Some(key),
            Err(error) => {
                crate::told(&format!("--vkey: {error}; a key reads name+hash+base64"));
                return Ok(ExitCode::from(2));
            }
        },
        None => None,
    };
    let (origins, mut stray) = origins(&args.data.join("journal"))?;
    let markers = match &args.database {
        Some(url) => Some(markers(url).await?),
        None => None,
    };
    // Effects of an origin whose journal is not there at all.
    let known = |origin: &String| origins.iter().any(|folder| folder.ends_with(origin));
    if let Some(lost) = markers.iter().flatten().map(|(origin, _)| origin).find(|origin| !known(origin)) {
        stray.get_or_insert_with(|| (lost.clone(), "the database holds effects of this origin, which has no journal"));
    }
    let mut reports = Vec::new();
    for folder in origins {
        let markers = markers.as_ref().map(|all| of_origin(all, &folder));
        reports.push(journal::verify(&folder, pinned.as_ref(), markers.as_ref()));
    }
    let ok = stray.is_none() && reports.iter().all(Report::ok);
    match args.format {
        Format::Json => crate::said(&in_json(ok, &reports, stray.as_ref())),
        Format::Text => crate::said(&in_words(ok, &reports, stray.as_ref())),
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What belongs to no journal, and why that is wrong.
type Stray = (String, &'static str);

/// The origins' folders, and the first thing beside them that is none.
fn origins(journal: &Path) -> Result<(Vec<PathBuf>, Option<Stray>)> {
    let mut folders = Vec::new();
    let mut stray = None;
    let entries = std::fs::read_dir(journal).with_context(|| format!("{} cannot be read", journal.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        } else {
            let name = entry.file_name().to_string_lossy().into_owned();
            stray.get_or_insert((name, "nothing but origins lies under journal/"));
        }
    }
    folders.sort();
    if folders.is_empty() {
        bail!("{} holds no journal", journal.display());
    }
    Ok((folders, stray))
}

type AllMarkers = BTreeMap<String, BTreeMap<types::TraceId, bool>>;

async fn markers(url: &str) -> Result<AllMarkers> {
    let store = store::open_reader(&StoreConfig::new(url)).await.context("the database cannot be opened")?;
    let found = journal::read_markers(&store).await.context("the effects cannot be read")?;
    store.close().await;
    Ok(found)
}

fn of_origin(all: &AllMarkers, folder: &Path) -> BTreeMap<types::TraceId, bool> {
    let origin = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    all.get(origin).cloned().unwrap_or_default()
}

fn in_json(ok: bool, reports: &[Report], stray: Option<&Stray>) -> Value {
    let one = |report: &Report| {
        let verdict = &report.verdict;
        json!({
            "ok": report.ok(),
            "origin": verdict.origin,
            "entries": verdict.entries,
            "root": verdict.root,
            "checkpoint": verdict.checkpoint.as_ref().map(|at| json!({ "size": at.size, "root": hex(&at.root) })),
            "vkey": verdict.vkey,
            "pinned": verdict.pinned,
            "intents_open": report.intents_open,
            "bad": bad(report),
        })
    };
    let mut all: Vec<Value> = reports.iter().map(one).collect();
    let stray = stray.map(|(name, what)| json!({ "file": name, "index": null, "what": what }));
    // One node, one journal: its answer is the answer. Several are listed besides.
    let mut first = all.first().cloned().unwrap_or_else(|| json!({}));
    if let Some(answer) = first.as_object_mut() {
        answer.insert("ok".into(), ok.into());
        if let Some(worst) = all.iter().find(|one| one.get("ok") == Some(&Value::Bool(false))) {
            answer.insert("bad".into(), worst.get("bad").cloned().unwrap_or(Value::Null));
        }
        if let Some(stray) = stray {
            answer.insert("bad".into(), stray);
        }
        if all.len() > 1 {
            answer.insert("origins".into(), Value::Array(std::mem::take(&mut all)));
        }
    }
    first
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bad(report: &Report) -> Value {
    match (&report.verdict.bad, report.database.first()) {
        (Some(bad), _) => json!({ "file": bad.file, "index": bad.index, "what": bad.what }),
        (None, Some(what)) => json!({ "file": "database", "index": null, "what": what }),
        (None, None) => Value::Null,
    }
}

fn in_words(ok: bool, reports: &[Report], stray: Option<&Stray>) -> String {
    let mut lines = Vec::new();
    for report in reports {
        let verdict = &report.verdict;
        match &verdict.bad {
            Some(bad) => lines.push(format!("BAD  {}: {bad}", verdict.origin)),
            None => lines.push(format!("ok   {}: {} entries, root {}", verdict.origin, verdict.entries, verdict.root)),
        }
        lines.extend(report.database.iter().map(|what| format!("BAD  {what}")));
        if report.intents_open > 0 {
            lines.push(format!("     {} acts are under way or wait for the next start", report.intents_open));
        }
        if !verdict.pinned {
            lines.push(format!("     unpinned: verified with the folder's own key, {}", verdict.vkey));
        }
    }
    if let Some((name, what)) = stray {
        lines.push(format!("BAD  journal/{name}: {what}"));
    }
    lines.push(if ok { "The journal is whole.".into() } else { "The journal is NOT whole.".into() });
    lines.join("\n")
}
