//! Feeds each witness of this node with every new checkpoint, once a second at most. It reads the journal's files like anybody
//! else: appends never wait for it.

use super::Witnessing;
use crate::{
    operator,
    witness::{Client, Peer},
};
use journal::{
    Journal,
    witness::{Feed, FeedError, Next, Reply},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use types::{Event, Time};
use web::health::{Check, State};

/// Between two submissions to one witness.
const EVERY: Duration = Duration::from_secs(1);
/// The checkpoint in a journal's folder.
const PUBLISHED: &str = "checkpoint";
/// After a failure; it doubles up to the last.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How often the other journal of this node, which another process writes, is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Requests for one checkpoint: the size that the witness remembers may have to be learnt.
const ATTEMPTS_MAX: u32 = 3;

/// What the last attempt said of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// The present checkpoint is cosigned.
    Witnessed,
    /// It is not, for this reason.
    Without(String),
    /// The witness remembers another journal: this one was rolled back or written anew.
    Forked(String),
}

/// One witness of one journal of this node.
struct Watch {
    journal: Journal,
    /// The witness; and the journal, if it is not the node's own.
    name: String,
    /// Whether the journal is the node's own, which says when it moves.
    own: bool,
    client: Client,
    feed: Arc<Feed>,
    age_max: Duration,
    /// What was traced last.
    traced: Option<Standing>,
    /// Since when there has been something to cosign.
    since: Instant,
}

/// Feeds all witnesses until the node stops: with its own journal, and with the operator's.
pub(super) async fn feed(journal: Journal, data: &Path, node: &str, settings: Witnessing, check: Check) {
    let mut watches = tokio::task::JoinSet::new();
    let all = settings.peers.into_iter().flat_map(|peer| [(peer.clone(), true), (peer, false)]);
    let all: Vec<_> = all.collect();
    let states = tokio::sync::watch::Sender::new(vec![State::Ready; all.len()]);
    for (place, (peer, own)) in all.into_iter().enumerate() {
        let (journal, data, node) = (journal.clone(), data.to_owned(), node.to_owned());
        let (states, age_max) = (states.clone(), settings.age_max);
        watches.spawn(async move {
            let tell = |state: State| {
                states.send_modify(|states| {
                    if let Some(mine) = states.get_mut(place) {
                        *mine = state;
                    }
                });
            };
            let origin = if own { journal.origin().to_owned() } else { operators(&data, &node).await };
            match Watch::new(&journal, &data, &origin, &peer, age_max) {
                Ok(mut watch) => watch.run(tell).await,
                Err(error) => {
                    tracing::error!(witness = peer.key.name(), error = %format!("{error:#}"), "the witness cannot be fed");
                    tell(State::Degraded(format!("{}: {error:#}", peer.key.name())));
                }
            }
        });
    }
    let mut changes = states.subscribe();
    loop {
        // One that is ready is what the journal needs; a fork that any of them saw is told all the same.
        let now = {
            let states = changes.borrow_and_update();
            let bad = states.iter().find(|state| matches!(state, State::Degraded(_)));
            bad.cloned().unwrap_or(State::Ready)
        };
        check.set(now);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            Some(ended) = watches.join_next() => if ended.is_err() {
                tracing::error!("what feeds a witness ended in a panic");
                check.set(State::Degraded("what feeds a witness ended".to_owned()));
                return;
            },
        }
    }
}

/// How long a start waits for all witnesses together.
const START_MAX: Duration = Duration::from_secs(5);

/// What a witness remembers of the journal in `folder` that it does not have; asked before anything is signed, of all at once.
/// One that does not answer in time keeps nobody from starting: it is asked again while the node serves.
pub(super) async fn remembered_elsewhere(folder: &Path, witnessed: &Path, peers: &[Peer], now: Time) -> Option<String> {
    if peers.is_empty() || !folder.join(PUBLISHED).is_file() {
        return None;
    }
    let mut asked = tokio::task::JoinSet::new();
    for peer in peers {
        let (folder, witnessed, peer) = (folder.to_owned(), witnessed.to_owned(), peer.clone());
        asked.spawn(async move { remembers(&folder, &witnessed, &peer, now).await });
    }
    let first = async {
        while let Some(said) = asked.join_next().await {
            if let Ok(Ok(Some(what))) = said {
                return Some(what);
            }
        }
        None
    };
    tokio::time::timeout(START_MAX, first).await.unwrap_or(None)
}

/// A request from the checkpoint to itself proves nothing and moves nothing: it only asks what the witness remembers.
async fn remembers(folder: &Path, witnessed: &Path, peer: &Peer, now: Time) -> anyhow::Result<Option<String>> {
    let feed = Feed::new(folder, witnessed, peer.key.clone())?;
    let sent = feed.from(u64::MAX)?;
    let reply = Client::new(peer)?.ask(sent.body.clone()).await.map_err(anyhow::Error::msg)?;
    if matches!(reply, Reply::Cosigned(_)) {
        return Ok(None);
    }
    Ok(match feed.settle(&sent, reply, now)? {
        Next::Forked(why) => Some(format!("{}: {why}", peer.key.name())),
        _ => None,
    })
}

/// Waits until `poterne account` has a journal here; gives its name, the last one if one followed another.
async fn operators(data: &Path, node: &str) -> String {
    let begun = |origin: &str| data.join("journal").join(origin).join(PUBLISHED).is_file();
    let mut origin = operator::origin(node);
    while !begun(&origin) {
        sleep(LOOK_EVERY).await;
    }
    for next in 2_u32.. {
        let follower = operator::follower(node, next);
        if !begun(&follower) {
            break;
        }
        origin = follower;
    }
    origin
}

