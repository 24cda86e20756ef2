//! What is signed under an intervention: approvals, extensions, "do not interrupt".

use crate::{
    effects::{Change, Sessions},
    life::{self, Act},
    model::{HOLD_HOURS_MAX, StepKind, WINDOW_DAYS_MAX},
    rows::{NewSignature, NewStep},
    service::{Answer, Asked, InterventionError, InterventionService, Signed, TermsKind, Wrong},
    sql::InterventionRow,
    terms::Terms,
    warrant::{SignatureKind, SignatureRow, Standing},
    words::moment::rfc3339,
};
use identity::{Authenticated, signed::TermsToSign};
use journal::Effect;
use policy::{ApproveIntervention, DatabaseAction, ExtendIntervention, HoldIntervention, ReleaseIntervention};
use std::time::Duration;
use types::{AccountId, InterventionId, Time};

impl TermsKind {
    fn signature(self) -> SignatureKind {
        match self {
            TermsKind::Approve => SignatureKind::Approve,
            TermsKind::Extend { until } => SignatureKind::Extend { until },
            TermsKind::Hold { until } => SignatureKind::Hold { until, released: false },
        }
    }

    fn terms(self, row: &InterventionRow) -> Terms {
        let intervention = row.terms.clone();
        match self {
            TermsKind::Approve => Terms::Approve(intervention),
            TermsKind::Extend { until } => Terms::Extend { intervention, until },
            TermsKind::Hold { until } => Terms::Hold { intervention, until },
        }
    }

    /// What a nonce is good for.
    fn bound(self, id: InterventionId, version: u64, account: AccountId) -> Vec<Vec<u8>> {
        let (kind, until) = match self {
            TermsKind::Approve => ("approve", 0),
            TermsKind::Extend { until } => ("extend", until.micros()),
            TermsKind::Hold { until } => ("hold", until.micros()),
        };
        vec![
            kind.as_bytes().to_vec(),
            id.as_bytes().to_vec(),
            version.to_be_bytes().to_vec(),
            account.as_bytes().to_vec(),
            until.to_be_bytes().to_vec(),
        ]
    }

    /// The act, before it is known whether the signature completes the quorum.
    fn act(self) -> Act {
        match self {
            TermsKind::Approve => Act::ApproveInPart,
            TermsKind::Extend { .. } => Act::Extend,
            TermsKind::Hold { .. } => Act::Hold,
        }
    }
}

fn slices(bound: &[Vec<u8>]) -> Vec<&[u8]> {
    bound.iter().map(Vec::as_slice).collect()
}

impl InterventionService {
    /// What is to be signed by this person, now.
    pub async fn terms(&self, who: &Authenticated, id: InterventionId, kind: TermsKind) -> Answer<TermsToSign> {
        let (_, account) = self.at(who)?;
        let row = match kind {
            TermsKind::Approve => self.ask(who, id, ApproveIntervention { intervention: id }).await?.row,
            TermsKind::Extend { .. } => self.ask(who, id, ExtendIntervention { intervention: id }).await?.row,
            TermsKind::Hold { .. } => self.ask(who, id, HoldIntervention { intervention: id }).await?.row,
        };
        self.fits_now(&row, kind)?;
        let bound = kind.bound(id, row.terms.version, account);
        self.to_sign(account, &kind.terms(&row), &slices(&bound)).await
    }

    /// Approves. The intervention is planned once as many have approved as the equipment asks for.
    pub async fn approve(&self, who: &Authenticated, id: InterventionId, signed: Signed) -> Answer<()> {
        let asked = self.ask(who, id, ApproveIntervention { intervention: id }).await?;
        self.sign(who, asked, TermsKind::Approve, signed).await.map(drop)
    }

    /// Moves the end; in force once as many have signed as the approval took.
    pub async fn extend(&self, who: &Authenticated, id: InterventionId, until: Time, signed: Signed) -> Answer<()> {
        let asked = self.ask(who, id, ExtendIntervention { intervention: id }).await?;
        let standing = self.sign(who, asked, TermsKind::Extend { until }, signed).await?;
        self.parts().leases.set_end(id, standing.window_end);
        Ok(())
    }

    /// Sets "do not interrupt".
    pub async fn hold(&self, who: &Authenticated, id: InterventionId, until: Time, signed: Signed) -> Answer<()> {
        let asked = self.ask(who, id, HoldIntervention { intervention: id }).await?;
        let standing = self.sign(who, asked, TermsKind::Hold { until }, signed).await?;
        self.parts().leases.set_hold(id, standing.hold_until);
        Ok(())
    }

