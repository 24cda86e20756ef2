//! The hospital's directory (LDAP, Active Directory): who is in it, in which groups, and whether a password is his.
//!
//! - TLS always, verified against the authorities that the configuration names; nothing is ever sent in clear but the
//!   request for TLS.
//! - Referrals are an error: nobody else is ever asked.
//! - People are found by an identifier that never changes; a filter is a value (`wire::ldap`), so that nothing typed by
//!   anybody can change what is asked.
//! - Bounded: time, entries, bytes, groups, conversations at once. An answer that is not whole is an error, never a smaller
//!   answer.
//!
//! It knows nothing of accounts, roles or sessions.

mod error;
mod link;
mod people;
mod settings;
mod walk;

pub use error::DirectoryError;
pub use settings::{Group, Kind, Server, Settings, Wait};

use link::Link;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};
use types::{Secret, Time};

/// Conversations with the directory at once.
const CONVERSATIONS_MAX: usize = 8;
/// Reading all people may take this long.
const PEOPLE_WAIT: Duration = Duration::from_secs(120);

/// Somebody in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What never changes of him: entryUUID, objectGUID.
    pub key: String,
    /// What he types.
    pub login: String,
    /// His first names.
    pub given_name: String,
    /// His family name.
    pub family_name: String,
    /// Neither disabled nor expired.
    pub is_usable: bool,
    /// The groups of the settings that he is in, directly or not: their places, in order.
    pub groups: Vec<usize>,
}

struct Inner {
    settings: Settings,
    /// The server that answered last is asked first.
    first: AtomicUsize,
    turns: Arc<Semaphore>,
}

/// The directory. Clones are handles.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

impl Directory {
    /// Asks nothing yet.
    pub fn open(settings: Settings) -> Self {
        let (first, turns) = (AtomicUsize::new(0), Arc::new(Semaphore::new(CONVERSATIONS_MAX)));
        Self(Arc::new(Inner { settings, first, turns }))
    }

    /// Whether a server answers, knows the service account, and has the groups.
    pub async fn reach(&self) -> Result<(), DirectoryError> {
        self.converse(self.0.settings.wait.get(), people::groups_are_there).await
    }

    /// Somebody, if this is his password now.
    pub async fn check(
        &self,
        key: &str,
        password: Secret<String>,
        now: Time,
    ) -> Result<Option<Person>, DirectoryError> {
        // An empty password asks for an anonymous session, which any directory gives.
        if password.expose().is_empty() {
            return Ok(None);
        }
        let key = key.to_owned();
        let job = move |settings: &Settings, link: &mut Link| {
            let Some((person, dn)) = people::find(settings, link, &key, now)? else { return Ok(None) };
            let is_his = person.is_usable && link.bind(&dn, password.expose())?;
            Ok(is_his.then_some(person))
        };
        self.converse(self.0.settings.wait.get(), job).await
    }

    /// Somebody, if he is there.
    pub async fn person(&self, key: &str, now: Time) -> Result<Option<Person>, DirectoryError> {
        let key = key.to_owned();
        let job = move |settings: &Settings, link: &mut Link| {
            Ok(people::find(settings, link, &key, now)?.map(|(person, _)| person))
        };
        self.converse(self.0.settings.wait.get(), job).await
    }

    /// Everybody in the groups, whole or not at all.
    pub async fn members(&self, now: Time) -> Result<Vec<Person>, DirectoryError> {
        self.converse(PEOPLE_WAIT, move |settings, link| people::members(settings, link, now)).await
    }

    /// A conversation on a thread of its own: whoever stops waiting leaves it to its deadline, and a node that stops does
    /// not wait for it.
    async fn converse<T: Send + 'static>(
        &self,
        wait: Duration,
        job: impl FnOnce(&Settings, &mut Link) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let deadline = Instant::now() + wait;
        let turn = timeout(wait, Arc::clone(&self.0.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(DirectoryError::Busy)?;
        let (inner, (tell, told)) = (Arc::clone(&self.0), oneshot::channel());
        let conversation = move || {
            let answer = inner.link(deadline).and_then(|mut link| {
                let answer = job(&inner.settings, &mut link);
                link.close();
                answer
            });
            drop(turn);
            let _ = tell.send(answer);
        };
        let thread = std::thread::Builder::new().name("directory".into()).spawn(conversation);
        thread.map_err(|_| DirectoryError::Busy)?;
        // The name of a server is looked up by the system, which has its own idea of how long that may take.
        match timeout(wait + Duration::from_millis(200), told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(DirectoryError::Malformed),
            Err(_) => Err(DirectoryError::Late),
        }
    }
}

impl Inner {
    /// A conversation with the first server that answers, as the service account.
    fn link(&self, deadline: Instant) -> Result<Link, DirectoryError> {
        let servers = &self.settings.servers;
        let first = self.first.load(Ordering::Relaxed);
        let mut last = DirectoryError::Late;
        for (tried, place) in (0..servers.len()).map(|place| (first + place) % servers.len()).enumerate() {
            let Some(server) = servers.get(place) else { continue };
            let left = deadline.saturating_duration_since(Instant::now());
            // One that does not answer leaves time for those after it.
            let share = left / u32::try_from(servers.len() - tried).unwrap_or(1);
            match Link::open(&self.settings, server, Instant::now() + share) {
                Ok(mut link) => {
                    self.first.store(place, Ordering::Relaxed);
                    link.give_until(deadline);
                    return Ok(link);
                }
                Err(error) => {
                    tracing::warn!(server = %server, %error, "a server of the directory does not serve");
                    last = error;
                }
            }
        }
        Err(last)
    }
}
