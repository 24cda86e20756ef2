//! Sends the mail that waits, until the node stops.

use super::letters::{House, message};
use crate::config;
use ::mail::{MailError, Mailer};
use journal::JournalError;
use signin::{Letter, Outbox};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};
use types::EstablishmentId;
use web::health::{Check, State};

/// How often it is looked for mail.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts while the server does not serve: doubled each time, up to the longest.
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Mail that waits for longer is told to whoever watches over the node.
const LONG: Duration = Duration::from_secs(900);
/// How often what is too old is looked for.
const OLD_EVERY: Duration = Duration::from_secs(60);

/// Who sends a node's mail.
pub(super) struct Mailing {
    pub outbox: Outbox,
    pub config: config::Mail,
    pub establishments: BTreeMap<EstablishmentId, String>,
}

/// What became of some mail.
enum Round {
    /// There was none.
    Nothing,
    /// The server serves, whether or not it took each message.
    Serves,
    /// It does not.
    Fails(MailError),
}

impl Mailing {
    /// Until the node stops. Whatever the mail does, the doors stand: degraded, never down.
    pub async fn send(self, check: Check) {
        check.set(State::Ready);
        let (mut failing, mut pause): (Option<MailError>, _) = (None, PAUSE);
        let mut looked: Option<Instant> = None;
        loop {
            if looked.is_none_or(|looked| looked.elapsed() >= OLD_EVERY) {
                looked = Some(Instant::now());
                self.give_up().await;
                self.tell(&check, failing.as_ref()).await;
            }
            match self.round().await {
                Ok(Round::Nothing) => sleep(LOOK_EVERY).await,
                Ok(Round::Serves) => {
                    if failing.take().is_some() {
                        tracing::info!("the mail server serves again");
                        self.tell(&check, None).await;
                    }
                    pause = PAUSE;
                }
                Ok(Round::Fails(error)) => {
                    tracing::warn!(%error, "mail could not leave; it is tried again");
                    failing = Some(error);
                    sleep(pause).await;
                    pause = (2 * pause).min(PAUSE_MAX);
                }
                Err(error) => {
                    tracing::warn!(%error, "the mail that waits cannot be read or noted");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// One at a time: it must have left, or failed, before another node may take it again.
    async fn round(&self) -> Result<Round, JournalError> {
        let letters = self.outbox.take(1).await?;
        let mut round = Round::Nothing;
        for letter in letters {
            round = match self.send_one(&self.config.mailer, &letter).await {
                Ok(()) => {
                    self.noted(&letter).await;
                    Round::Serves
                }
                Err(error) if error.is_of_the_message() => {
                    tracing::warn!(%error, mail = letter.id(), "a message was not taken; it is tried again");
                    Round::Serves
                }
                // The others wait for their next turn.
                Err(error) => return Ok(Round::Fails(error)),
            };
        }
        Ok(round)
    }

    async fn send_one(&self, mailer: &Mailer, letter: &Letter) -> Result<(), MailError> {
        let place = self.establishments.get(&letter.establishment).map_or("", String::as_str);
        let house = House { place, contact: &self.config.support_contact };
        mailer.send(&message(letter, &house)?).await
    }

    /// It has left: that is noted even if the database is away for a moment, or it would leave again.
    async fn noted(&self, letter: &Letter) {
        for _ in 0..30 {
            match self.outbox.sent(letter).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, mail = letter.id(), "mail left, and that could not be noted yet"),
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn give_up(&self) {
        match self.outbox.give_up_old().await {
            Ok(0) => {}
            Ok(count) => tracing::error!(count, "ALARM: mail could not leave in time and was given up"),
            Err(error) => tracing::warn!(%error, "mail that is too old could not be given up"),
        }
    }

    async fn tell(&self, check: &Check, failing: Option<&MailError>) {
        let waiting = self.outbox.waiting().await.ok().flatten().filter(|waiting| *waiting >= LONG);
        check.set(match (waiting, failing) {
            (None, _) => State::Ready,
            (Some(waiting), failing) => {
                let why = failing.map(|error| format!(": {error}")).unwrap_or_default();
                State::Degraded(format!("mail has been waiting for {} minutes{why}", waiting.as_secs() / 60))
            }
        });
    }
}

/// Reaches the server as the node does, for `poterne check`.
pub(crate) async fn reach(config: config::Mail) -> Result<String, String> {
    let within = Duration::from_secs(9);
    let reached = config.mailer.reach(within).await;
    reached.map(|()| format!("{} answers over TLS", config.server)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
