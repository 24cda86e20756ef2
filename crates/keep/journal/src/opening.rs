//! Opening a journal: as it was left, or under a new origin when its folder has lost something.

use crate::{
    Journal, JournalConfig, JournalError, Refusals, Revoked,
    entry::Body,
    heads::{self, Survey},
    keeper::EXTRAS_UNDER_WAY_MAX,
    log::{Keys, Log, LogConfig, LogError, Opened, Renewal, Signer, VKey, read_revocations, renew, renewals},
    retention::{Keeper, Statement, extras_of},
    seal::Seals,
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock, Weak},
    time::Duration,
};
use store::WriteDoor;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use types::{Clock, Event, Extras, SystemActor, Time};
use vault::{Holder, MasterKey, MonthKeys, Purpose};

/// How often at most a new checkpoint is told to the database.
const REMEMBER_EVERY: Duration = Duration::from_secs(1);

/// An opened log whose folder holds what is remembered of it.
struct Found {
    opened: Opened,
    survey: Survey,
}

/// What opening needs to know.
struct Opening<'a> {
    config: &'a JournalConfig,
    master: &'a MasterKey,
    door: &'a WriteDoor,
    now: Time,
}

/// How a journal is opened.
#[derive(Debug, Clone, Default)]
pub struct Opens {
    /// Where something of it is missing, another one begins in its place, for good, and declares it.
    pub anew: bool,
    /// What somebody else remembers of it that it does not have, in words.
    pub behind: Option<String>,
    /// Its key gives way to another, which signs from then on.
    pub renewed: bool,
}

impl Journal {
    /// Opens the node's log, replays its revocations, settles what a stop left open, and records that the node started.
    /// A folder that holds less than the database remembers is refused ([`JournalError::Behind`]).
    pub async fn open(
        config: JournalConfig,
        master: &MasterKey,
        door: WriteDoor,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        Self::open_as(config, master, door, clock, Opens::default()).await
    }

    /// [`Journal::open`]; but if the folder is refused because something of it is missing or damaged, a new origin begins
    /// beside it, for good, and its first entry after its key declares what was known of the old one.
    pub async fn open_anew(
        config: JournalConfig,
        master: &MasterKey,
        door: WriteDoor,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        Self::open_as(config, master, door, clock, Opens { anew: true, ..Opens::default() }).await
    }

    /// Which journal an origin's is by now, and where: the last one, if others followed it. Nothing of it is opened.
    pub async fn last_folder(config: &JournalConfig, door: &WriteDoor) -> Result<PathBuf, JournalError> {
        let lineage = heads::lineage(door, &config.origin).await?;
        Ok(config.folder.join(lineage.last().unwrap_or(&config.origin)))
    }

