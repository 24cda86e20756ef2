//! Follows other nodes' journals: asks each for what it published since, about once a second, and keeps what verifies. The other
//! node initiates nothing; what it answers is believed in `journal::follow` alone.

mod report;

use self::report::{Progress, Report, Standing};
use super::Second;
use crate::followed::{ABSENT, Answered, Client, Followed, Publishing};
use anyhow::Result;
use dossier::{FollowedStates, Traces};
use journal::{
    Journal,
    follow::{FollowError, Follower, Inside},
};
use std::{
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use types::Event;
use vault::{MasterKey, MonthKeys};
use web::health::{Check, State};

/// Between two looks at one journal.
const EVERY: Duration = Duration::from_secs(1);
/// After a failure; it doubles up to the last.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Between two bundles of one journal: the other node serves people, and this one too.
const BUNDLE_PAUSE: Duration = Duration::from_millis(50);
/// What a journal may bring in a second, in the long run.
const BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;
/// Rounds of pairs asked for in one look.
const PAIRS_ROUNDS_MAX: u32 = 8;

/// What a node publishes to others, and follows of them.
pub struct OtherNodes {
    /// Its own journals, published.
    pub publishing: Option<Publishing>,
    /// Theirs.
    pub followed: Vec<Followed>,
}

/// What following takes.
pub(super) struct Pulling {
    pub journal: Journal,
    pub followed: Vec<Followed>,
    /// The data folder.
    pub data: PathBuf,
    /// Opens the copies of their pairs.
    pub reader: MonthKeys,
    /// Where searches look how far the copies go, if there are searches here.
    pub states: Option<Arc<FollowedStates>>,
}

impl Pulling {
    /// What follows these journals, if there are any; told to the searches of the desk, if there is one.
    pub fn new(
        followed: Vec<Followed>,
        (journal, data, master): (&Journal, &Path, &MasterKey),
        second: Option<&Second>,
    ) -> Result<Option<Self>> {
        if followed.is_empty() {
            return Ok(None);
        }
        let reader = MonthKeys::new(&data.join("vault"), master)?;
        let states = second.and_then(|second| second.traces.as_ref()).map(Traces::followed);
        Ok(Some(Self { journal: journal.clone(), followed, data: data.to_owned(), reader, states }))
    }
}

/// How often the copies of keys are held against their time.
const TEND_EVERY: Duration = Duration::from_secs(10);

/// One journal.
struct Pull {
    journal: Journal,
    name: String,
    client: Client,
    of: Followed,
    folder: PathBuf,
    reader: MonthKeys,
    follower: Option<Arc<Mutex<Follower>>>,
    progress: Arc<Progress>,
    /// When the copies of its keys were last looked at.
    tended: Option<Instant>,
}

/// Follows all of them until the node stops.
pub(super) async fn follow(pulling: Pulling, check: Check) {
    let mut tasks = JoinSet::new();
    let states = tokio::sync::watch::Sender::new(vec![State::Ready; pulling.followed.len()]);
    for (place, of) in pulling.followed.iter().enumerate() {
        let (mut pull, states, searched) = match Pull::new(&pulling, of) {
            Ok(pull) => (pull, states.clone(), pulling.states.clone()),
            Err(error) => {
                tracing::error!(journal = of.vkey.name(), error = %format!("{error:#}"), "the journal cannot be followed");
                continue;
            }
        };
        tasks.spawn(async move {
            let tell = move |state: State| {
                states
                    .send_modify(|states| states.iter_mut().skip(place).take(1).for_each(|mine| *mine = state.clone()));
            };
            let report = Report::new(&pull.journal, &pull.name, searched, tell);
            pull.run(report).await;
        });
    }
    let mut changes = states.subscribe();
    loop {
        let bad: Vec<String> = changes
            .borrow_and_update()
            .iter()
            .filter_map(|state| match state {
                State::Degraded(why) => Some(why.clone()),
                _ => None,
            })
            .collect();
        check.set(if bad.is_empty() { State::Ready } else { State::Degraded(bad.join("; ")) });
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            Some(ended) = tasks.join_next() => if ended.is_err() {
                tracing::error!("what follows a journal ended in a panic");
                check.set(State::Degraded("what follows a journal ended".to_owned()));
                return;
            },
        }
    }
}

impl Pull {
    fn new(pulling: &Pulling, of: &Followed) -> Result<Self> {
        Ok(Self {
            journal: pulling.journal.clone(),
            name: of.vkey.name().to_owned(),
            client: Client::new(of)?,
            of: of.clone(),
            folder: followed(&pulling.data),
            reader: pulling.reader.clone(),
            follower: None,
            progress: Arc::default(),
            tended: None,
        })
    }

    /// Looks again and again, and says how that goes: after each look, and meanwhile where one takes long.
    async fn run(&mut self, mut report: Report) {
        let mut pause = EVERY;
        let progress = Arc::clone(&self.progress);
        loop {
            let began = report.begins();
            let looked = {
                let mut look = pin!(self.look());
                loop {
                    tokio::select! {
                        looked = &mut look => break looked,
                        () = sleep(EVERY) => report.still(&progress.told()).await,
                    }
                }
            };
            pause = if looked.is_ok() { EVERY } else { (pause * 2).min(PAUSE_MAX) };
            let contradicted = self.with(|follower| Ok(follower.is_contradicted())).await == Ok(true);
            report.looked(began, looked, contradicted).await;
            sleep(pause).await;
        }
    }