impl Watch {
    fn new(journal: &Journal, data: &Path, origin: &str, peer: &Peer, age_max: Duration) -> anyhow::Result<Self> {
        let (folder, witnessed) = (data.join("journal").join(origin), data.join("witnessed"));
        let (own, witness) = (origin == journal.origin(), peer.key.name());
        Ok(Self {
            journal: journal.clone(),
            name: if own { witness.to_owned() } else { format!("{witness}, of {origin}") },
            own,
            client: Client::new(peer)?,
            feed: Arc::new(Feed::new(&folder, &witnessed, peer.key.clone())?),
            age_max,
            traced: None,
            since: Instant::now(),
        })
    }

    async fn run(&mut self, tell: impl Fn(State)) {
        let mut checkpoint = self.journal.checkpoint();
        let mut pause = EVERY;
        loop {
            checkpoint.borrow_and_update();
            let standing = self.submit().await;
            pause = if standing == Standing::Witnessed { EVERY } else { (pause * 2).min(PAUSE_MAX) };
            tell(self.state(&standing));
            self.trace(standing).await;
            sleep(pause).await;
            if pause == EVERY {
                if !self.own {
                    sleep(LOOK_EVERY).await;
                } else if checkpoint.changed().await.is_err() {
                    return;
                }
                // From here on there is something to cosign.
                self.since = Instant::now();
            }
        }
    }

    /// Brings the present checkpoint to the witness.
    async fn submit(&self) -> Standing {
        let mut from = None;
        for _ in 0..ATTEMPTS_MAX {
            let sent = match self.prepare(from).await {
                Ok(Some(sent)) => sent,
                Ok(None) => return Standing::Witnessed,
                Err(error) => return Standing::Without(error.to_string()),
            };
            // The file is renamed before its folder is synced: what a power cut could still take back is shown to nobody, or the
            // witness would remember more than the disk.
            let mut durable = self.journal.checkpoint();
            if self.own && durable.wait_for(|known| known.size >= sent.checkpoint.size).await.is_err() {
                return Standing::Without("the journal is closed".to_owned());
            }
            let reply = match self.client.ask(sent.body.clone()).await {
                Ok(reply) => reply,
                Err(why) => return Standing::Without(format!("it does not answer ({why})")),
            };
            let (feed, now) = (Arc::clone(&self.feed), self.journal.now());
            let settled = tokio::task::spawn_blocking(move || feed.settle(&sent, reply, now)).await;
            match settled {
                Ok(Ok(Next::Witnessed { .. })) => return Standing::Witnessed,
                Ok(Ok(Next::Again(size))) => from = Some(size),
                Ok(Ok(Next::Forked(why))) => return Standing::Forked(why),
                Ok(Ok(Next::Refused(why))) => return Standing::Without(why),
                Ok(Err(error)) => return Standing::Without(format!("what it cosigned cannot be kept ({error})")),
                Err(_) => return Standing::Without("an internal fault".to_owned()),
            }
        }
        Standing::Without("its memory moves as fast as this journal: does another node use this one's name?".to_owned())
    }

    async fn prepare(&self, from: Option<u64>) -> Result<Option<journal::witness::Submission>, FeedError> {
        let feed = Arc::clone(&self.feed);
        let prepared = tokio::task::spawn_blocking(move || match from {
            Some(size) => feed.from(size).map(Some),
            None => feed.next(),
        });
        // A panic in there would be a fault of ours, and is told as there being nothing to read.
        prepared.await.unwrap_or(Err(FeedError::Fault))
    }

    /// What a supervisor is told: silence is forgiven for a while, another history is not.
    fn state(&self, standing: &Standing) -> State {
        match standing {
            Standing::Witnessed => State::Ready,
            Standing::Without(_) if self.since.elapsed() < self.age_max => State::Ready,
            Standing::Without(why) => {
                let seconds = self.since.elapsed().as_secs();
                State::Degraded(format!("{} has cosigned nothing for {seconds} s: {why}", self.name))
            }
            Standing::Forked(why) => State::Degraded(format!("ALARM, {}: {why}", self.name)),
        }
    }

    /// On a turn only: one line in the log and one trace.
    async fn trace(&mut self, standing: Standing) {
        let late = self.since.elapsed() >= self.age_max;
        let (event, detail) = match &standing {
            _ if self.traced.as_ref().is_some_and(|traced| same_turn(traced, &standing)) => return,
            Standing::Witnessed => {
                tracing::info!(witness = self.name, "the journal is witnessed");
                (Event::JournalWitnessed, self.name.clone())
            }
            Standing::Without(why) if late => {
                tracing::error!(witness = self.name, why, "no witness cosigns the journal");
                (Event::JournalUnwitnessed, format!("{}: {why}", self.name))
            }
            Standing::Without(why) => {
                tracing::warn!(witness = self.name, why, "the witness did not cosign; it is asked again");
                return;
            }
            Standing::Forked(why) => {
                tracing::error!(witness = self.name, why, "ALARM: the journal is not the one that was witnessed");
                (Event::JournalUnwitnessed, format!("ALARM, {}: {why}", self.name))
            }
        };
        match self.journal.note_node(event, Some(detail)).await {
            Ok(()) => self.traced = Some(standing),
            Err(error) => tracing::warn!(%error, "what the witness said could not be traced yet"),
        }
    }
}

/// Whether two standings are of the same kind: other words for it are no turn.
fn same_turn(one: &Standing, other: &Standing) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}
