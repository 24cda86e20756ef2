//! What is kept of a sign-in by SSH that waits for its holder's answer in his browser, and what is shown of it.

use identity::{Assurance, SshApproval};
use minicbor::{Decode, Encode};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, ClientAddress, SessionId, SshApprovalId, Time};
use vault::{Keys, Place, Purpose, VaultError, random};

/// How long an answer is waited for, and the answer is good.
pub const APPROVAL_LIFE: Duration = Duration::from_secs(120);
/// What an account asked for so long ago does not count any more.
pub(crate) const COUNTED: Duration = Duration::from_secs(600);
/// So many that brought nobody in are asked within that time; a refusal ends it at once.
pub(crate) const UNUSED_MAX: usize = 5;
/// What a technician may have typed for the equipment.
const TARGET_CHARS_MAX: usize = 120;
/// Characters of a comparison code, without those that are read for another: 5 bits each.
const WORDS_CHARS: usize = 6;
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Given,
    Refused,
    Used,
    Over,
}

impl State {
    pub(crate) const ALL: [Self; 5] = [Self::Waiting, Self::Given, Self::Refused, Self::Used, Self::Over];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Given => "given",
            Self::Refused => "refused",
            Self::Used => "used",
            Self::Over => "over",
        }
    }

    pub(crate) fn from_column(word: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or(StoreError::Malformed("ssh_approvals.state"))
    }
}

/// A row as read.
pub(crate) struct ApprovalRow {
    pub id: SshApprovalId,
    pub account: AccountId,
    pub state: State,
    pub sealed: Vec<u8>,
    pub answer: Option<Vec<u8>>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Asked {
    /// The connection that waits: nothing else comes in by the answer.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub connection: [u8; 16],
    #[n(1)]
    pub fingerprint: String,
    #[n(2)]
    pub address: String,
    /// What terminal and page show both.
    #[n(3)]
    pub words: String,
    #[n(4)]
    pub target: Option<String>,
    /// Of the account: changed since, nothing comes of it.
    #[n(5)]
    pub version: i64,
    #[n(6)]
    pub at: i64,
    /// In here too: a row whose end was moved does not last longer.
    #[n(7)]
    pub ends: i64,
}

/// What its holder answered, and by what session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Answer {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub session: [u8; 16],
    #[n(1)]
    pub address: String,
    #[n(2)]
    pub assurance: u8,
}

fn place<'a>(column: &'static str, row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "ssh_approvals", column, row }
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Malformed(what)
}

impl Asked {
    pub(crate) fn seal(&self, keys: &Keys, id: SshApprovalId, account: AccountId) -> Result<Vec<u8>, VaultError> {
        let clear = minicbor::to_vec(self).unwrap_or_default();
        keys.seal(Purpose::SshApprovals, place("sealed", &[id.as_bytes(), account.as_bytes()]), &clear)
    }

    pub(crate) fn open(keys: &Keys, row: &ApprovalRow) -> Result<Self, StoreError> {
        let whose: [&[u8]; 2] = [row.id.as_bytes(), row.account.as_bytes()];
        let clear = keys
            .open(Purpose::SshApprovals, place("sealed", &whose), &row.sealed)
            .map_err(|_| damaged("ssh_approvals.sealed"))?;
        minicbor::decode(&clear).map_err(|_| damaged("ssh_approvals.sealed"))
    }

    pub(crate) fn from(&self) -> Result<ClientAddress, StoreError> {
        address(&self.address)
    }

    pub(crate) fn ends(&self) -> Time {
        Time::from_micros(self.ends)
    }
}

impl Answer {
    pub(crate) fn seal(&self, keys: &Keys, id: SshApprovalId, account: AccountId) -> Result<Vec<u8>, VaultError> {
        let clear = minicbor::to_vec(self).unwrap_or_default();
        keys.seal(Purpose::SshApprovals, place("answer", &[id.as_bytes(), account.as_bytes()]), &clear)
    }

    pub(crate) fn open(keys: &Keys, row: &ApprovalRow) -> Result<Self, StoreError> {
        let sealed = row.answer.as_deref().ok_or_else(|| damaged("ssh_approvals.answer"))?;
        let whose: [&[u8]; 2] = [row.id.as_bytes(), row.account.as_bytes()];
        let clear = keys
            .open(Purpose::SshApprovals, place("answer", &whose), sealed)
            .map_err(|_| damaged("ssh_approvals.answer"))?;
        minicbor::decode(&clear).map_err(|_| damaged("ssh_approvals.answer"))
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId::from_bytes(self.session)
    }

    /// Both halves as the rules of sign-in take them.
    pub(crate) fn to(&self, asked: &Asked, account: AccountId) -> Result<SshApproval, StoreError> {
        Ok(SshApproval {
            account,
            connection: SessionId::from_bytes(asked.connection),
            fingerprint: asked.fingerprint.clone(),
            asked_from: asked.from()?,
            given_from: address(&self.address)?,
            assurance: Assurance::from_kept(self.assurance).ok_or_else(|| damaged("ssh_approvals.answer"))?,
            ends: asked.ends(),
        })
    }
}

fn address(text: &str) -> Result<ClientAddress, StoreError> {
    text.parse().map(ClientAddress::new).map_err(|_| damaged("ssh_approvals.address"))
}

/// A comparison code: thirty random bits.
pub(crate) fn draw_words() -> Result<String, VaultError> {
    let random: [u8; WORDS_CHARS] = random()?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied().map_or('2', char::from);
    let (first, second) = random.split_at(WORDS_CHARS / 2);
    let half = |bytes: &[u8]| bytes.iter().map(letter).collect::<String>();
    Ok(format!("{}-{}", half(first), half(second)))
}

/// The equipment's name, as it is shown.
pub(crate) fn shown_target(target: &str) -> String {
    target.chars().filter(|c| !c.is_control()).take(TARGET_CHARS_MAX).collect()
}

/// A sign-in by SSH that waits for an answer, as its holder is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshWaiting {
    /// Which.
    pub id: SshApprovalId,
    /// The equipment that its login names, if its holder may reach it now.
    pub target: Option<String>,
    /// From where.
    pub address: ClientAddress,
    /// Whether its holder lately signed in from there.
    pub is_usual: bool,
    /// Whether it comes from where the page is asked for: elsewhere, it cannot be approved.
    pub is_here: bool,
    /// The key that was shown: its name, empty if it is gone.
    pub label: String,
    /// The key: `SHA256:…`.
    pub fingerprint: String,
    /// Since when.
    pub asked: Time,
    /// Until when.
    pub ends: Time,
}

/// What a terminal shows of what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAsked {
    /// What the page asks for, and does not show.
    pub words: String,
    /// Until when.
    pub ends: Time,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshAnswer {
    /// Nobody answered yet.
    Waits,
    /// It was approved, and has just served: the connection is that person's.
    Given,
    /// Nothing comes of it any more.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_code_is_short_and_read_one_way() {
        for _ in 0..200 {
            let words = draw_words().unwrap_or_default();
            assert!(words.len() == 7 && words.as_bytes().get(3) == Some(&b'-'), "{words}");
            assert!(!words.contains(['0', '1', 'I', 'O']), "{words}");
        }
    }

    #[test]
    fn a_state_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::from_column(state.as_str()).ok(), Some(state));
        }
        assert!(State::from_column("approved").is_err());
    }
}
