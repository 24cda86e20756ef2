//! The client of the hospital's information system: FHIR R4 over mutual TLS. Each method takes the decision's scope and
//! gives back withheld rows only.

use crate::{
    fhir::{AttachmentElement, Binary, Bundle, DiagnosticReport, DocumentReference, HELD, Patient, Resource},
    model::{Attachment, Document, Person, Report},
};
use data_encoding::BASE64;
use journal::{Page, Stray, Withheld};
use policy::{Reach, Scope};
use reqwest::{Client, Url, redirect};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::de::DeserializeOwned;
use std::{
    collections::HashMap,
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use trust::Trust;
use types::{
    Category, Confidentiality, EstablishmentId, Ins, ObjectId, ObjectRef, PatientId,
    limits::{DOCUMENT_BYTES_MAX, PAGE_OBJECTS_MAX, SIS_WAIT_MILLIS_MAX},
};

/// A search's answer at most.
const BUNDLE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Rows of one list on one page; two lists and the person stay under what one trace may name.
const ROWS: u32 = 25;
/// Observations of one report at most.
const OBSERVATIONS_MAX: usize = 500;

/// Where the SIS is, and how to be recognised by it.
pub struct SisConfig {
    /// Its FHIR base, `https://…`.
    pub url: String,
    /// Who vouches for it, and what of theirs was revoked.
    pub trust: Arc<Trust>,
    /// Our certificate (PEM).
    pub certificate_pem: Vec<u8>,
    /// Its key (PEM).
    pub key_pem: types::Secret<Vec<u8>>,
    /// How long a page may wait for it.
    pub wait: Duration,
}

impl SisConfig {
    /// The longest wait that keeps a page under three seconds.
    pub const WAIT_MAX: Duration = Duration::from_millis(SIS_WAIT_MILLIS_MAX);
}

/// Why the SIS gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SisError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(String),
    /// It does not answer, or not in time.
    #[error("the SIS does not answer: {0}")]
    Unavailable(String),
    /// It answered with something that is not FHIR.
    #[error("the SIS answered with something unreadable: {0}")]
    Unreadable(&'static str),
    /// It answered with something outside the scope.
    #[error(transparent)]
    Stray(#[from] Stray),
}

/// How long connections of one client are kept at most where revocation is looked at: a list ends on its own.
const CLIENT_AGE_MAX: Duration = Duration::from_secs(3600);

/// The client.
pub struct Sis {
    config: SisConfig,
    asking: Mutex<Asking>,
    base: Url,
}

/// A client with the connections that it keeps.
struct Asking {
    client: Client,
    /// Of the lists when it was made.
    renewals: u64,
    since: Instant,
}

impl Asking {
    fn new(config: &SisConfig) -> Result<Self, SisError> {
        let renewals = config.trust.renewals();
        let client = Client::builder()
            .tls_backend_preconfigured(tls(config)?)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(config.wait)
            .timeout(config.wait)
            .pool_max_idle_per_host(16)
            .build()
            .map_err(|error| SisError::Config(error.to_string()))?;
        Ok(Self { client, renewals, since: Instant::now() })
    }

    /// Whether its connections were held against lists that are in force.
    fn serves(&self, trust: &Trust) -> bool {
        !trust.revokes() || (self.renewals == trust.renewals() && self.since.elapsed() < CLIENT_AGE_MAX)
    }
}

/// A patient found in the SIS.
pub(crate) struct Found {
    /// His logical identifier there.
    pub fhir: String,
}

impl Sis {
    /// Prepares the client; nothing is sent yet.
    pub fn new(config: SisConfig) -> Result<Self, SisError> {
        let told = |what: &str| SisError::Config(what.to_owned());
        let base = config.url.trim_end_matches('/').to_owned() + "/";
        let base = Url::parse(&base).map_err(|_| told("the SIS's URL cannot be read"))?;
        if base.scheme() != "https" {
            return Err(told("the SIS's URL must begin with https://"));
        }
        let asking = Mutex::new(Asking::new(&config)?);
        Ok(Self { config, asking, base })
    }

    /// A client whose connections were held against the lists in force: after a renewal the former ones are not used any more.
    fn client(&self) -> Result<Client, SisError> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if !asking.serves(&self.config.trust) {
            *asking = Asking::new(&self.config)?;
        }
        Ok(asking.client.clone())
    }

    /// Its base address.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str()
    }

    /// How long a page may wait for all it asks of the SIS.
    pub fn wait(&self) -> Duration {
        self.config.wait
    }

    /// Asks for one patient at most, to see whether it answers at all.
    pub async fn reach(&self) -> Result<(), SisError> {
        let url = self.url("Patient", &[("_count", "1")])?;
        self.get::<Bundle>(url, BUNDLE_BYTES_MAX).await.map(|_| ())
    }

    /// The persons of these patients, as far as the scope admits them. Found by their national identity, which travels in
    /// the body, not in an address that logs keep.
    pub(crate) async fn people(
        &self,
        scope: &Scope,
        wanted: &[(PatientId, Ins)],
    ) -> Result<(Withheld<Vec<Person>>, Vec<Found>), SisError> {
        let mut rows = Vec::new();
        let mut found = Vec::new();
        let wanted: HashMap<String, PatientId> =
            wanted.iter().filter(|(id, _)| scope.admits_person(*id)).map(|(id, ins)| (ins.token(), *id)).collect();
        if !wanted.is_empty() {
            let mut tokens: Vec<&str> = wanted.keys().map(String::as_str).collect();
            tokens.sort_unstable();
            for patient in self.patients_by(&tokens.join(",")).await? {
                let Some((id, person)) = identified(&patient, &wanted)? else { continue };
                found.push(Found { fhir: patient.id.clone() });
                rows.push((id, person));
            }
        }
        Ok((Withheld::people(scope, rows)?, found))
    }

    async fn patients_by(&self, identifier: &str) -> Result<Vec<Patient>, SisError> {
        let url = self.base.join("Patient/_search").map_err(|_| SisError::Unreadable("address"))?;
        let count = PAGE_OBJECTS_MAX.to_string();
        let form = [("identifier", identifier), ("_count", count.as_str())];
        let body: String = reqwest::Url::parse_with_params("https://form.invalid/", form)
            .map_err(|_| SisError::Unreadable("form"))?
            .query()
            .unwrap_or("")
            .to_owned();
        let request = self
            .client()?
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/fhir+json")
            .body(body);
        let bundle: Bundle = read(request, BUNDLE_BYTES_MAX).await?;
        let mut patients = Vec::new();
        for resource in resources(bundle)?.0 {
            if let Resource::Patient(patient) = resource {
                ObjectId::from_str(&patient.id).map_err(|_| SisError::Unreadable("Patient.id"))?;
                patients.push(*patient);
            }
        }
        Ok(patients)
    }

    /// A page of results, newest first; `None` when the scope reaches none.
    pub(crate) async fn reports(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        page: u32,
    ) -> Result<Option<Withheld<Page<Report>>>, SisError> {
        let Some(held) = owner.filter(scope, Category::Result, "_security:not") else { return Ok(None) };
        let (found, has_more) = self.list("DiagnosticReport", owner, held, page).await?;
        let mut rows = Vec::new();
        for resource in found {
            if let Resource::DiagnosticReport(report) = resource
                && report.stands()
            {
                let object =
                    owner.object(&report.id, &report.subject.reference, Category::Result, report.confidentiality())?;
                let id = object.id.clone();
                rows.push((object, report.report(id, Vec::new())));
            }
        }
        Ok(Some(Withheld::objects(scope, rows)?.page(page, has_more)))
    }

    /// A page of documents, newest first; `None` when the scope reaches none.
    pub(crate) async fn documents(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        page: u32,
    ) -> Result<Option<Withheld<Page<Document>>>, SisError> {
        let Some(held) = owner.filter(scope, Category::Document, "security-label:not") else { return Ok(None) };
        let (found, has_more) = self.list("DocumentReference", owner, held, page).await?;
        let mut rows = Vec::new();
        for resource in found {
            if let Resource::DocumentReference(document) = resource
                && document.stands()
            {
                let (object, row) = owner.document(&document)?;
                rows.push((object, row));
            }
        }
        Ok(Some(Withheld::objects(scope, rows)?.page(page, has_more)))
    }

    async fn list(
        &self,
        kind: &str,
        owner: &Owner<'_>,
        held: Option<&str>,
        page: u32,
    ) -> Result<(Vec<Resource>, bool), SisError> {
        let offset = page.saturating_sub(1).saturating_mul(ROWS);
        let (count, offset_text) = (ROWS.to_string(), offset.to_string());
        let subject = format!("Patient/{}", owner.fhir);
        let mut query = vec![("patient", subject.as_str()), ("_sort", "-date"), ("_count", &count)];
        if offset > 0 {
            query.push(("_offset", &offset_text));
        }
        if let Some(name) = held {
            query.push((name, HELD));
        }
        let bundle: Bundle = self.get(self.url(kind, &query)?, BUNDLE_BYTES_MAX).await?;
        let next = bundle.link.iter().any(|link| link.relation == "next");
        let past = bundle.total.is_some_and(|total| total > u64::from(offset + ROWS));
        let (found, _) = resources(bundle)?;
        if found.len() > ROWS as usize {
            return Err(SisError::Unreadable("more rows than asked for"));
        }
        Ok((found, next || past))
    }

    /// One result with its values; `None` if it is absent or outside the scope.
    pub(crate) async fn report(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        id: &ObjectId,
    ) -> Result<Option<Withheld<Vec<Report>>>, SisError> {
        let Some(report) = self.raw_report(scope, owner, id, true).await? else { return Ok(None) };
        let (report, observations) = report;
        let mut measures = Vec::new();
        for reference in report.result.iter().take(OBSERVATIONS_MAX) {
            let name = reference.reference.rsplit('/').next().unwrap_or("");
            let Some(observation) = observations.get(name) else {
                measures.push(crate::fhir::Observation::missing(&reference.display));
                continue;
            };
            // What is included is not filtered by the SIS: it is checked like any row.
            let of = &observation.subject.reference;
            let object = owner.object(&observation.id, of, Category::Result, observation.confidentiality())?;
            if !scope.admits(&object) {
                return Err(Stray(format!("observation {} in result {id}", object.id)).into());
            }
            measures.push(observation.measure());
        }
        let object = owner.object(&report.id, &report.subject.reference, Category::Result, report.confidentiality())?;
        let row = report.report(object.id.clone(), measures);
        Ok(Some(Withheld::objects(scope, vec![(object, row)])?))
    }

    async fn raw_report(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        id: &ObjectId,
        with_values: bool,
    ) -> Result<Option<(DiagnosticReport, HashMap<String, crate::fhir::Observation>)>, SisError> {
        let Some(held) = owner.filter(scope, Category::Result, "_security:not") else { return Ok(None) };
        let mut report = None;
        let mut observations = HashMap::new();
        let include = with_values.then_some(("_include", "DiagnosticReport:result"));
        for resource in self.one("DiagnosticReport", owner, held, id, include).await? {
            match resource {
                Resource::DiagnosticReport(found) if found.id == id.as_str() => {
                    report = found.stands().then_some(*found);
                }
                Resource::Observation(found) if observations.len() < OBSERVATIONS_MAX => {
                    observations.insert(found.id.clone(), *found);
                }
                _ => return Err(Stray(format!("something else than result {id}")).into()),
            }
        }
        Ok(report.map(|report| (report, observations)))
    }

    /// One document's description; `None` if it is absent or outside the scope.
    pub(crate) async fn document(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        id: &ObjectId,
    ) -> Result<Option<Withheld<Vec<Document>>>, SisError> {
        let Some(document) = self.raw_document(scope, owner, id).await? else { return Ok(None) };
        Ok(Some(Withheld::objects(scope, vec![owner.document(&document)?])?))
    }

    async fn raw_document(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        id: &ObjectId,
    ) -> Result<Option<DocumentReference>, SisError> {
        let Some(held) = owner.filter(scope, Category::Document, "security-label:not") else { return Ok(None) };
        let mut document = None;
        for resource in self.one("DocumentReference", owner, held, id, None).await? {
            match resource {
                Resource::DocumentReference(found) if found.id == id.as_str() => {
                    document = found.stands().then_some(*found);
                }
                _ => return Err(Stray(format!("something else than document {id}")).into()),
            }
        }
        Ok(document)
    }

    async fn one(
        &self,
        kind: &str,
        owner: &Owner<'_>,
        held: Option<&str>,
        id: &ObjectId,
        include: Option<(&str, &str)>,
    ) -> Result<Vec<Resource>, SisError> {
        let subject = format!("Patient/{}", owner.fhir);
        let mut query = vec![("_id", id.as_str()), ("patient", subject.as_str())];
        query.extend(include);
        if let Some(name) = held {
            query.push((name, HELD));
        }
        let bundle: Bundle = self.get(self.url(kind, &query)?, BUNDLE_BYTES_MAX).await?;
        Ok(resources(bundle)?.0)
    }

    /// A document's bytes, or a result's printed sheet; `None` if absent, outside the scope, or without content.
    pub(crate) async fn content(
        &self,
        scope: &Scope,
        owner: &Owner<'_>,
        category: Category,
        id: &ObjectId,
    ) -> Result<Option<Withheld<Vec<Attachment>>>, SisError> {
        let (object, title, attachment) = match category {
            Category::Document => {
                let Some(mut document) = self.raw_document(scope, owner, id).await? else { return Ok(None) };
                let (object, row) = owner.document(&document)?;
                let Some(content) = document.content.first_mut() else { return Ok(None) };
                (object, row.title, std::mem::take(&mut content.attachment))
            }
            Category::Result => {
                let Some((mut report, _)) = self.raw_report(scope, owner, id, false).await? else { return Ok(None) };
                let of = &report.subject.reference;
                let object = owner.object(&report.id, of, category, report.confidentiality())?;
                let Some(sheet) = report.presented_form.first_mut().map(std::mem::take) else { return Ok(None) };
                (object.clone(), report.report(object.id, Vec::new()).title, sheet)
            }
        };
        if !scope.admits(&object) {
            return Err(Stray(format!("{category} {id}")).into());
        }
        let bytes = self.bytes(attachment).await?;
        let is_pdf = bytes.starts_with(b"%PDF-");
        Ok(Some(Withheld::objects(scope, vec![(object, Attachment { title, bytes, is_pdf })])?))
    }

    async fn bytes(&self, attachment: AttachmentElement) -> Result<Vec<u8>, SisError> {
        let encoded = match attachment.data {
            Some(data) => data,
            None => {
                let url = self.binary_url(&attachment.url)?;
                let binary: Binary = self.get(url, DOCUMENT_BYTES_MAX / 3 * 4 + 4096).await?;
                if binary.resource_type != "Binary" {
                    return Err(SisError::Unreadable("not a Binary"));
                }
                binary.data
            }
        };
        let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| SisError::Unreadable("Binary.data"))?;
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(SisError::Unreadable("a document larger than this door opens"));
        }
        Ok(bytes)
    }

    /// Only a Binary of this very SIS: an address written in a resource must not lead anywhere else.
    fn binary_url(&self, text: &str) -> Result<Url, SisError> {
        let relative = text.strip_prefix(self.base.as_str()).unwrap_or(text);
        let id = relative.strip_prefix("Binary/").ok_or(SisError::Unreadable("an attachment kept elsewhere"))?;
        let id = ObjectId::from_str(id).map_err(|_| SisError::Unreadable("an attachment's address"))?;
        self.base.join(&format!("Binary/{id}")).map_err(|_| SisError::Unreadable("address"))
    }

    fn url(&self, kind: &str, query: &[(&str, &str)]) -> Result<Url, SisError> {
        let mut url = self.base.join(kind).map_err(|_| SisError::Unreadable("address"))?;
        url.query_pairs_mut().extend_pairs(query);
        Ok(url)
    }

    async fn get<T: DeserializeOwned>(&self, url: Url, bytes_max: usize) -> Result<T, SisError> {
        read(self.client()?.get(url).header("accept", "application/fhir+json"), bytes_max).await
    }
}

