//! What the portal asks. Each method: load the facts, decide, read within the scope, trace, release.

use crate::{
    model::{Attachment, Document, Person, RecordPage, RelatedPeople, RelatedPerson, Report},
    sis::{Found, Owner, Sis, SisError},
    sql,
};
use identity::Authenticated;
use journal::{Journal, JournalError, Refusal, Withheld};
use policy::{
    Action, Authorized, Denied, Facts, Lacking, OpenDocument, Policies, ReadDocument, ReadRecord, ReadResult, Relation,
    RelationKind, SeePeople,
};
use std::{future::Future, sync::Arc};
use store::{Store, StoreError};
use types::{Category, EstablishmentId, Event, Ins, ObjectId, PatientId, Time};
use vault::Keys;

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// Absent or forbidden: the same to whoever asks.
    #[error("there is nothing here for this person")]
    NotFound,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// The session was ended while the page was being made.
    #[error("the session was ended meanwhile")]
    Ended,
    /// The SIS does not answer; the session lives.
    #[error("the hospital's records do not answer: {0}")]
    SisUnavailable(String),
    /// The trace could not be written, so nothing was opened.
    #[error("the journal does not take entries: {0}")]
    Journal(JournalError),
    /// The database does not answer.
    #[error("the store does not answer: {0}")]
    Store(StoreError),
    /// An invariant broke: what was read is not what was asked for. The session must be closed.
    #[error("an internal fault: {0}")]
    Fault(String),
}

impl From<JournalError> for CareError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Revoked => CareError::Ended,
            error if error.is_fault() => CareError::Fault(error.to_string()),
            other => CareError::Journal(other),
        }
    }
}

impl From<StoreError> for CareError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Malformed(_) => CareError::Fault(error.to_string()),
            other => CareError::Store(other),
        }
    }
}

/// What of a record is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordAsked {
    /// One kind only, or both.
    pub only: Option<Category>,
    /// Which page, from 1.
    pub page: u32,
}

/// The last page that can be asked for: bounds what a made-up number costs the SIS.
const PAGE_MAX: u32 = 400;

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    sis: Sis,
}

/// The portal's care. Clones are handles.
#[derive(Clone)]
pub struct CareService(Arc<Parts>);

/// A decision with the identities that its scope admits.
struct Asked<A: Action> {
    authorized: Authorized<A>,
    establishment: EstablishmentId,
    identities: Vec<(PatientId, Ins)>,
}