    /// Opens a node's journal as asked.
    pub async fn open_as(
        config: JournalConfig,
        master: &MasterKey,
        door: WriteDoor,
        clock: Arc<dyn Clock>,
        Opens { anew, behind, renewed }: Opens,
    ) -> Result<Self, JournalError> {
        let now = clock.now();
        let opening = Opening { config: &config, master, door: &door, now };
        let mut lineage = heads::lineage(&door, &config.origin).await?;
        let last = match behind {
            // What somebody else remembers counts before anything is signed.
            Some(what) => Err(opening.behind(&lineage, what)),
            None => opening.last_of(&lineage).await,
        };
        let (origin, Found { opened, survey }) = match last {
            Err(refused @ (JournalError::Behind { .. } | JournalError::Log(LogError::Refused(_)))) if anew => {
                let successor = heads::next_name(&door, &lineage).await?;
                tracing::error!(%refused, %successor, "a new journal begins, which declares what is missing");
                heads::succeed(&door, lineage.last().unwrap_or(&config.origin), &successor, now).await?;
                lineage.push(successor);
                opening.last_of(&lineage).await?
            }
            found => found?,
        };
        let (origin, Found { opened, survey }) = match renewed {
            true => opening.renew((origin, opened), &lineage).await?,
            false => (origin, Found { opened, survey }),
        };
        let months = MonthKeys::new(&config.month_keys, master)?;
        let mut revocations = opened.revocations;
        let before = lineage.split_last().map_or(&[][..], |(_, before)| before);
        for predecessor in before {
            revocations.extend(opening.revocations_of(predecessor)?);
        }
        let mut revoked = HashMap::new();
        for found in revocations {
            if let Some(what) = Revoked::known(found.kind, found.subject) {
                let until = revoked.entry(what).or_insert(found.until);
                *until = found.until.max(*until);
            }
        }
        let declaration = match before.last() {
            Some(predecessor) if !survey.declared => {
                Some((opening.declaration(predecessor).await?, opening.extras_of(predecessor).await?))
            }
            _ => None,
        };
        let extras = declaration.as_ref().map_or(survey.ledger.book.extras(), |(_, carried)| *carried);
        let vkey = opening.signer(&origin)?.vkey().clone();
        let unsaid = opening.unsaid(&origin, &survey).await?;
        let journal = Self(Arc::new(crate::keeper::Inner {
            log: opened.log,
            reserve: opened.reserve,
            door,
            clock,
            seals: Seals::new(months),
            refusals: Mutex::new(Refusals::default()),
            revoked: RwLock::new(revoked),
            keeper: Keeper::new(config.folder.clone(), vkey, now, extras),
            extras_places: Arc::new(Semaphore::new(EXTRAS_UNDER_WAY_MAX)),
            tasks: TaskTracker::new(),
            origin,
        }));
        if let Some((detail, extras)) = declaration {
            let body = Body { author: SystemActor::Node.to_string(), detail: Some(detail), ..Body::default() };
            let carried = Statement::Carried { extras }.encode();
            journal.append_stating(Event::GapDeclared, carried, &body).await?;
        }
        journal.recover(survey.open).await?;
        let node = identity::system_actor(SystemActor::Node, None, now);
        journal.note(&node, Event::NodeStarted, None).await?;
        if let Some(renewal) = unsaid {
            journal.note_node(Event::JournalKeyRenewed, Some(said_of(&renewal))).await?;
        }
        journal.remember_head().await;
        let (weak, published) = (Arc::downgrade(&journal.0), journal.0.log.checkpoint());
        tokio::spawn(remember_heads(weak, published));
        Ok(journal)
    }

    /// Tells the database the last checkpoint. If it does not take it, it remembers a little less: the next one says more.
    pub(crate) async fn remember_head(&self) {
        let checkpoint = self.0.log.checkpoint().borrow().clone();
        if let Err(error) = heads::remember(&self.0.door, &self.0.origin, &checkpoint, self.now()).await {
            tracing::warn!(%error, size = checkpoint.size, "the database does not remember this checkpoint of the journal");
        }
    }
}

/// Tells the database each new checkpoint, not too often, as long as the journal is open.
async fn remember_heads(weak: Weak<crate::keeper::Inner>, mut published: watch::Receiver<crate::log::Checkpoint>) {
    while published.changed().await.is_ok() {
        let Some(inner) = weak.upgrade() else { return };
        Journal(inner).remember_head().await;
        tokio::time::sleep(REMEMBER_EVERY).await;
    }
}

