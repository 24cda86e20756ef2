//! `poterne journal verify`: everything, offline, on a copy or in place, without any secret.

mod answer;
mod kept;
mod progress;

use anyhow::{Context, Result, bail};
use journal::{
    Against, KeptCheckpoint, Report, Verifying,
    log::{VKey, WitnessKey},
};
use progress::Progress;
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
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
    /// Verify this one origin only
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// A signed checkpoint of this journal that was kept elsewhere: its entries must still be the first ones
    #[arg(long, value_name = "FILE", num_args = 1..)]
    checkpoint: Vec<PathBuf>,
    /// The key of a witness you trust: it must have cosigned a checkpoint given, or kept under DIR/witnessed
    #[arg(long, value_name = "KEY", num_args = 1..)]
    witness: Vec<String>,
    /// Threads that read and hash, 64 at most; as many as there are cores, if you do not say
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
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
    let witnesses = args.witness.iter().map(|text| text.trim().parse::<WitnessKey>()).collect::<Result<Vec<_>, _>>();
    let witnesses = match witnesses {
        Ok(witnesses) => witnesses,
        Err(error) => {
            crate::told(&format!("--witness: {error}; a witness's key reads name+hash+base64"));
            return Ok(ExitCode::from(2));
        }
    };
    let (mut origins, mut stray) = origins(&args.data.join("journal"))?;
    if let Some(name) = &args.origin {
        origins.retain(|folder| folder.ends_with(name));
        if origins.is_empty() {
            bail!("there is no journal of {name}; see the folders under journal/");
        }
    }
    // Before the journals: one that is being written only grows meanwhile.
    let mut kept = kept::read(&args.checkpoint)?;
    let markers = match &args.database {
        Some(url) => Some(markers(url).await?),
        None => None,
    };
    // Effects of an origin whose journal is not there at all.
    let known = |origin: &String| origins.iter().any(|folder| folder.ends_with(origin));
    // With --origin, of the others nothing is said.
    if args.origin.is_none()
        && let Some(lost) = markers.iter().flatten().map(|(origin, _)| origin).find(|origin| !known(origin))
    {
        stray.get_or_insert_with(|| (lost.clone(), "the database holds effects of this origin, which has no journal"));
    }
    let mut reports = Vec::new();
    for folder in origins {
        let markers = markers.as_ref().map(|all| of_origin(all, &folder));
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut mine: Vec<KeptCheckpoint> = kept.extract_if(.., |one| one.origin() == Some(name)).collect();
        mine.extend(kept::of_node(&args.data, name)?);
        let against = Against { markers: markers.as_ref(), kept: &mine, witnesses: &witnesses };
        let progress = Progress::new();
        let how = Verifying {
            pinned: pinned.as_ref(),
            threads: threads(args.threads),
            progress: &|done, all| progress.tell(done, all),
            ..Verifying::default()
        };
        reports.push(journal::verify_with(&folder, &how, &against));
        progress.end();
    }
    if let Some(other) = kept.first() {
        stray.get_or_insert_with(|| (other.file.clone(), "is not a checkpoint of a journal verified here"));
    }
    let ok = stray.is_none() && reports.iter().all(Report::ok);
    match args.format {
        Format::Json => crate::said(&answer::in_json(ok, &reports, stray.as_ref())),
        Format::Text => crate::said(&answer::in_words(ok, &reports, stray.as_ref())),
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// As many threads as were asked for, or one a core; no more than a journal of any size makes use of.
fn threads(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    const THREADS_MAX: usize = 64;
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let wanted = asked.unwrap_or_else(cores).get().min(THREADS_MAX);
    NonZeroUsize::new(wanted).unwrap_or(NonZeroUsize::MIN)
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
