//! Asks an authority for time stamps, over HTTP as RFC 3161 §3.4 has it. Its words are bounded and believed in nothing:
//! `journal::stamp` verifies what it signed.

use crate::{config::Trusted, outgoing};
use anyhow::{Context, Result};
use journal::stamp::{Asked, Authority, RESPONSE_BYTES_MAX, Stamped};
use reqwest::{StatusCode, Url, header::CONTENT_TYPE};
use std::time::Duration;
use store::SystemClock;
use types::{Clock as _, Time};

/// An authority, as the configuration names it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is asked.
    pub url: String,
    /// Who vouches for it over TLS; without, it is asked in clear: what it signs is verified either way.
    pub trusted: Option<Trusted>,
    /// Who may stamp, and under which policy.
    pub authority: Authority,
    /// It is given up after this long.
    pub wait: Duration,
}

/// What asks the authority.
#[derive(Debug, Clone)]
pub struct Client {
    client: reqwest::Client,
    url: Url,
    authority: Authority,
    wait: Duration,
}

impl Client {
    /// Prepares the client; nothing is sent yet.
    pub fn new(settings: &Settings) -> Result<Self> {
        let Settings { url, trusted, authority, wait } = settings;
        let client = outgoing::client(trusted.as_ref().map(|trusted| &trusted.trust), *wait)?;
        let url = Url::parse(url).context("the authority's URL cannot be read")?;
        Ok(Self { client, url, authority: authority.clone(), wait: *wait })
    }

    /// Has these bytes stamped. Gives what was vouched for, and the authority's whole answer; or why there is none, in words.
    pub async fn stamp(&self, note: &[u8], now: impl Fn() -> Time) -> Result<(Stamped, Vec<u8>), String> {
        let random = vault::random().map_err(|error| error.to_string())?;
        let asked = Asked::new(note, self.authority.policy(), random).ok_or("the request cannot be written")?;
        let response = self.ask(asked.body.clone()).await?;
        let stamped = self.authority.accept(&asked, &response, now()).map_err(|error| error.to_string())?;
        Ok((stamped, response))
    }

    async fn ask(&self, body: Vec<u8>) -> Result<Vec<u8>, String> {
        let plain = |error: reqwest::Error| outgoing::plain(&error, self.wait);
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/timestamp-query").body(body);
        let answer = request.send().await.map_err(plain)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answers {}", answer.status().as_u16()));
        }
        let bytes_max = usize::try_from(RESPONSE_BYTES_MAX).unwrap_or(0);
        outgoing::body(answer, bytes_max).await.map_err(plain)?.ok_or_else(|| "its answer is too long".to_owned())
    }
}

/// Whether an authority stamps: it is asked for a stamp of nothing in particular.
pub async fn reach(settings: Settings) -> Result<String, String> {
    let client = Client::new(&settings).map_err(|error| format!("{error:#}"))?;
    let bytes: [u8; 32] = vault::random().map_err(|error| error.to_string())?;
    client.stamp(&bytes, || SystemClock.now()).await.map(|_| "stamps".to_owned())
}