impl Opening<'_> {
    fn behind(&self, lineage: &[String], what: String) -> JournalError {
        let folder = self.config.folder.join(lineage.last().unwrap_or(&self.config.origin));
        JournalError::Behind { folder: folder.display().to_string(), what }
    }

    /// The key that signs an origin's journal at present.
    fn signer(&self, origin: &str) -> Result<Signer, JournalError> {
        let renewals = renewals(&self.config.folder.join(origin)).map_err(|bad| JournalError::Log(bad.into()))?;
        self.signer_after(origin, renewals)
    }

    /// The one that it has after so many renewals.
    fn signer_after(&self, origin: &str, renewals: usize) -> Result<Signer, JournalError> {
        let (origin_bytes, number) = (origin.as_bytes(), (renewals as u64).to_be_bytes());
        let keys = self.master.keys_for(Holder::Journal);
        let seed = match renewals {
            0 => keys.token(Purpose::JournalSigning, &[origin_bytes])?,
            _ => keys.token(Purpose::JournalSigning, &[origin_bytes, &number])?,
        };
        Signer::from_seed(origin, &seed).map_err(|error| JournalError::Malformed(error.to_string()))
    }

    /// Closes a journal, gives it another key, and opens it again.
    async fn renew(
        &self,
        (origin, opened): (String, Opened),
        lineage: &[String],
    ) -> Result<(String, Found), JournalError> {
        let Opened { log, reserve, .. } = opened;
        drop(reserve);
        log.close().await?;
        let folder = self.config.folder.join(&origin);
        let number = renewals(&folder).map_err(|bad| JournalError::Log(bad.into()))?;
        let settings = LogConfig::new(folder, self.signer_after(&origin, number)?);
        let after = self.signer_after(&origin, number + 1)?;
        let renewed = tokio::task::spawn_blocking(move || renew(&settings, &after));
        renewed.await.map_err(|_| JournalError::Fault)??;
        self.last_of(lineage).await
    }

    /// The last renewal of its key, if no entry says so yet.
    async fn unsaid(&self, origin: &str, survey: &Survey) -> Result<Option<Renewal>, JournalError> {
        let folder = self.config.folder.join(origin);
        let keys = tokio::task::spawn_blocking(move || Keys::load(folder.as_path()));
        let keys = keys.await.map_err(|_| JournalError::Fault)?.map_err(|bad| JournalError::Log(bad.into()))?;
        let last = keys.renewals().last();
        Ok(last.filter(|last| survey.renewed_at.is_none_or(|at| at < last.size)).cloned())
    }

    /// What the journal before this one recorded beyond the minimum.
    async fn extras_of(&self, predecessor: &str) -> Result<Extras, JournalError> {
        let (folder, vkey) = (self.config.folder.join(predecessor), self.signer(predecessor)?.vkey().clone());
        tokio::task::spawn_blocking(move || extras_of(&folder, &vkey)).await.map_err(|_| JournalError::Fault)
    }

    /// Opens the last origin of a lineage, and compares its folder with what is remembered of it.
    async fn last_of(&self, lineage: &[String]) -> Result<(String, Found), JournalError> {
        let origin = lineage.last().unwrap_or(&self.config.origin).clone();
        let remembered = heads::remembered(self.door, &origin).await?;
        let folder = self.config.folder.join(&origin);
        let mut settings = LogConfig::new(folder.clone(), self.signer(&origin)?);
        settings.reserve_slots = self.config.reserve_slots;
        let now = self.now;
        let found = tokio::task::spawn_blocking(move || -> Result<_, JournalError> {
            heads::is_there(&folder, &remembered)?;
            let opened = Log::open(settings, now)?;
            let survey = heads::survey(&folder, opened.entries, remembered);
            Ok((opened, survey))
        });
        match found.await.map_err(|_| JournalError::Fault)? {
            Ok((opened, Ok(survey))) => Ok((origin, Found { opened, survey })),
            Ok((Opened { log, reserve, .. }, Err(error))) => {
                // Its folder is free again when this returns.
                drop(reserve);
                if let Err(closing) = log.close().await {
                    tracing::warn!(%closing, "the refused journal could not be closed cleanly");
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The revocations in force that a predecessor's reserve holds.
    fn revocations_of(&self, origin: &str) -> Result<Vec<crate::log::Revocation>, JournalError> {
        let signer = self.signer(origin)?;
        let read = read_revocations(&self.config.folder.join(origin), signer.vkey(), self.now);
        Ok(read.unwrap_or_else(|bad| {
            tracing::error!(%origin, %bad, "the cuts that this journal's reserve held are lost");
            Vec::new()
        }))
    }

    /// What a new journal says of the one that it follows: one line for each thing that is known.
    async fn declaration(&self, predecessor: &str) -> Result<String, JournalError> {
        let signer = self.signer(predecessor)?;
        let remembered = heads::remembered(self.door, predecessor).await?.head;
        Ok(declaration(predecessor, remembered.as_ref(), &self.config.folder.join(predecessor), signer.vkey()))
    }
}

/// What the journal says of another key that it has.
fn said_of(Renewal { before, size, root, after, .. }: &Renewal) -> String {
    format!("before {before}\nkey {after}\nover {size} {}", data_encoding::BASE64.encode(root))
}

fn declaration(predecessor: &str, remembered: Option<&heads::Head>, folder: &Path, vkey: &VKey) -> String {
    let root = |root: &[u8]| data_encoding::BASE64.encode(root);
    let mut lines = vec![format!("predecessor {predecessor}"), format!("vkey {vkey}")];
    lines.push(remembered.map_or_else(
        || "remembered nothing".to_owned(),
        |head| format!("remembered {} {} at {}", head.size, root(&head.root), head.at.micros()),
    ));
    let found = std::fs::read(folder.join("checkpoint")).ok();
    let found = found.and_then(|bytes| crate::log::Checkpoint::open(&bytes, vkey).ok());
    lines.push(found.map_or_else(
        || "found no checkpoint".to_owned(),
        |checkpoint| format!("found {} {}", checkpoint.size, root(&checkpoint.root)),
    ));
    lines.join("\n")
}
