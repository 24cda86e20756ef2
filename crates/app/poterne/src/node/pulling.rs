//! Follows other nodes' journals: asks each for what it published since, about once a second, and keeps what verifies. The other
//! node initiates nothing; what it answers is believed in `journal::follow` alone.

use super::Second;
use crate::followed::{ABSENT, Answered, Client, Followed, Publishing};
use anyhow::Result;
use dossier::{FollowedState, FollowedStates, Traces};
use journal::{
    Journal,
    follow::{FollowError, Follower, Inside},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use types::{Event, Time};
use vault::{MasterKey, MonthKeys};
use web::health::{Check, State};

/// Between two looks at one journal.
const EVERY: Duration = Duration::from_secs(1);
/// After a failure; it doubles up to the last.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long a journal may be out of reach before that is told.
const SILENCE_MAX: Duration = Duration::from_secs(60);
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

/// What the last look said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// All that it shows is here.
    Whole,
    /// Not all, for this reason.
    Without(String),
    /// What it shows is not the journal that was.
    Alarm(String),
}

impl From<FollowError> for Standing {
    fn from(error: FollowError) -> Self {
        if error.is_alarm() { Self::Alarm(error.to_string()) } else { Self::Without(error.to_string()) }
    }
}

/// One journal.
struct Pull {
    journal: Journal,
    name: String,
    client: Client,
    of: Followed,
    folder: PathBuf,
    reader: MonthKeys,
    states: Option<Arc<FollowedStates>>,
    follower: Option<Arc<Mutex<Follower>>>,
    traced: Option<Standing>,
    /// When it was last whole here.
    whole: Option<Time>,
    silent: Instant,
    /// When the copies of its keys were last looked at.
    tended: Option<Instant>,
}

/// Follows all of them until the node stops.
pub(super) async fn follow(pulling: Pulling, check: Check) {
    let mut tasks = JoinSet::new();
    let states = tokio::sync::watch::Sender::new(vec![State::Ready; pulling.followed.len()]);
    for (place, of) in pulling.followed.iter().enumerate() {
        let (mut pull, states) = match Pull::new(&pulling, of) {
            Ok(pull) => (pull, states.clone()),
            Err(error) => {
                tracing::error!(journal = of.vkey.name(), error = %format!("{error:#}"), "the journal cannot be followed");
                continue;
            }
        };
        tasks.spawn(async move {
            let tell = |state: State| {
                states
                    .send_modify(|states| states.iter_mut().skip(place).take(1).for_each(|mine| *mine = state.clone()));
            };
            pull.run(tell).await;
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
            states: pulling.states.clone(),
            follower: None,
            traced: None,
            whole: None,
            silent: Instant::now(),
            tended: None,
        })
    }

    async fn run(&mut self, tell: impl Fn(State)) {
        let mut pause = EVERY;
        self.told(false);
        loop {
            let began = self.journal.now();
            let looked = self.look().await;
            if looked.is_ok() {
                (self.whole, self.silent) = (Some(began), Instant::now());
            }
            pause = if looked.is_ok() { EVERY } else { (pause * 2).min(PAUSE_MAX) };
            let standing = match looked {
                Ok(None) => Standing::Whole,
                Ok(Some(disputed)) => Standing::Alarm(disputed),
                Err(standing) => standing,
            };
            self.told(matches!(standing, Standing::Alarm(_)));
            tell(self.state(&standing));
            self.trace(standing).await;
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
        let more = self.with(move |follower| follower.shown(&shown)).await?;
        while let Some(tile) = self.with(Follower::wanted).await? {
            let bytes = present(self.client.tile(&tile.path()).await)?;
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

    /// What searches say of it.
    fn told(&self, alarm: bool) {
        if let Some(states) = &self.states {
            states.tell(&self.name, FollowedState { until: self.whole, alarm });
        }
    }

    /// What a supervisor is told: silence is forgiven for a while, another history is not.
    fn state(&self, standing: &Standing) -> State {
        match standing {
            Standing::Whole => State::Ready,
            Standing::Without(_) if self.silent.elapsed() < SILENCE_MAX && self.whole.is_some() => State::Ready,
            Standing::Without(why) => {
                let seconds = self.silent.elapsed().as_secs();
                State::Degraded(format!("{} has not been followed for {seconds} s: {why}", self.name))
            }
            Standing::Alarm(why) => State::Degraded(format!("ALARM, {}: {why}", self.name)),
        }
    }

    /// On a turn only: one line in the log and one trace.
    async fn trace(&mut self, standing: Standing) {
        // Other words for silence are no turn; another alarm is one.
        let same = |traced: &Standing| match (traced, &standing) {
            (Standing::Alarm(before), Standing::Alarm(now)) => before == now,
            (before, now) => std::mem::discriminant(before) == std::mem::discriminant(now),
        };
        let name = self.name.as_str();
        let (event, detail) = match &standing {
            _ if self.traced.as_ref().is_some_and(same) => return,
            Standing::Whole => {
                tracing::info!(journal = name, "the journal of another node is followed");
                (Event::JournalFollowed, name.to_owned())
            }
            Standing::Without(why) if self.silent.elapsed() >= SILENCE_MAX => {
                tracing::error!(journal = name, why, "the journal of another node is not followed");
                (Event::JournalUnfollowed, format!("{name}: {why}"))
            }
            Standing::Without(why) => {
                tracing::warn!(
                    journal = name,
                    why,
                    "the journal of another node could not be followed; it is asked again"
                );
                return;
            }
            Standing::Alarm(why) => {
                tracing::error!(
                    journal = name,
                    why,
                    "ALARM: what another node shows is not the journal that was followed"
                );
                (Event::JournalUnfollowed, format!("ALARM, {name}: {why}"))
            }
        };
        match self.journal.note_node(event, Some(detail)).await {
            Ok(()) => self.traced = Some(standing),
            Err(error) => tracing::warn!(%error, "how another node's journal is followed could not be traced yet"),
        }
    }
}

/// Where the copies are.
pub(super) fn followed(data: &Path) -> PathBuf {
    data.join("followed")
}

fn fault() -> Standing {
    Standing::Without("an internal fault".to_owned())
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
