//! The rules with their states, for pages, interfaces and the command line.

use crate::{
    Catalogue, DossierError, Evidence, Installation, Kept, Kind, PROBES, Proof, ProofReader, Rule, RuleKey, State,
};
use identity::Authenticated;
use journal::{Journal, JournalError, Refusal};
use policy::{Denied, Facts, Lacking, Policies, PolicyText, SeeRules};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeStruct as _},
};
use std::{collections::BTreeMap, sync::Arc};
use types::{Event, Lang, Time};

/// Why the rules were not shown.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Absent or forbidden: the same.
    #[error("not found")]
    NotFound,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// A policy could not be evaluated.
    #[error("a policy could not be evaluated")]
    Fault,
    /// The refusal could not be traced.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The proofs cannot be read.
    #[error(transparent)]
    Dossier(#[from] DossierError),
}

/// A rule as it stands. As JSON: `text`, `id`, `title_fr`, `title_en`, `kind`, `state`, and `proof`, which is null or
/// `probe`, `at`, `expires` (RFC 3339) and `detail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Which.
    pub key: RuleKey,
    /// What it asks for, in French.
    pub title_fr: String,
    /// What it asks for, in English.
    pub title_en: String,
    /// What kind of thing it asks for.
    pub kind: Kind,
    /// How it stands.
    pub state: State,
    /// What shows it, or why a probe does not.
    pub proof: Option<Proof>,
    /// The reference of the accepted risk that weakens it.
    pub accepted_risk: Option<String>,
}

impl RuleRow {
    /// The title in a language.
    pub fn title(&self, lang: Lang) -> &str {
        match lang {
            Lang::Fr => &self.title_fr,
            Lang::En => &self.title_en,
        }
    }
}

impl Serialize for RuleRow {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut row = to.serialize_struct("RuleRow", 7)?;
        row.serialize_field("text", self.key.text.as_str())?;
        row.serialize_field("id", &self.key.id)?;
        row.serialize_field("title_fr", &self.title_fr)?;
        row.serialize_field("title_en", &self.title_en)?;
        row.serialize_field("kind", self.kind.as_str())?;
        row.serialize_field("state", self.state.as_str())?;
        row.serialize_field("proof", &self.proof)?;
        row.end()
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let moment = |time: Time| jiff::Timestamp::from_microsecond(time.micros()).map_err(S::Error::custom);
        let mut proof = to.serialize_struct("Proof", 4)?;
        proof.serialize_field("probe", &self.probe)?;
        proof.serialize_field("at", &moment(self.at)?.to_string())?;
        proof.serialize_field("expires", &moment(self.expires)?.to_string())?;
        proof.serialize_field("detail", &self.detail)?;
        proof.end()
    }
}

/// How many rules stand how.
pub type Counts = BTreeMap<State, usize>;

/// Every rule of the catalogue as it stands, given the probes' latest answers.
pub fn rows(catalogue: &Catalogue, kept: &[Kept], installation: &Installation, now: Time) -> Vec<RuleRow> {
    let evidence = Evidence { probes: PROBES, kept };
    let row = |rule: &Rule| {
        let (state, proof) = rule.state(&evidence, installation, now);
        RuleRow {
            key: rule.key.clone(),
            title_fr: rule.title_fr.clone(),
            title_en: rule.title_en.clone(),
            kind: rule.kind,
            state,
            proof,
            accepted_risk: installation.weakens(&rule.key).map(str::to_owned),
        }
    };
    catalogue.rules().iter().map(row).collect()
}

/// Shows the rules to those who answer for conformity.
#[derive(Clone)]
pub struct RulesService(Arc<Parts>);

struct Parts {
    catalogue: Catalogue,
    proofs: ProofReader,
    journal: Journal,
    policies: Arc<Policies>,
    installation: Installation,
}

impl RulesService {
    /// Over the catalogue and the proofs of this installation.
    pub fn new(
        catalogue: Catalogue,
        proofs: ProofReader,
        journal: Journal,
        policies: Arc<Policies>,
        installation: Installation,
    ) -> Self {
        Self(Arc::new(Parts { catalogue, proofs, journal, policies, installation }))
    }

    /// The catalogue, for the texts' names.
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// Every rule as it stands now, if the policies let this person see them; a refusal is traced.
    pub async fn list(&self, who: &Authenticated, now: Time) -> Result<Vec<RuleRow>, RulesError> {
        let parts = &*self.0;
        self.admit(who, "rules", now).await?;
        let kept = parts.proofs.latest().await?;
        Ok(rows(&parts.catalogue, &kept, &parts.installation, now))
    }

    /// Every policy in force, the hospital's own first, for the same people.
    pub async fn policies(&self, who: &Authenticated, now: Time) -> Result<Vec<PolicyText>, RulesError> {
        self.admit(who, "policies", now).await?;
        Ok(self.0.policies.read(now))
    }

    async fn admit(&self, who: &Authenticated, target: &str, now: Time) -> Result<(), RulesError> {
        match self.0.policies.decide(who, SeeRules {}, &Facts::default(), now) {
            Ok(_) => Ok(()),
            Err(Denied::Fault) => Err(RulesError::Fault),
            Err(why) => {
                let refusal = Refusal { target: target.into(), reason: why.to_string() };
                self.0.journal.refuse(who, Event::Refused, &refusal).await?;
                Err(why.lacking().map_or(RulesError::NotFound, RulesError::Lacking))
            }
        }
    }
}
