//! How long traces are kept: seen and decided by trace controllers only, each change by two of them.
//!
//! What is decided stands in the journal alone ([`journal::retention`]): whoever writes the database changes nothing here.

use identity::Authenticated;
use journal::{
    Journal, JournalError, Refusal,
    retention::{Change, Keeping, NotCounted, PersonToken, ProposalId, Statement},
};
use policy::{
    Action, AskRetention, Authorized, ConfirmRetention, Declaration, Denied, Facts, Lacking, Policies, SeeRetention,
    WithdrawRetention,
};
use std::sync::Arc;
use types::Event;
use vault::{Keys, Purpose, VaultError, random};

/// The longest reason.
pub const REASON_CHARS_MAX: usize = 500;

/// Why nothing was shown or decided.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// Absent or forbidden: the same.
    #[error("not found")]
    NotFound,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// A policy could not be evaluated.
    #[error("a policy could not be evaluated")]
    Fault,
    /// The reason is missing, too long, or not a text on lines.
    #[error("a reason holds 1 to {REASON_CHARS_MAX} characters")]
    Reason,
    /// It would change nothing, for this reason.
    #[error("this changes nothing: {0}")]
    NotCounted(#[from] NotCounted),
    /// A key is missing.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Not traced, so not done; or the journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Shows and changes how long traces are kept.
#[derive(Clone)]
pub struct Retention(Arc<Parts>);

struct Parts {
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
}

impl Retention {
    /// With the keys of a holder that may compute the tokens by which statements name people.
    pub fn new(journal: Journal, policies: Arc<Policies>, keys: Keys) -> Self {
        Self(Arc::new(Parts { journal, policies, keys }))
    }

    /// What is kept, what is in force, what waits; with the token by which this person is named in it.
    pub async fn seen(&self, who: &Authenticated) -> Result<(Keeping, PersonToken), RetentionError> {
        self.decide(who, SeeRetention {}).await?;
        Ok((self.0.journal.keeping().await?, self.person(who)?))
    }

    /// Asks for a change; it waits for somebody else.
    pub async fn ask(&self, who: &Authenticated, change: Change, reason: &str) -> Result<ProposalId, RetentionError> {
        let id = random()?;
        let statement = Statement::Proposed { id, by: self.person(who)?, change }.encode();
        let reason = reason.trim().to_owned();
        let proof = self.decide(who, AskRetention { reason: reason.clone(), statement }).await?;
        let odd = |c: char| c.is_control() && c != '\n';
        if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX || reason.contains(odd) {
            return Err(RetentionError::Reason);
        }
        self.declare(proof).await?;
        Ok(id)
    }

    /// Confirms what somebody else asked.
    pub async fn confirm(&self, who: &Authenticated, id: ProposalId) -> Result<(), RetentionError> {
        let statement = Statement::Confirmed { id, by: self.person(who)? }.encode();
        let proof = self.decide(who, ConfirmRetention { statement }).await?;
        self.declare(proof).await
    }

    /// Takes a proposal back; one person is enough, for nothing changes.
    pub async fn withdraw(&self, who: &Authenticated, id: ProposalId) -> Result<(), RetentionError> {
        let statement = Statement::Withdrawn { id, by: self.person(who)? }.encode();
        let proof = self.decide(who, WithdrawRetention { statement }).await?;
        self.declare(proof).await
    }

    async fn declare<A: Declaration>(&self, proof: Authorized<A>) -> Result<(), RetentionError> {
        Ok(self.0.journal.declare(proof).await??)
    }

    async fn decide<A: Action>(&self, who: &Authenticated, action: A) -> Result<Authorized<A>, RetentionError> {
        let parts = &*self.0;
        match parts.policies.decide(who, action, &Facts::default(), parts.journal.now()) {
            Ok(proof) => Ok(proof),
            Err(Denied::Fault) => Err(RetentionError::Fault),
            Err(why) => {
                let refusal = Refusal { target: "retention".into(), reason: why.to_string() };
                parts.journal.refuse(who, Event::Refused, &refusal).await?;
                Err(why.lacking().map_or(RetentionError::NotFound, RetentionError::Lacking))
            }
        }
    }

    /// A person as statements name him: nobody tells who that is without the key.
    fn person(&self, who: &Authenticated) -> Result<PersonToken, RetentionError> {
        let account = who.account().ok_or(RetentionError::NotFound)?;
        let token = self.0.keys.token(Purpose::RetentionPeople, &[b"person 1", account.as_bytes()])?;
        token.first_chunk().copied().ok_or(RetentionError::Fault)
    }
}
