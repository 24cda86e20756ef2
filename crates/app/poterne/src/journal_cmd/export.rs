//! `poterne journal export`: the journal in one file, for somebody who verifies it elsewhere.

use super::{kept, source::Source};
use anyhow::{Context, Result, bail};
use journal::Beside;
use std::{
    fs::{File, OpenOptions, remove_file},
    io::BufWriter,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What `journal export` is told.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The data folder (it holds `journal/`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The archive to make, a plain tar; a file that is there is not replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Export this one origin only
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
}

/// Runs it.
pub(super) fn run(args: &ExportArgs) -> Result<ExitCode> {
    let mut origins = Source::folder(&args.data)?.origins();
    if let Some(name) = &args.origin {
        origins.retain(|origin| origin == name);
        if origins.is_empty() {
            bail!("there is no journal of {name} here");
        }
    }
    // Before the journals: one that is being written only grows meanwhile.
    let kept = origins.iter().map(|origin| beside(&args.data, origin)).collect::<Result<Vec<_>>>()?;
    let folders: Vec<PathBuf> = origins.iter().map(|origin| args.data.join("journal").join(origin)).collect();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.out);
    let file = file.with_context(|| format!("{} cannot be made", args.out.display()))?;
    let logs = folders.iter().zip(&origins).zip(kept);
    let logs = logs.map(|((folder, origin), kept)| (folder.as_path(), origin.as_str(), kept));
    match write(logs, file) {
        Ok(entries) => {
            crate::said(&format!("{entries} entries of {} are in {}.", origins.join(", "), args.out.display()));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let _ = remove_file(&args.out);
            Err(error)
        }
    }
}

/// What is kept of a journal's witnesses and of who stamps it.
fn beside(data: &Path, origin: &str) -> Result<Beside> {
    let under = |folder: &str, files: Vec<(String, Vec<u8>)>| {
        let folder = format!("{folder}/{origin}");
        files.into_iter().map(move |(name, bytes)| (folder.clone(), name, bytes))
    };
    let witnessed = under("witnessed", kept::files(data, origin)?);
    Ok(witnessed.chain(under("stamped", kept::stamps(data, origin)?)).collect())
}

fn write<'a>(logs: impl Iterator<Item = (&'a Path, &'a str, Beside)>, file: File) -> Result<u64> {
    let written = journal::export(logs, BufWriter::new(file));
    let (out, entries) = written.map_err(|bad| anyhow::anyhow!("{bad}; nothing was exported"))?;
    let file = out.into_inner().map_err(|error| anyhow::anyhow!("the archive cannot be written: {error}"))?;
    file.sync_all().context("the archive cannot be written")?;
    Ok(entries)
}