/// Whose record is being read.
pub(crate) struct Owner<'a> {
    pub establishment: EstablishmentId,
    pub patient: PatientId,
    pub fhir: &'a str,
    /// The SIS's base address: a reference may be written in full.
    pub base: &'a str,
}

impl Owner<'_> {
    /// The search parameter that leaves held objects out, if the scope wants that; the outer `None` when it reaches nothing.
    #[expect(clippy::option_option, reason = "nothing to ask, ask for all, ask for what is not held")]
    fn filter(&self, scope: &Scope, category: Category, parameter: &'static str) -> Option<Option<&'static str>> {
        match scope.reach(self.patient, category) {
            Reach::Nothing => None,
            Reach::NotHeld => Some(Some(parameter)),
            Reach::All => Some(None),
        }
    }

    /// The object that a row is about. A row of somebody else gets nobody's identifier, which no scope admits.
    fn object(
        &self,
        id: &str,
        subject: &str,
        category: Category,
        confidentiality: Confidentiality,
    ) -> Result<ObjectRef, SisError> {
        let id = ObjectId::from_str(id).map_err(|_| SisError::Unreadable("an identifier"))?;
        let own = subject.strip_prefix(self.base).unwrap_or(subject).strip_prefix("Patient/") == Some(self.fhir);
        let patient = if own { self.patient } else { PatientId::from_bytes([0; 16]) };
        Ok(ObjectRef { establishment: self.establishment, patient, category, confidentiality, id })
    }

    fn document(&self, document: &DocumentReference) -> Result<(ObjectRef, Document), SisError> {
        let of = &document.subject.reference;
        let object = self.object(&document.id, of, Category::Document, document.confidentiality())?;
        let row = document.document(object.id.clone());
        Ok((object, row))
    }
}

