//! A record, its results, its documents.

use crate::{
    handlers::{Asking, Member, Named, failed, or_default},
    pages::{
        DocumentDetail, DocumentRow, DocumentView, Interpretation, Listing, ObservationView, ObservedValue, Paging,
        PatientBanner, RangeView, Record, RecordView, ResultDetail, ResultKind, ResultRow, ResultStatus, ResultView,
    },
};
use axum::{body::Body, response::Response};
use care::{
    Attachment, CareError, Document, Examination, Measure, Person, RecordAsked, RecordPage, Report, ReportStatus, Value,
};
use entrance::shown;
use serde::Deserialize;
use types::{Category, ObjectId, PatientId};
use web::{
    headers::{Disposition, document as document_response},
    layout::ErrorKind,
    when::Dated,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    kind: Option<String>,
    page: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Manner {
    save: Option<String>,
}

/// Whom an address names. What cannot be read names nobody, and costs what a made-up identifier costs.
pub(super) fn named(patient: &str) -> PatientId {
    patient.parse().unwrap_or(PatientId::from_bytes([0; 16]))
}

/// Parses both identifiers, or answers as for one that is absent.
async fn target(member: &Member, patient: &str, id: &str) -> Result<(PatientId, ObjectId), CareError> {
    match id.parse() {
        Ok(id) => Ok((named(patient), id)),
        Err(_) => Err(member.visit.state.care().malformed(&member.who.authenticated, "record").await),
    }
}

pub(crate) async fn record(member: Member, Named { patient, .. }: Named, asked: Asking<Asked>) -> Response {
    let asked = or_default(asked);
    let only = asked.kind.as_deref().and_then(|kind| kind.parse::<Category>().ok());
    let wanted = RecordAsked { only, page: asked.page.unwrap_or(1) };
    let who = &member.who.authenticated;
    match member.visit.state.care().record(who, named(&patient), wanted).await {
        Ok(page) => {
            let chrome = member.chrome_lacking(page.lacking);
            shown(member.visit.lang, &Record::new(chrome, record_view(page, only)))
        }
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn result(member: Member, Named { patient, id }: Named) -> Response {
    let read = async {
        let (patient, id) = target(&member, &patient, &id).await?;
        member.visit.state.care().report(&member.who.authenticated, patient, id).await
    };
    match read.await {
        Ok((person, report)) => {
            let sheet = format!("/{}/records/{}/results/{}/content", member.visit.lang, person.patient, report.id);
            shown(member.visit.lang, &ResultDetail::new(member.chrome(), result_view(&person, report, sheet)))
        }
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn document(member: Member, Named { patient, id }: Named) -> Response {
    let read = async {
        let (patient, id) = target(&member, &patient, &id).await?;
        member.visit.state.care().document(&member.who.authenticated, patient, id).await
    };
    match read.await {
        Ok((person, document)) => {
            shown(member.visit.lang, &DocumentDetail::new(member.chrome(), document_view(&person, document)))
        }
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn content(member: Member, path: Named, manner: Asking<Manner>) -> Response {
    open(member, Category::Document, path, manner).await
}

pub(crate) async fn sheet(member: Member, path: Named, manner: Asking<Manner>) -> Response {
    open(member, Category::Result, path, manner).await
}

async fn open(member: Member, category: Category, Named { patient, id }: Named, manner: Asking<Manner>) -> Response {
    let Some(place) = member.visit.state.document_place().await else {
        return member.visit.error(ErrorKind::Busy, Some(&member.who));
    };
    let read = async {
        let (patient, id) = target(&member, &patient, &id).await?;
        member.visit.state.care().content(&member.who.authenticated, patient, category, id).await
    };
    match read.await {
        Ok(Attachment { title, bytes, is_pdf }) => {
            let save = or_default(manner).save.is_some();
            let disposition = if save { Disposition::Save } else { Disposition::View };
            // By its own first bytes, whatever the SIS says it is.
            let media_type = if is_pdf { "application/pdf" } else { "application/octet-stream" };
            document_response(media_type, &file_name(&title, is_pdf), disposition, held(bytes, place))
        }
        Err(error) => failed(&member, error).await,
    }
}

/// The title as a file's name: short enough to keep its ending, without signs that turn the reading direction, and never
/// with an ending of the SIS's choice.
fn file_name(title: &str, is_pdf: bool) -> String {
    let turning =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let stem: String = title.chars().filter(|c| !turning(*c)).take(80).collect();
    format!("{stem}.{}", if is_pdf { "pdf" } else { "bin" })
}

/// A body that keeps its place among the documents under way until it is sent or given up.
fn held(bytes: Vec<u8>, place: tokio::sync::OwnedSemaphorePermit) -> Body {
    use axum::body::Bytes;
    const PIECE: usize = 64 * 1024;
    let whole = Bytes::from(bytes);
    let pieces = (0..whole.len()).step_by(PIECE).map(move |at| {
        // Moved in here: dropped with the last piece or with the whole body.
        let _place = &place;
        Ok::<_, std::convert::Infallible>(whole.slice(at..whole.len().min(at + PIECE)))
    });
    Body::from_stream(futures_util::stream::iter(pieces))
}

fn dated(text: &str) -> Dated {
    Dated::read(text)
}

fn banner(person: &Person) -> PatientBanner {
    PatientBanner { patient: person.patient, name: person.name.clone(), birth_date: person.birth_date.clone() }
}

fn record_view(page: RecordPage, filter: Option<Category>) -> RecordView {
    RecordView {
        patient: banner(&page.person),
        filter,
        results: page.reports.map(|list| Listing {
            rows: list.rows.into_iter().map(result_row).collect(),
            paging: Paging { page: list.number, has_more: list.has_more },
        }),
        documents: page.documents.map(|list| Listing {
            rows: list.rows.into_iter().map(document_row).collect(),
            paging: Paging { page: list.number, has_more: list.has_more },
        }),
    }
}

fn result_row(report: Report) -> ResultRow {
    ResultRow {
        id: report.id,
        title: report.title,
        date: dated(&report.date),
        kind: kind(report.examination),
        source: report.source,
        confidentiality: report.confidentiality,
    }
}

fn document_row(document: Document) -> DocumentRow {
    DocumentRow {
        id: document.id,
        title: document.title,
        date: dated(&document.date),
        kind: document.kind,
        author: document.author,
        confidentiality: document.confidentiality,
    }
}

fn kind(examination: Examination) -> ResultKind {
    match examination {
        Examination::Laboratory => ResultKind::Laboratory,
        Examination::Imaging => ResultKind::Imaging,
        Examination::Other => ResultKind::Other,
    }
}

fn result_view(person: &Person, report: Report, sheet: String) -> ResultView {
    ResultView {
        patient: banner(person),
        id: report.id,
        title: report.title,
        kind: kind(report.examination),
        date: dated(&report.date),
        source: report.source,
        status: match report.status {
            ReportStatus::Final => ResultStatus::Final,
            ReportStatus::Preliminary => ResultStatus::Preliminary,
            ReportStatus::Corrected => ResultStatus::Corrected,
            ReportStatus::Cancelled => ResultStatus::Cancelled,
        },
        confidentiality: report.confidentiality,
        observations: report.measures.into_iter().map(observation).collect(),
        conclusion: report.conclusion,
        pdf_path: report.has_sheet.then_some(sheet),
    }
}

fn observation(measure: Measure) -> ObservationView {
    let range = RangeView { low: measure.low, high: measure.high, text: measure.range_text };
    ObservationView {
        name: measure.name,
        value: match measure.value {
            Value::Number(number) => ObservedValue::Number(number),
            Value::Words(words) => ObservedValue::Words(words),
            Value::Absent => ObservedValue::Absent,
        },
        unit: measure.unit,
        range: (range != RangeView::default()).then_some(range),
        interpretation: match measure.interpretation {
            care::Interpretation::Normal => Interpretation::Normal,
            care::Interpretation::High => Interpretation::High,
            care::Interpretation::Low => Interpretation::Low,
            care::Interpretation::VeryHigh => Interpretation::VeryHigh,
            care::Interpretation::VeryLow => Interpretation::VeryLow,
            care::Interpretation::Abnormal => Interpretation::Abnormal,
            care::Interpretation::Unstated => Interpretation::Unstated,
        },
        comment: measure.comment,
    }
}

fn document_view(person: &Person, document: Document) -> DocumentView {
    DocumentView {
        patient: banner(person),
        id: document.id,
        title: document.title,
        kind: document.kind,
        date: dated(&document.date),
        author: document.author,
        source: document.source,
        size_bytes: document.size_bytes,
        is_pdf: document.media_type.split(';').next().is_some_and(|kind| kind.trim() == "application/pdf"),
        confidentiality: document.confidentiality,
    }
}
