//! The decision: Cedar asked with the facts, its answers turned into a [`Scope`].

use crate::{
    Action, Authorized, Facts, Lacking, Matter, Scope, Subject,
    action::Question,
    asking::{Asker, Asking, purpose_of},
    check::checked,
    lacking::lets_more,
    narrow::Narrowed,
    own,
    permit::{self, Permit, SignedFile},
};
use cedar_policy::{Authorizer, Decision, Entities, PolicySet, Request, Schema};
use identity::Authenticated;
use std::time::Duration;
use types::{EstablishmentId, ObjectRef, Time, limits::AUTHORIZED_SECONDS_MAX};

include!(concat!(env!("OUT_DIR"), "/policies.rs"));
/// How the policies name what somebody proved, and how long ago.
const PROOF: [&str; 2] = ["assurance", "fresh"];
const SCHEMA: &str = include_str!("../../../../policies/poterne.cedarschema");

/// The policies do not hold together; the node must not start.
#[derive(Debug, thiserror::Error)]
#[error("the policies are not valid:\n{}", .0.join("\n"))]
pub struct BadPolicies(Vec<String>);

impl BadPolicies {
    pub(crate) fn new(lines: Vec<String>) -> Self {
        Self(lines)
    }

    /// What is wrong, a line each.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// The answer is no. Why is for the journal, never for the page: absent and forbidden look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The proof of who acts is past its expiry.
    #[error("the proof of identity has expired")]
    Expired,
    /// No policy permits it, or one forbids it.
    #[error("no policy permits it")]
    ByPolicy,
    /// The policies permit it to the same person once he has proved more firmly, or again, who he is.
    #[error("the policies ask for {0}")]
    Lacking(Lacking),
    /// A policy could not be evaluated; that is never a yes.
    #[error("a policy could not be evaluated")]
    Fault,
}

impl Denied {
    /// What the same person lacks, if that is all.
    pub fn lacking(self) -> Option<Lacking> {
        match self {
            Self::Lacking(lacking) => Some(lacking),
            Self::Expired | Self::ByPolicy | Self::Fault => None,
        }
    }
}

/// The validated policies.
pub struct Policies {
    pub(crate) schema: Schema,
    pub(crate) set: Narrowed,
    pub(crate) authorizer: Authorizer,
    /// The hospital's own, as (name, text); signatures of permits and who signed among them.
    own: Vec<(String, String)>,
    /// Whether one of these looks at how firmly somebody is recognized, or how long ago: then a page may hold less for it.
    weighs_proof: bool,
    /// The hospital's own permits, ended ones included.
    permits: Vec<Permit>,
}

impl Policies {
    /// The policies that this program carries, validated again.
    pub fn built_in() -> Result<Self, BadPolicies> {
        Self::from_files(FILES)
    }

    /// And the hospital's own beside them, given as (name, text), which may only forbid ([`crate::NEVER_FORBIDDEN`] apart).
    pub fn with_own(files: Vec<(String, String)>) -> Result<Self, BadPolicies> {
        let mut all = Self::built_in()?;
        for policy in own::read(&all.schema, &files)? {
            let id = policy.id().to_string();
            let taken = |_| BadPolicies::new(vec![format!("policy {id}: the name is taken by one of Poterne's")]);
            all.set.add(policy).map_err(taken)?;
        }
        all.weighs_proof = files.iter().any(|(_, text)| PROOF.iter().any(|name| text.contains(name)));
        all.own = files;
        Ok(all)
    }

    /// And the hospital's own permits, signed by two people each and tried against the isolation suite, which no constructor
    /// goes around. `of` is the node's establishments. An ended permit is read, and permits nothing.
    pub fn permitting(
        mut self,
        files: Vec<SignedFile>,
        of: &[EstablishmentId],
        now: Time,
    ) -> Result<Self, BadPolicies> {
        let unsigned = permit::unsigned(&files);
        if !unsigned.is_empty() {
            return Err(BadPolicies(unsigned));
        }
        let texts: Vec<(&str, &str)> = files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
        for read in self.permits_read(&texts, Some(of), now)? {
            let signed_by = |file: &SignedFile| file.signatures.iter().map(|one| one.signer.clone()).collect();
            let signed_by = files.iter().find(|file| file.name == read.file).map(signed_by).unwrap_or_default();
            let id = read.permit.id.clone();
            let taken = |_| BadPolicies(vec![format!("policy {id}: the name is taken")]);
            self.set.add(read.policy).map_err(taken)?;
            self.permits.push(Permit { signed_by, ..read.permit });
        }
        for file in files {
            self.own.push((file.name, file.text));
            for one in file.signatures {
                self.own.extend([(one.name, one.text), (one.signer, one.key)]);
            }
        }
        Ok(self)
    }

    /// Permits that nobody signed yet, tried as a start would try them: what they are, and nothing that could decide.
    pub fn tried_unsigned(
        &self,
        files: &[(&str, &str)],
        of: Option<&[EstablishmentId]>,
        now: Time,
    ) -> Result<Vec<Permit>, BadPolicies> {
        Ok(self.permits_read(files, of, now)?.into_iter().map(|read| read.permit).collect())
    }

    fn permits_read(
        &self,
        files: &[(&str, &str)],
        of: Option<&[EstablishmentId]>,
        now: Time,
    ) -> Result<Vec<permit::Read>, BadPolicies> {
        let read = permit::read(&self.schema, files, of, now)?;
        let taken = |read: &&permit::Read| self.set.policies().any(|policy| policy.id() == read.policy.id());
        let taken: Vec<String> = read
            .iter()
            .filter(taken)
            .map(|read| format!("{}: the name is taken by another policy", read.place()))
            .collect();
        if !taken.is_empty() {
            return Err(BadPolicies(taken));
        }
        self.isolates(&read)?;
        Ok(read)
    }