/// Whose record this is. One found by an identifier that was withdrawn is passed over; one that bears none of those asked
/// for was not asked for.
fn identified(patient: &Patient, wanted: &HashMap<String, PatientId>) -> Result<Option<(PatientId, Person)>, SisError> {
    let named =
        |token: &&String| patient.identifier.iter().any(|one| format!("{}|{}", one.system, one.value) == **token);
    if !wanted.keys().any(|token| named(&token)) {
        return Err(Stray("a patient that was not asked for".to_owned()).into());
    }
    let id = wanted.iter().find(|(token, _)| patient.bears(token)).map(|(_, id)| *id);
    Ok(id.map(|id| (id, patient.person(id))))
}

fn resources(bundle: Bundle) -> Result<(Vec<Resource>, Option<u64>), SisError> {
    if bundle.resource_type != "Bundle" {
        return Err(SisError::Unreadable("not a Bundle"));
    }
    Ok((bundle.entry.into_iter().filter_map(|entry| entry.resource).collect(), bundle.total))
}

async fn read<T: DeserializeOwned>(request: reqwest::RequestBuilder, bytes_max: usize) -> Result<T, SisError> {
    let unavailable = |error: reqwest::Error| SisError::Unavailable(plain(&error));
    let mut response = request.send().await.map_err(unavailable)?;
    if !response.status().is_success() {
        return Err(SisError::Unavailable(format!("status {}", response.status().as_u16())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(SisError::Unreadable("larger than this door reads"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| SisError::Unreadable("not FHIR JSON"))
}

/// The kind of failure, without the address: it names patients.
fn plain(error: &reqwest::Error) -> String {
    let kind = match () {
        () if error.is_timeout() => "no answer in time",
        () if error.is_connect() => "no connection",
        () if error.is_body() => "the answer broke off",
        () => "the exchange failed",
    };
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut last = String::new();
    while let Some(inner) = cause {
        last = inner.to_string();
        cause = inner.source();
    }
    if last.is_empty() || last.contains("://") { kind.to_owned() } else { format!("{kind} ({last})") }
}

/// The client's side of mutual TLS, as the configuration says.
pub fn tls(config: &SisConfig) -> Result<ClientConfig, SisError> {
    let told = |what: &str| SisError::Config(what.to_owned());
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&config.certificate_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| told("our certificate for the SIS is not PEM"))?;
    let key =
        PrivateKeyDer::from_pem_slice(config.key_pem.expose()).map_err(|_| told("our key for the SIS is not PEM"))?;
    let shown = Some((chain, key));
    config.trust.client(shown).map_err(|_| told("our certificate and key for the SIS do not go together"))
}
