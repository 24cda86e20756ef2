//! Where journals are verified: a data folder, or an archive of one.

use super::kept;
use anyhow::{Context, Result, bail};
use journal::{
    Against, KeptCheckpoint, Report, Verifying,
    log::{Archive, Bad},
    stamp::KeptStamps,
};
use std::path::{Path, PathBuf};

/// What belongs to no journal, and why that is wrong.
pub(super) type Stray = (String, &'static str);

pub(super) enum Source {
    Folder { data: PathBuf, origins: Vec<String>, stray: Option<Stray> },
    Archive(Box<Archive>),
}

impl Source {
    /// A data folder: the origins under `journal/`, and the first thing beside them that is none.
    pub fn folder(data: &Path) -> Result<Self> {
        let journal = data.join("journal");
        let (mut origins, mut stray) = (Vec::new(), None);
        let entries = std::fs::read_dir(&journal).with_context(|| format!("{} cannot be read", journal.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                origins.push(name);
            } else {
                stray.get_or_insert((name, "nothing but origins lies under journal/"));
            }
        }
        origins.sort();
        if origins.is_empty() {
            bail!("{} holds no journal", journal.display());
        }
        Ok(Self::Folder { data: data.to_owned(), origins, stray })
    }

    /// An archive.
    pub fn archive(file: &Path) -> Result<Self, Bad> {
        let archive = Archive::open(file)?;
        let empty = archive.origins().next().is_none();
        let nothing = || Bad { file: file.display().to_string(), index: None, what: "holds no journal".to_owned() };
        if empty { Err(nothing()) } else { Ok(Self::Archive(Box::new(archive))) }
    }

    /// The journals in it, by name.
    pub fn origins(&self) -> Vec<String> {
        match self {
            Self::Folder { origins, .. } => origins.clone(),
            Self::Archive(archive) => archive.origins().map(str::to_owned).collect(),
        }
    }

    /// What lies there and belongs to none.
    pub fn stray(&self) -> Option<Stray> {
        match self {
            Self::Folder { stray, .. } => stray.clone(),
            Self::Archive(_) => None,
        }
    }

    /// The checkpoints that the node kept of its witnesses.
    pub fn kept(&self, origin: &str) -> Result<Vec<KeptCheckpoint>> {
        match self {
            Self::Folder { data, .. } => kept::of_node(data, origin),
            Self::Archive(archive) => {
                let found = archive.kept(origin).map_err(|bad| anyhow::anyhow!("{bad}"))?;
                Ok(found.into_iter().map(|(name, bytes)| KeptCheckpoint::read(name, &bytes)).collect())
            }
        }
    }

    /// The time stamps that the node kept.
    pub fn stamps(&self, origin: &str) -> Result<KeptStamps> {
        match self {
            Self::Folder { data, .. } => Ok(KeptStamps::read(format!("stamped/{origin}"), kept::stamps(data, origin)?)),
            Self::Archive(archive) => archive.stamps(origin).map_err(|bad| anyhow::anyhow!("{bad}")),
        }
    }

    /// Verifies one journal.
    pub fn verify(&self, origin: &str, how: &Verifying<'_>, against: &Against<'_>) -> Option<Report> {
        match self {
            Self::Folder { data, .. } => Some(journal::verify_with(&data.join("journal").join(origin), how, against)),
            Self::Archive(archive) => journal::verify_archived(archive, origin, how, against),
        }
    }
}