    /// The hospital's own permits, ended ones included, in the order of their files.
    pub fn permits(&self) -> &[Permit] {
        &self.permits
    }

    pub(crate) fn of(schema: Schema, set: PolicySet) -> Result<Self, BadPolicies> {
        if schema.action_groups().next().is_some() {
            // Entities are made for each question without the schema's own: a head that names a group would say nothing.
            return Err(BadPolicies(vec!["the schema holds groups of actions, which no question is about".to_owned()]));
        }
        let (own, permits) = (Vec::new(), Vec::new());
        let set = Narrowed::new(&schema, set).map_err(|error| BadPolicies(vec![error.to_string()]))?;
        Ok(Self { schema, set, authorizer: Authorizer::new(), own, weighs_proof: false, permits })
    }

    /// Cedar's answer, of what is in force at this moment: what an ended permit alone permits is a no.
    pub(crate) fn answer(&self, request: &Request, entities: &Entities, now: Time) -> Result<bool, Denied> {
        self.answer_of(self.set.about(request.action()), request, entities, now)
    }

    /// The same, asked of all policies.
    pub(crate) fn answer_whole(&self, request: &Request, entities: &Entities, now: Time) -> Result<bool, Denied> {
        self.answer_of(self.set.whole(), request, entities, now)
    }

    fn answer_of(&self, set: &PolicySet, request: &Request, entities: &Entities, now: Time) -> Result<bool, Denied> {
        let response = self.authorizer.is_authorized(request, set, entities);
        // A policy that could not be evaluated is skipped by Cedar; a skipped "forbid" must not open anything.
        if response.diagnostics().errors().next().is_some() {
            return Err(Denied::Fault);
        }
        let in_force = |id: &cedar_policy::PolicyId| self.permit(id.as_ref()).is_none_or(|permit| !permit.ended(now));
        Ok(response.decision() == Decision::Allow && response.diagnostics().reason().any(in_force))
    }

    /// The hospital's own permit of this name.
    pub(crate) fn permit(&self, id: &str) -> Option<&Permit> {
        self.permits.iter().find(|permit| permit.id == id)
    }

    /// What is in force, as (name, text): the schema, Poterne's policies in the order of their names, the hospital's own
    /// with the signatures of those that permit, and the keys that verified them.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.own.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        std::iter::once(("poterne.cedarschema", SCHEMA)).chain(FILES.iter().copied()).chain(own)
    }

    /// Policies given as (name, text): for the tests that show bad ones refused. Proofs come from the built-in ones only.
    #[doc(hidden)]
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, BadPolicies> {
        let (schema, set) = checked(SCHEMA, files).map_err(BadPolicies)?;
        Self::of(schema, set)
    }

    /// Each policy's `@id` with the rules it says it serves.
    pub fn rules_served(&self) -> Vec<(String, Vec<String>)> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let mut served: Vec<_> = self
            .set
            .policies()
            .map(|policy| (policy.id().to_string(), policy.annotation("rules").map(words).unwrap_or_default()))
            .collect();
        served.sort();
        served
    }

    /// Decides. The purpose follows from the role: nobody reads a record for a purpose that is not his.
    pub fn decide<A: Action>(
        &self,
        who: &Authenticated,
        action: A,
        facts: &Facts,
        now: Time,
    ) -> Result<Authorized<A>, Denied> {
        if now >= who.expires() {
            return Err(Denied::Expired);
        }
        let (question, asker) = (action.question(), Asker::of(who, now));
        let purpose = purpose_of(who.role(), question);
        let answer = |asker: Asker| Asking::new(self, asker, facts, purpose, now)?.whole(question);
        let (grants, matters) = answer(asker.clone()).map_err(|denied| match denied {
            Denied::ByPolicy => {
                let firmer = asker.firmer().find(|(_, asker)| answer(asker.clone()).is_ok());
                firmer.map_or(denied, |(lacking, _)| Denied::Lacking(lacking))
            }
            other => other,
        })?;
        let weighs = self.weighs_proof && matches!(question, Question::People | Question::Record(_));
        let firmer = asker.firmer().filter(|_| weighs);
        let lacking = firmer
            .filter_map(|(lacking, asker)| Some((lacking, answer(asker).ok()?.0)))
            .find_map(|(lacking, more)| lets_more(&more, &grants).then_some(lacking));
        let expires = who.expires().min(now + Duration::from_secs(AUTHORIZED_SECONDS_MAX));
        let scope = Scope::new(who.establishment(), grants, matters, lacking);
        Ok(Authorized::mint(action, Subject::of(who), purpose, scope, expires))
    }

    /// Cedar's own answer for one intervention, without any [`Scope`]: what [`Scope::admits_matter`] is compared with.
    pub fn decide_matter(&self, who: &Authenticated, matter: &Matter, facts: &Facts, now: Time) -> bool {
        let purpose = purpose_of(who.role(), Question::Matters);
        let asking = Asking::new(self, Asker::of(who, now), facts, purpose, now);
        now < who.expires()
            && asking.is_ok_and(|asking| asking.matter_held("see_intervention", matter).unwrap_or(false))
    }

    /// Cedar's own answer for one object, without any [`Scope`]: what the scope is compared with, object by object.
    pub fn decide_object(&self, who: &Authenticated, object: &ObjectRef, facts: &Facts, now: Time) -> bool {
        let purpose = purpose_of(who.role(), Question::Record(object.patient));
        let asking = Asking::new(self, Asker::of(who, now), facts, purpose, now);
        now < who.expires() && asking.is_ok_and(|asking| asking.object(object).unwrap_or(false))
    }
}
