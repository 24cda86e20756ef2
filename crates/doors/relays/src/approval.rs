//! Approval in the browser, in the conversation of one connection: begun by an empty line, once; looked at by each that follows.

use crate::{house::House, serve::Door, texts};
use russh::server::Auth;
use signin::SshAnswer;
use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the answer is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Empty lines that are looked at: more than anybody sends who waits for each.
const LOOKS_MAX: usize = 24;

/// Where a connection stands with it.
pub(crate) struct Approval {
    /// When it was asked: the connection has longer then.
    asked: Arc<OnceLock<Instant>>,
    /// What the terminal shows and the page asks for, while it is waited for.
    words: Option<String>,
    /// It may not be asked, or nothing came of it: codes only.
    over: bool,
    looks: usize,
}

/// What a look found.
pub(crate) enum Look {
    /// It was approved, and has served.
    Given,
    /// Not yet; what to say.
    Waits(String),
    /// Nothing comes of it any more.
    Over,
}

impl Approval {
    pub(crate) fn new(asked: Arc<OnceLock<Instant>>) -> Self {
        Self { asked, words: None, over: false, looks: 0 }
    }

    /// Whether it was asked, or may not be.
    pub(crate) fn is_begun(&self) -> bool {
        self.over || self.words.is_some()
    }

    /// The question, as things stand; `page` is where he may approve.
    pub(crate) fn question(&self, page: Option<&str>, text: String) -> Auth {
        let (prompt, text) = match (page, &self.words) {
            (Some(page), Some(words)) if !self.over => {
                let text = if text.is_empty() { texts::approve_at(page, words) } else { text };
                (texts::CODE_OR_APPROVED_PROMPT, text)
            }
            (Some(_), None) if !self.over => (texts::CODE_OR_ENTER_PROMPT, text),
            _ => (texts::CODE_PROMPT, text),
        };
        let prompts = Cow::Owned(vec![(Cow::Borrowed(prompt), false)]);
        Auth::Partial { name: "".into(), instructions: text.into(), prompts }
    }

    /// Asks; gives what to say. Once somebody is in, the connection gone (`ends`), or the time over, nothing comes of it.
    pub(crate) async fn begin<H: House>(
        &mut self,
        door: &Arc<Door<H>>,
        (seen, target): (&Arc<H::Seen>, Option<&str>),
        ends: [&CancellationToken; 2],
    ) -> String {
        let asked = match door.house.ask_approval(seen, target).await {
            Ok(asked) => asked,
            Err(refused) => {
                tracing::debug!(%refused, "no approval is asked for");
                self.over = true;
                return texts::ONLY_CODES.to_owned();
            }
        };
        let _ = self.asked.set(Instant::now());
        self.words = Some(asked.words);
        let ([gone, signed_in], seen, after) = (ends.map(CancellationToken::clone), seen.clone(), door.clone());
        door.tasks.spawn(async move {
            tokio::select! {
                () = gone.cancelled() => {}
                () = signed_in.cancelled() => {}
                () = after.stop.cancelled() => {}
                () = sleep(after.limits.approval_max) => {}
            }
            after.house.close_approval(&seen).await;
        });
        String::new()
    }

    /// What became of it; waits a little for an answer that is being given.
    pub(crate) async fn look<H: House>(&mut self, door: &Door<H>, seen: &H::Seen) -> Look {
        self.looks += 1;
        if self.over || self.looks > LOOKS_MAX {
            self.over = true;
            return Look::Over;
        }
        let until = Instant::now() + door.limits.approval_look;
        loop {
            match door.house.approved(seen).await {
                Ok(SshAnswer::Given) => return Look::Given,
                Ok(SshAnswer::Waits) if Instant::now() < until && !door.stop.is_cancelled() => sleep(LOOK_EVERY).await,
                Ok(SshAnswer::Waits) => break,
                Ok(SshAnswer::Over) => {
                    self.over = true;
                    return Look::Over;
                }
                Err(refused) => {
                    tracing::debug!(%refused, "an approval cannot be looked at");
                    break;
                }
            }
        }
        let page = door.house.approves_at().unwrap_or_default();
        Look::Waits(texts::not_yet(page, self.words.as_deref().unwrap_or_default()))
    }
}
