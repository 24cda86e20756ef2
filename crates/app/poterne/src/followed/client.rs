//! Asks another node for its journal. Its answers are bounded in time and length; `journal::follow` believes none of them.

use super::Followed;
use crate::outgoing;
use anyhow::{Context, Result};
use reqwest::{StatusCode, Url};
use std::time::Duration;
use vault::PAIR_BYTES_MAX;

/// An answer is given up after this long.
const WAIT: Duration = Duration::from_secs(20);
/// A checkpoint at most.
const CHECKPOINT_BYTES_MAX: usize = 16 * 1024;

/// What the other node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// This.
    Bytes(Vec<u8>),
    /// Nothing: it has none, or does not know who asks.
    Absent,
}

/// What asks for one journal.
pub struct Client {
    client: reqwest::Client,
    journal: Url,
    followed: Followed,
}

impl Client {
    /// Prepares the client; nothing is sent yet.
    pub fn new(followed: &Followed) -> Result<Self> {
        let client = outgoing::client(followed.trusted.as_ref().map(|trusted| &trusted.trust), WAIT)?;
        let journal = format!("{}/{}/", followed.url, followed.vkey.name());
        let journal = Url::parse(&journal).context("the other node's URL cannot be read")?;
        Ok(Self { client, journal, followed: followed.clone() })
    }

    /// The checkpoint.
    pub async fn checkpoint(&self) -> Result<Answered, String> {
        self.get("checkpoint", CHECKPOINT_BYTES_MAX).await
    }

    /// The keys that it had; absent where its first one serves.
    pub async fn keys(&self) -> Result<Answered, String> {
        let bytes_max = usize::try_from(journal::follow::KEYS_BYTES_MAX).unwrap_or(usize::MAX);
        self.get("keys", bytes_max).await
    }

    /// A tile, by its path.
    pub async fn tile(&self, path: &str) -> Result<Answered, String> {
        let bytes_max = usize::try_from(journal::follow::ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        self.get(path, bytes_max).await
    }

    /// The pair of a month.
    pub async fn pair(&self, name: &str) -> Result<Answered, String> {
        self.get(&format!("pair/{name}"), usize::try_from(PAIR_BYTES_MAX).unwrap_or(1024)).await
    }

    /// The error says that there was no answer that could be one.
    async fn get(&self, path: &str, bytes_max: usize) -> Result<Answered, String> {
        let url = self.journal.join(path).map_err(|error| error.to_string())?;
        let plain = |error: reqwest::Error| outgoing::plain(&error, WAIT);
        let answer = self.client.get(url).bearer_auth(self.followed.secret.line()).send().await.map_err(plain)?;
        match answer.status() {
            StatusCode::OK => match outgoing::body(answer, bytes_max).await.map_err(plain)? {
                Some(bytes) => Ok(Answered::Bytes(bytes)),
                None => Err("its answer is longer than any may be".to_owned()),
            },
            StatusCode::NOT_FOUND => Ok(Answered::Absent),
            StatusCode::TOO_MANY_REQUESTS => Err("it was asked too often".to_owned()),
            other => Err(format!("it answers {}", other.as_u16())),
        }
    }
}

/// Whether the other node shows a checkpoint of that journal, signed by the pinned key.
pub async fn reach(followed: Followed) -> Result<String, String> {
    let client = Client::new(&followed).map_err(|error| format!("{error:#}"))?;
    match client.checkpoint().await? {
        Answered::Absent => Err(ABSENT.to_owned()),
        Answered::Bytes(bytes) => {
            let mut keys = journal::log::Keys::only(followed.vkey.clone());
            if keys.open(&bytes).is_err()
                && let Answered::Bytes(shown) = client.keys().await?
            {
                keys = keys.shown(&shown).unwrap_or(keys);
            }
            match keys.open(&bytes) {
                Ok(checkpoint) => Ok(format!("{} entries", checkpoint.size)),
                Err(error) => Err(format!("what it shows is not signed by the pinned key ({error})")),
            }
        }
    }
}

/// What an absent checkpoint means.
pub const ABSENT: &str =
    "it shows no such journal: compare the secret, the networks it answers, and the journal's name";
