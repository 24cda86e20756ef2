//! Has the newest checkpoint stamped by an authority, once a day (UTC): at the day's beginning, or at the start if that was
//! missed. Whoever waits for nothing else never waits for it.

use crate::timestamp::{Client, Settings};
use anyhow::Context as _;
use journal::{
    Journal,
    stamp::{StampFiles, newest},
    witness::day_of,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;
use types::Event;
use web::health::{Check, State};

/// How often it is looked whether this day has its stamp, and how long after a first failure it is tried again.
const EVERY: Duration = Duration::from_secs(5);
/// It doubles up to this.
const PAUSE_MAX: Duration = Duration::from_secs(3600);

struct Stamper {
    journal: Journal,
    folder: PathBuf,
    files: StampFiles,
    client: Client,
    /// Attempts that failed since the last stamp.
    failed: u64,
    /// The day whose lack is traced already.
    told: Option<String>,
}

/// Stamps each day until the node stops.
pub(super) async fn stamp(journal: Journal, data: &Path, settings: Settings, check: Check) {
    let origin = journal.origin().to_owned();
    let client = match Client::new(&settings) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = %format!("{error:#}"), "the authority of time stamps cannot be asked");
            return check.set(State::Degraded(format!("{error:#}")));
        }
    };
    let (folder, files) = (data.join("journal").join(&origin), StampFiles::new(&data.join("stamped"), &origin));
    let mut stamper = Stamper { journal, folder, files, client, failed: 0, told: None };
    let mut pause = EVERY;
    loop {
        if stamper.files.has(stamper.journal.now()) {
            check.set(State::Ready);
            pause = EVERY;
        } else {
            match stamper.once().await {
                Ok(size) => {
                    stamper.stamped(size).await;
                    continue;
                }
                Err(why) => {
                    check.set(State::Degraded(format!("the journal has no stamp of this day: {why}")));
                    stamper.unstamped(&why).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        sleep(pause).await;
    }
}

impl Stamper {
    /// Has the newest checkpoint stamped, and keeps it. Gives how many entries are under it.
    async fn once(&self) -> Result<u64, String> {
        let folder = self.folder.clone();
        let read = tokio::task::spawn_blocking(move || newest(&folder)).await;
        let read = read.map_err(|_| "an internal fault".to_owned())?;
        let (note, checkpoint) = read.map_err(|bad| bad.to_string())?;
        let (stamped, response) = self.client.stamp(&note, || self.journal.now()).await?;
        let files = self.files.clone();
        let kept = tokio::task::spawn_blocking(move || files.keep(&stamped, &note, &response)).await;
        let kept = kept.context("an internal fault").and_then(|kept| Ok(kept?));
        match kept {
            Ok(true) => Ok(checkpoint.size),
            Ok(false) => Err("by the authority's clock it is still the day before, which is stamped".to_owned()),
            Err(error) => Err(format!("the stamp cannot be kept ({error:#})")),
        }
    }

    async fn stamped(&mut self, size: u64) {
        let before =
            if self.failed == 0 { String::new() } else { format!(", after {} attempts that failed", self.failed) };
        tracing::info!(size, "the journal is stamped");
        let noted = self.journal.note_node(Event::JournalStamped, Some(format!("{size} entries{before}"))).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "that the journal was stamped could not be traced");
        }
        (self.failed, self.told) = (0, None);
    }

    /// One trace a day, however often it is tried.
    async fn unstamped(&mut self, why: &str) {
        self.failed += 1;
        let today = day_of(self.journal.now());
        if self.told.as_ref() == Some(&today) {
            tracing::warn!(why, failed = self.failed, "the journal is not stamped; the authority is asked again");
            return;
        }
        tracing::error!(why, "the journal is not stamped");
        match self.journal.note_node(Event::JournalUnstamped, Some(why.to_owned())).await {
            Ok(()) => self.told = Some(today),
            Err(error) => tracing::warn!(%error, "that the journal is not stamped could not be traced yet"),
        }
    }
}