impl CareService {
    /// Over its stores, with the portal's keys.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys, sis: Sis) -> Self {
        Self(Arc::new(Parts { store, journal, policies, keys, sis }))
    }

    /// Whether the SIS answers.
    pub async fn reach(&self) -> Result<(), SisError> {
        self.0.sis.reach().await
    }

    /// The people whom the actor may see, in the order of their names.
    pub async fn people(&self, who: &Authenticated) -> Result<RelatedPeople, CareError> {
        let facts = self.facts(who).await?;
        let asked = self.ask(who, SeePeople {}, &facts, "people").await?;
        let (scope, lacking) = (asked.authorized.scope(), asked.authorized.scope().lacking());
        let read = self.in_time(self.0.sis.people(scope, &asked.identities)).await;
        let (people, _) = self.sound(who, read).await?;
        let people = self.0.journal.release(asked.authorized, people).await?;
        let now = self.0.journal.now();
        let mut related: Vec<RelatedPerson> =
            people.into_iter().map(|person| related(person, &facts.relations, now)).collect();
        related.sort_by_cached_key(|one| (one.person.family.to_lowercase(), one.person.name.to_lowercase()));
        Ok(RelatedPeople { people: related, lacking })
    }

    /// A record's lists.
    pub async fn record(
        &self,
        who: &Authenticated,
        patient: PatientId,
        wanted: RecordAsked,
    ) -> Result<RecordPage, CareError> {
        let facts = self.facts(who).await?;
        let asked = self.ask(who, ReadRecord { patient }, &facts, "record").await?;
        let (page, lacking) = (wanted.page.clamp(1, PAGE_MAX), asked.authorized.scope().lacking());
        let wants = |category| wanted.only.is_none_or(|only| only == category);
        let read = self
            .in_time(async {
                let scope = asked.authorized.scope();
                let Some((person, found)) = self.owner(&asked).await? else { return Ok(None) };
                let owner =
                    Owner { establishment: asked.establishment, patient, fhir: &found.fhir, base: self.0.sis.base() };
                let (reports, documents) = tokio::join!(
                    when(wants(Category::Result), self.0.sis.reports(scope, &owner, page)),
                    when(wants(Category::Document), self.0.sis.documents(scope, &owner, page)),
                );
                Ok(Some(person.and_maybe(reports?).and_maybe(documents?)))
            })
            .await;
        let ((people, reports), documents) = self.opened(who, asked.authorized, read).await?;
        let person = people.into_iter().next().ok_or(CareError::NotFound)?;
        Ok(RecordPage { person, reports, documents, lacking })
    }

    /// A result with its values.
    pub async fn report(
        &self,
        who: &Authenticated,
        patient: PatientId,
        id: ObjectId,
    ) -> Result<(Person, Report), CareError> {
        let facts = self.facts(who).await?;
        let asked = self.ask(who, ReadResult { patient, id: id.clone() }, &facts, "result").await?;
        let read = self
            .in_time(async {
                let Some((person, found)) = self.owner(&asked).await? else { return Ok(None) };
                let owner =
                    Owner { establishment: asked.establishment, patient, fhir: &found.fhir, base: self.0.sis.base() };
                let report = self.0.sis.report(asked.authorized.scope(), &owner, &id).await?;
                Ok(report.map(|report| person.and(report)))
            })
            .await;
        let pair = self.opened(who, asked.authorized, read).await?;
        first_of_each(pair)
    }

    /// A document's description.
    pub async fn document(
        &self,
        who: &Authenticated,
        patient: PatientId,
        id: ObjectId,
    ) -> Result<(Person, Document), CareError> {
        let facts = self.facts(who).await?;
        let asked = self.ask(who, ReadDocument { patient, id: id.clone() }, &facts, "document").await?;
        let read = self
            .in_time(async {
                let Some((person, found)) = self.owner(&asked).await? else { return Ok(None) };
                let owner =
                    Owner { establishment: asked.establishment, patient, fhir: &found.fhir, base: self.0.sis.base() };
                let document = self.0.sis.document(asked.authorized.scope(), &owner, &id).await?;
                Ok(document.map(|document| person.and(document)))
            })
            .await;
        let pair = self.opened(who, asked.authorized, read).await?;
        first_of_each(pair)
    }

    /// A document's bytes, or a result's printed sheet.
    pub async fn content(
        &self,
        who: &Authenticated,
        patient: PatientId,
        category: Category,
        id: ObjectId,
    ) -> Result<Attachment, CareError> {
        let facts = self.facts(who).await?;
        let action = OpenDocument { patient, category, id: id.clone() };
        let asked = self.ask(who, action, &facts, "content").await?;
        let read = self
            .in_time(async {
                let Some((_, found)) = self.owner(&asked).await? else { return Ok(None) };
                let owner =
                    Owner { establishment: asked.establishment, patient, fhir: &found.fhir, base: self.0.sis.base() };
                self.0.sis.content(asked.authorized.scope(), &owner, category, &id).await
            })
            .await;
        let attachments = self.opened(who, asked.authorized, read).await?;
        attachments.into_iter().next().ok_or(CareError::NotFound)
    }

    /// A malformed identifier: refused, traced and answered like one that is absent.
    pub async fn malformed(&self, who: &Authenticated, what: &'static str) -> CareError {
        self.not_found(who, what, "malformed identifier").await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) async fn facts(&self, who: &Authenticated) -> Result<Facts, CareError> {
        let (Some(account), Some(establishment)) = (who.account(), who.establishment()) else {
            return Ok(Facts::default());
        };
        let mut connection = self.0.store.read().await?;
        let relations = sql::relations(&mut connection, &self.0.keys, (account, establishment)).await?;
        Ok(Facts { relations, ..Facts::default() })
    }

    /// Decides, and reads the identities within the scope. Whatever is refused takes the same path.
    async fn ask<A: Action>(
        &self,
        who: &Authenticated,
        action: A,
        facts: &Facts,
        what: &'static str,
    ) -> Result<Asked<A>, CareError> {
        let authorized = self.decide(who, action, facts, what).await?;
        let establishment = authorized.scope().establishment().ok_or(CareError::NotFound)?;
        let mut connection = self.0.store.read().await?;
        let identities = sql::identities(&mut connection, &self.0.keys, authorized.scope()).await?;
        Ok(Asked { authorized, establishment, identities })
    }

    /// Whatever is refused is traced, and not there.
    pub(crate) async fn decide<A: Action>(
        &self,
        who: &Authenticated,
        action: A,
        facts: &Facts,
        what: &'static str,
    ) -> Result<Authorized<A>, CareError> {
        match self.0.policies.decide(who, action, facts, self.0.journal.now()) {
            Ok(authorized) => Ok(authorized),
            Err(Denied::Fault) => Err(CareError::Fault("a policy could not be evaluated".into())),
            Err(why) => Err(self.refused(who, what, (&why.to_string(), why.lacking())).await),
        }
    }

    async fn owner<A: Action>(&self, asked: &Asked<A>) -> Result<Option<(Withheld<Vec<Person>>, Found)>, SisError> {
        let (people, found) = self.0.sis.people(asked.authorized.scope(), &asked.identities).await?;
        let mut found = found.into_iter();
        // Two records for one identity: which one is meant cannot be known, so none is shown.
        Ok(match (found.next(), found.next()) {
            (Some(one), None) => Some((people, one)),
            _ => None,
        })
    }

    /// All that a page asks of the SIS shares one deadline.
    async fn in_time<T>(&self, read: impl Future<Output = Result<T, SisError>>) -> Result<T, SisError> {
        tokio::time::timeout(self.0.sis.wait(), read)
            .await
            .unwrap_or_else(|_| Err(SisError::Unavailable("no answer in time".into())))
    }

    /// Turns what the SIS said into what the page says; a stray row is traced as an anomaly.
    async fn sound<T>(&self, who: &Authenticated, read: Result<T, SisError>) -> Result<T, CareError> {
        match read {
            Ok(value) => Ok(value),
            Err(SisError::Stray(stray)) => {
                // What it was is for the journal: it names somebody's object.
                tracing::error!("the SIS answered outside the scope; nothing was shown");
                self.0.journal.note(who, Event::StrayObject, Some(stray.to_string())).await?;
                Err(CareError::SisUnavailable("it answered with something that was not asked for".into()))
            }
            Err(error) => {
                tracing::warn!(%error, "the SIS gave nothing");
                Err(CareError::SisUnavailable(error.to_string()))
            }
        }
    }

    async fn opened<A: policy::HealthRead, T>(
        &self,
        who: &Authenticated,
        authorized: Authorized<A>,
        read: Result<Option<Withheld<T>>, SisError>,
    ) -> Result<T, CareError> {
        let lacking = authorized.scope().lacking();
        match self.sound(who, read).await? {
            Some(withheld) => Ok(self.0.journal.release(authorized, withheld).await?),
            None => {
                // Where more proof would show more, an absent object is answered like one that waits for it.
                let why = ("absent, or outside the scope", lacking);
                Err(self.refused(who, A::EVENT.as_str(), why).await)
            }
        }
    }

    async fn not_found(&self, who: &Authenticated, what: &str, why: &str) -> CareError {
        self.refused(who, what, (why, None)).await
    }

    async fn refused(&self, who: &Authenticated, what: &str, (why, lacking): (&str, Option<Lacking>)) -> CareError {
        let refusal = Refusal { target: what.to_owned(), reason: why.to_owned() };
        match self.0.journal.refuse(who, Event::Refused, &refusal).await {
            Ok(()) => lacking.map_or(CareError::NotFound, CareError::Lacking),
            Err(error) => error.into(),
        }
    }
}

async fn when<T>(wanted: bool, read: impl Future<Output = Result<Option<T>, SisError>>) -> Result<Option<T>, SisError> {
    if wanted { read.await } else { Ok(None) }
}

fn first_of_each<T, U>((first, second): (Vec<T>, Vec<U>)) -> Result<(T, U), CareError> {
    let pair = first.into_iter().next().zip(second.into_iter().next());
    pair.ok_or(CareError::NotFound)
}

/// Why this person may be seen, for the page that lists them.
fn related(person: Person, relations: &[Relation], now: Time) -> RelatedPerson {
    let mut covers = Vec::new();
    let mut until = None;
    for relation in relations.iter().filter(|one| one.patient == person.patient && one.period.contains(now)) {
        match &relation.kind {
            RelationKind::Mandate { covers: covered } => covers.extend(covered.iter().copied()),
            RelationKind::Own | RelationKind::Care => covers.extend_from_slice(Category::ALL),
        }
        until = until.max(relation.period.until);
    }
    covers.sort_unstable();
    covers.dedup();
    RelatedPerson { person, covers, until }
}
