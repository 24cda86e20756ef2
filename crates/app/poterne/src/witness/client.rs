//! Asks a witness, over TLS or, on the same machine, in clear. Its words are bounded and believed in nothing: the feed
//! verifies the cosignature.

use crate::{config::Trusted, outgoing};
use anyhow::{Context, Result};
use journal::{log::WitnessKey, witness::Reply};
use reqwest::{StatusCode, Url};
use std::time::Duration;

/// A witness is given up after this long.
const WAIT: Duration = Duration::from_secs(10);
/// An answer at most.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What 400 means.
const REFUSES: &str = "it says that this is not a request";

/// A witness, as the configuration names it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its submission prefix, without a slash at its end.
    pub url: String,
    /// Its key.
    pub key: WitnessKey,
    /// Who vouches for it over TLS; without, it is asked in clear.
    pub trusted: Option<Trusted>,
}

/// What asks one witness.
#[derive(Debug, Clone)]
pub struct Client {
    client: reqwest::Client,
    url: Url,
}

impl Client {
    /// Prepares the client; nothing is sent yet.
    pub fn new(peer: &Peer) -> Result<Self> {
        let client = outgoing::client(peer.trusted.as_ref().map(|trusted| &trusted.trust), WAIT)?;
        let url = Url::parse(&format!("{}/add-checkpoint", peer.url)).context("the witness's URL cannot be read")?;
        Ok(Self { client, url })
    }

    /// Sends one request. The error says that there was no answer at all.
    pub async fn ask(&self, body: String) -> Result<Reply, String> {
        let sent = self.client.post(self.url.clone()).body(body).send().await;
        let plain = |error: reqwest::Error| outgoing::plain(&error, WAIT);
        let answer = sent.map_err(plain)?;
        let status = answer.status();
        let Some(bytes) = outgoing::body(answer, ANSWER_BYTES_MAX).await.map_err(plain)? else {
            return Ok(Reply::Refused("its answer is too long".to_owned()));
        };
        let text = String::from_utf8(bytes).unwrap_or_default();
        Ok(match status {
            StatusCode::OK => Reply::Cosigned(text),
            StatusCode::CONFLICT => match remembered(&text) {
                Some(size) => Reply::Conflict(size),
                None => Reply::Refused("it answers 409 without the size that it remembers".to_owned()),
            },
            StatusCode::UNPROCESSABLE_ENTITY => Reply::Inconsistent,
            StatusCode::NOT_FOUND => {
                Reply::Refused("it does not watch this journal: give it the line of the file vkey".to_owned())
            }
            StatusCode::FORBIDDEN => {
                Reply::Refused("it trusts another key of this journal: compare its --log with the file vkey".to_owned())
            }
            StatusCode::BAD_REQUEST => Reply::Refused(REFUSES.to_owned()),
            other => Reply::Refused(format!("it answers {}", other.as_u16())),
        })
    }
}

/// Whether a witness answers as one does: asked something that is no request, it says so.
pub async fn reach(peer: Peer) -> Result<String, String> {
    let client = Client::new(&peer).map_err(|error| format!("{error:#}"))?;
    match client.ask(String::new()).await? {
        Reply::Refused(why) if why == REFUSES => Ok("answers".to_owned()),
        _ => Err("something answers there, and not as a witness does: compare the address".to_owned()),
    }
}

/// A size on its line, as 409 bears it.
fn remembered(text: &str) -> Option<u64> {
    let size = text.strip_suffix('\n')?;
    size.parse::<u64>().ok().filter(|number| number.to_string() == size)
}