    /// Lifts "do not interrupt".
    pub async fn release_hold(&self, who: &Authenticated, id: InterventionId) -> Answer<()> {
        let Asked { authorized, row, name } = self.ask(who, id, ReleaseIntervention { intervention: id }).await?;
        if row.hold.is_none() {
            return Err(InterventionError::Conflict);
        }
        let change = Change {
            revision: row.revision,
            to: life::step(row.state, Act::Release)?,
            until: row.until,
            hold: None,
            signature: None,
            lifts_hold: true,
            steps: vec![self.step(id, StepKind::Released, &name, "")?],
            sessions: Sessions::Move,
        };
        self.written(self.parts().journal.perform(authorized, change).await?)?;
        self.parts().leases.set_hold(id, None);
        Ok(())
    }

    /// Whether the act belongs to the state and the moment.
    fn fits_now(&self, row: &InterventionRow, kind: TermsKind) -> Answer<()> {
        let now = self.now();
        life::step(row.state, kind.act())?;
        let held = row.hold.is_some_and(|hold| now < hold);
        if now >= row.until && !held {
            return Err(InterventionError::Conflict);
        }
        let longest = row.terms.from + Duration::from_secs(WINDOW_DAYS_MAX * 86_400);
        let fits = match kind {
            TermsKind::Approve => true,
            TermsKind::Extend { until } => until > row.until && until > now && until <= longest,
            TermsKind::Hold { until } => until > now && until <= now + Duration::from_secs(HOLD_HOURS_MAX * 3600),
        };
        if fits { Ok(()) } else { Err(InterventionError::Invalid(Wrong::Window)) }
    }

    /// Verifies a signature with all that was signed before, and keeps it. What does not fit is never kept.
    async fn sign<A>(&self, who: &Authenticated, asked: Asked<A>, kind: TermsKind, signed: Signed) -> Answer<Standing>
    where
        A: DatabaseAction,
        Change: Effect<A, Output = bool>,
    {
        let (_, account) = self.at(who)?;
        let Asked { authorized, row, name } = asked;
        self.fits_now(&row, kind)?;
        let id = row.terms.id;
        let bound = kind.bound(id, row.terms.version, account);
        let Ok((nonce, assertion)) = self.signature(account, &kind.terms(&row), &slices(&bound), signed) else {
            return self.bad_signature(who, "the nonce is not good (any more), or nobody signs here").await;
        };
        let (mut evidence, _) = self.evidence(&row, std::slice::from_ref(&assertion.credential)).await?;
        let signature = SignatureRow { kind: kind.signature(), nonce, account, assertion };
        if let Err(why) = evidence.admits(&self.parts().pinned.now(), &signature) {
            return self.bad_signature(who, &why.to_string()).await;
        }
        let again = |held: &SignatureRow| held.account == account && held.kind == signature.kind;
        if evidence.signatures.iter().any(again) {
            return Err(InterventionError::Conflict);
        }
        evidence.signatures.push(signature.clone());
        let standing = match evidence.standing(&self.parts().pinned.now()) {
            Ok(standing) => standing,
            // Something else that stands in the rows does not fit: nothing is built upon it.
            Err(why) => return self.bad_signature(who, &why.to_string()).await,
        };
        let approved = kind == TermsKind::Approve && standing.is_approved();
        let act = if approved { Act::Approve } else { kind.act() };
        let change = Change {
            revision: row.revision,
            to: life::step(row.state, act)?,
            until: standing.window_end,
            hold: standing.hold_until,
            signature: Some(NewSignature::new(&self.parts().keys, id, signature, &name)?),
            lifts_hold: false,
            steps: self.signing_steps(&row, kind, &standing, &name)?,
            sessions: if kind == TermsKind::Approve { Sessions::Stay } else { Sessions::Move },
        };
        self.written(self.parts().journal.perform(authorized, change).await?)?;
        Ok(standing)
    }

    fn signing_steps(
        &self,
        row: &InterventionRow,
        kind: TermsKind,
        standing: &Standing,
        name: &str,
    ) -> Answer<Vec<NewStep>> {
        let id = row.terms.id;
        Ok(match kind {
            TermsKind::Approve => {
                let mut steps = vec![self.step(id, StepKind::Approved, name, "")?];
                if standing.is_approved() {
                    steps.push(self.step(id, StepKind::Planned, "", "")?);
                }
                steps
            }
            TermsKind::Extend { until } => vec![self.step(id, StepKind::Extended, name, rfc3339(until))?],
            TermsKind::Hold { until } => vec![self.step(id, StepKind::Held, name, rfc3339(until))?],
        })
    }
}