    /// One look: what was published since comes here, if it verifies. Says what there is to dispute all the same.
    async fn look(&mut self) -> Result<Option<String>, Standing> {
        if self.follower.is_none() {
            let (folder, vkey, reader) = (self.folder.clone(), self.of.vkey.clone(), self.reader.clone());
            let bytes_max = self.of.bytes_max;
            let opened = blocking(move || Follower::open(&folder, &vkey, &reader, bytes_max)).await?;
            self.follower = Some(Arc::new(Mutex::new(opened)));
        }
        self.tend().await?;
        let shown = present(self.client.checkpoint().await)?;
        let more = self.shown(shown).await?;
        while let Some(tile) = self.wanted().await? {
            // However slowly it answers, what is due here does not wait for it.
            self.tend().await?;
            let bytes = match self.client.tile(&tile).await.map_err(unanswered)? {
                Answered::Bytes(bytes) => bytes,
                Answered::Absent => return Err(Standing::Without(not_served(&tile))),
            };
            let brought = Duration::from_millis(1000 * bytes.len() as u64 / BYTES_PER_SECOND);
            self.with(move |follower| follower.take(&bytes)).await?;
            sleep(BUNDLE_PAUSE.max(brought)).await;
        }
        // The pairs come before the entries that they open are searched.
        self.pairs().await?;
        if more {
            self.with(Follower::adopt).await?;
            self.tend().await?;
        }
        let now = self.journal.now();
        let disputed = self.with(move |follower| Ok(follower.disputed(now))).await?;
        Ok(disputed.first().map(|pair| {
            format!(
                "it says that the key {pair} was destroyed, before anybody could have decided so: the copy of it stays"
            )
        }))
    }

    /// The next tile to ask for.
    async fn wanted(&self) -> Result<Option<String>, Standing> {
        let (tile, reaching) = self.with(|follower| Ok((follower.wanted()?, follower.reaching()))).await?;
        self.progress.set(reaching);
        Ok(tile.map(|tile| tile.path()))
    }

    /// What it shows as its checkpoint; where no key that is known here signed it, its keys are asked for.
    async fn shown(&self, shown: Vec<u8>) -> Result<bool, Standing> {
        let asked = shown.clone();
        if self.with(move |follower| Ok(follower.wants_keys(&asked))).await?
            && let Answered::Bytes(keys) = self.client.keys().await.map_err(unanswered)?
        {
            self.with(move |follower| {
                follower.take_keys(&keys);
                Ok(())
            })
            .await?;
        }
        self.with(move |follower| follower.shown(&shown)).await
    }

    /// Copies of keys go at their time, whether or not the other node answers.
    async fn tend(&mut self) -> Result<(), Standing> {
        if self.tended.is_some_and(|last| last.elapsed() < TEND_EVERY) {
            return Ok(());
        }
        let keeping = self.journal.keeping().await;
        let keeping =
            keeping.map_err(|error| Standing::Without(format!("what is in force here cannot be read ({error})")))?;
        let inside = Inside::of(&keeping);
        let went = self.with(move |follower| follower.tend(&inside)).await?;
        for pair in went {
            tracing::info!(journal = self.name, pair, "the copy of a followed journal's key was destroyed");
            let detail = format!("{}: the copy of its key {pair} was destroyed", self.name);
            if let Err(error) = self.journal.note_node(Event::JournalFollowed, Some(detail)).await {
                tracing::warn!(%error, "that a copy of a key was destroyed could not be traced");
            }
        }
        self.tended = Some(Instant::now());
        Ok(())
    }

    async fn pairs(&self) -> Result<(), Standing> {
        for _ in 0..PAIRS_ROUNDS_MAX {
            let missing = self.with(|follower| Ok(follower.missing_pairs())).await?;
            if missing.is_empty() {
                break;
            }
            for name in missing {
                let pair = match self.client.pair(&name).await.map_err(unanswered)? {
                    Answered::Bytes(bytes) => Some(bytes),
                    Answered::Absent => None,
                };
                self.with(move |follower| {
                    follower.take_pair(&name, pair.as_deref());
                    Ok(())
                })
                .await?;
            }
        }
        Ok(())
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Follower) -> Result<T, FollowError> + Send + 'static,
    ) -> Result<T, Standing> {
        let Some(follower) = self.follower.clone() else { return Err(fault()) };
        blocking(move || work(&mut follower.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// Where the copies are.
pub(super) fn followed(data: &Path) -> PathBuf {
    data.join("followed")
}

fn fault() -> Standing {
    Standing::Without("an internal fault".to_owned())
}

/// What an absent tile means, where the checkpoint that counts it is there.
fn not_served(tile: &str) -> String {
    format!(
        "it does not serve {tile}, which its checkpoint counts; where its first entries went at the end of their retention, a \
         copy of it can no longer begin here: follow the journal that comes after it"
    )
}

fn unanswered(why: String) -> Standing {
    Standing::Without(format!("it does not answer ({why})"))
}

fn present(answered: Result<Answered, String>) -> Result<Vec<u8>, Standing> {
    match answered.map_err(unanswered)? {
        Answered::Bytes(bytes) => Ok(bytes),
        Answered::Absent => Err(Standing::Without(ABSENT.to_owned())),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FollowError> + Send + 'static,
) -> Result<T, Standing> {
    tokio::task::spawn_blocking(work).await.map_err(|_| fault())?.map_err(Standing::from)
}
