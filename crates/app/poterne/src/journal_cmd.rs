//! `poterne journal verify`: everything, offline, on a copy or in place, without any secret.

mod answer;
mod export;
mod kept;
mod progress;
mod renew;
mod source;

use anyhow::{Context, Result, bail};
use journal::{
    Against, KeptCheckpoint, Report, Verifying,
    log::{Bad, VKey, WitnessKey},
    stamp::missing,
};
use progress::Progress;
use source::Source;
use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf, process::ExitCode};
use store::StoreConfig;

/// The journal's commands
#[derive(Debug, clap::Subcommand)]
pub enum JournalCommand {
    /// Verify every byte of the journal; exits 1 and names the first bad entry if anything is wrong
    Verify(VerifyArgs),
    /// Copy the journal into one archive that `verify --archive` reads, without any key; its node may be at work
    Export(export::ExportArgs),
    /// Witness other people's journals: remember their checkpoints, cosign only what continues them
    Witness(crate::witness::WitnessArgs),
    /// Let another key sign the journal from now on, which the present one names; its node is stopped
    RenewKey(renew::RenewArgs),
    /// Say which months of traces go when, and why others stay; the node itself destroys what is due
    Purge(crate::journal_purge::PurgeArgs),
}

/// What `journal verify` is told.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The data folder (it holds `journal/`)
    #[arg(long, value_name = "DIR", required_unless_present = "archive")]
    data: Option<PathBuf>,
    /// Or an archive made by `journal export`, read where it lies
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    archive: Option<PathBuf>,
    /// The verification key you trust, the present one or one before it; without it the folder's own is used, and the answer says "unpinned"
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
    /// Verify the copies of other nodes' journals that this one follows, under DIR/followed: what those publish, key, checkpoint and tiles
    #[arg(long, requires = "data", conflicts_with_all = ["database", "stamps_ca"])]
    followed: bool,
    /// The certificates (PEM) of the authority of time stamps you trust: one at least of the stamps kept under DIR/stamped must be its
    #[arg(long, value_name = "FILE")]
    stamps_ca: Option<PathBuf>,
    /// Threads that read and hash, 64 at most; as many as there are cores, if you do not say
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Runs a command.
pub async fn run(command: JournalCommand) -> Result<ExitCode> {
    let args = match command {
        JournalCommand::Verify(args) => args,
        JournalCommand::Export(args) => return export::run(&args),
        JournalCommand::Witness(args) => return crate::witness::run(args).await,
        JournalCommand::RenewKey(args) => return renew::run(&args).await,
        JournalCommand::Purge(args) => return crate::journal_purge::run(&args),
    };
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
    let authority = match args.stamps_ca.as_deref().map(kept::authority) {
        None => None,
        Some(Ok(authority)) => Some(authority),
        Some(Err(error)) => {
            crate::told(&format!("--stamps-ca: {error:#}; name a file of certificates in PEM"));
            return Ok(ExitCode::from(2));
        }
    };
    let source = match (&args.data, &args.archive) {
        (Some(data), _) if args.followed => Source::folder(&data.join("followed"))?,
        (Some(data), _) => Source::folder(data)?,
        (None, Some(file)) => match Source::archive(file) {
            Ok(source) => source,
            Err(bad) => return Ok(refused(args.format, &bad)),
        },
        (None, None) => bail!("say which journal: --data DIR or --archive FILE"),
    };
    let (mut origins, mut stray) = (source.origins(), source.stray());
    if let Some(name) = &args.origin {
        origins.retain(|origin| origin == name);
        if origins.is_empty() {
            bail!("there is no journal of {name} here");
        }
    }
    // Before the journals: one that is being written only grows meanwhile.
    let mut kept = kept::read(&args.checkpoint)?;
    let markers = match &args.database {
        Some(url) => Some(markers(url).await?),
        None => None,
    };
    // Effects of an origin whose journal is not there at all.
    let known = |origin: &String| origins.contains(origin);
    // With --origin, of the others nothing is said.
    if args.origin.is_none()
        && let Some(lost) = markers.iter().flatten().map(|(origin, _)| origin).find(|origin| !known(origin))
    {
        stray.get_or_insert_with(|| (lost.clone(), "the database holds effects of this origin, which has no journal"));
    }
    let mut reports = Vec::new();
    for name in origins {
        let markers = markers.as_ref().map(|all| all.get(&name).cloned().unwrap_or_default());
        let mut mine: Vec<KeptCheckpoint> = kept.extract_if(.., |one| one.origin() == Some(name.as_str())).collect();
        mine.extend(source.kept(&name)?);
        let stamps = source.stamps(&name)?;
        mine.extend(stamps.checkpoints());
        let against = Against {
            markers: markers.as_ref(),
            kept: &mine,
            witnesses: &witnesses,
            stamps: Some(&stamps),
            authority: authority.as_ref(),
        };
        let progress = Progress::new();
        let how = Verifying {
            pinned: pinned.as_ref(),
            threads: threads(args.threads),
            published_only: args.followed,
            progress: &|done, all| progress.tell(done, all),
            ..Verifying::default()
        };
        let mut report = source.verify(&name, &how, &against);
        if let Some(report) = report.as_mut().filter(|_| authority.is_some()) {
            // Read again: a stamp is kept before the journal says so.
            report.silent.extend(missing(&report.stamped, &source.stamps(&name)?));
        }
        reports.extend(report);
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

/// An archive that cannot be read as one.
fn refused(format: Format, bad: &Bad) -> ExitCode {
    match format {
        Format::Json => crate::said(&serde_json::json!({ "ok": false, "bad": answer::in_fields(bad) })),
        Format::Text => crate::said(&format!("BAD  {bad}\nThe journal is NOT whole.")),
    }
    ExitCode::FAILURE
}

type AllMarkers = BTreeMap<String, journal::Markers>;

async fn markers(url: &str) -> Result<AllMarkers> {
    let store = store::open_reader(&StoreConfig::new(url)).await.context("the database cannot be opened")?;
    let found = journal::read_markers(&store).await.context("the effects cannot be read")?;
    store.close().await;
    Ok(found)
}
