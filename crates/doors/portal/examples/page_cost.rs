//! What session, policy and trace cost a page: the record's page through the door, and the very same page without them
//! (the same questions to the same SIS over the same kind of connection, the same template, the same guard), interleaved
//! in one run. Prints the CPU of each and their ratio.
//!
//! `cargo run --release -p portal --example page_cost -- [ROUNDS]`
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "../tests/door/answer.rs"]
mod answer;
#[path = "../tests/door/clock.rs"]
mod clock;
#[path = "../tests/door/house.rs"]
mod house;
#[path = "../tests/door/visitor.rs"]
mod visitor;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    response::Response,
    routing::get,
};
use demo::{Authority, Sis, SisFaults};
use house::{HOSPITAL, House, sis_config};
use http_body_util::BodyExt as _;
use portal::pages::{DocumentRow, Listing, Paging, PatientBanner, Record, RecordView, ResultKind, ResultRow};
use serde_json::Value;
use std::{net::IpAddr, sync::Arc};
use store::{SystemClock, testing::TestDatabase};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use types::{ClientAddress, Clock as _, Confidentiality, Lang, PatientId};
use web::{
    csrf::Origin,
    guard::{Guard, PlainPages, guard},
    layout::{Chrome, page},
    limits::Limits,
    when::Dated,
};

const REQUESTS: u32 = 200;
const LOGIN: &str = "camille.durand";

/// The SIS as somebody asks it who keeps nothing apart and traces nothing.
struct Bare {
    client: reqwest::Client,
    base: String,
    ins: String,
}

impl Bare {
    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/{path}", self.base)).header("accept", "application/fhir+json");
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }

    async fn patient(&self) -> Value {
        let body = format!("identifier={}&_count=100", self.ins.replace(':', "%3A").replace('|', "%7C"));
        let request = self.client.post(format!("{}/Patient/_search", self.base));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn resources(bundle: &Value) -> Vec<&Value> {
    bundle["entry"].as_array().map(|all| all.iter().map(|entry| &entry["resource"]).collect()).unwrap_or_default()
}

async fn bare_record(State(bare): State<Arc<Bare>>) -> Response {
    let found = bare.patient().await;
    let patient = resources(&found)[0];
    let id = text(patient, "/id");
    let reports =
        format!("DiagnosticReport?patient=Patient/{id}&_sort=-date&_count=25&_security:not=INVISIBLE_PATIENT");
    let documents =
        format!("DocumentReference?patient=Patient/{id}&_sort=-date&_count=25&security-label:not=INVISIBLE_PATIENT");
    let (reports, documents) = tokio::join!(bare.get(&reports), bare.get(&documents));
    let results = resources(&reports).into_iter().map(|one| ResultRow {
        id: text(one, "/id").parse().unwrap(),
        title: text(one, "/code/text"),
        date: Dated::read(&text(one, "/effectiveDateTime")),
        kind: ResultKind::Laboratory,
        source: text(one, "/performer/1/display"),
        confidentiality: Confidentiality::Normal,
    });
    let letters = resources(&documents).into_iter().map(|one| DocumentRow {
        id: text(one, "/id").parse().unwrap(),
        title: text(one, "/content/0/attachment/title"),
        date: Dated::read(&text(one, "/date")),
        kind: text(one, "/type/text"),
        author: text(one, "/author/0/display"),
        confidentiality: Confidentiality::Normal,
    });
    let name = format!("{} {}", text(patient, "/name/0/given/0"), text(patient, "/name/0/family"));
    let view = RecordView {
        patient: PatientBanner {
            patient: PatientId::from_bytes([9; 16]),
            name,
            birth_date: text(patient, "/birthDate"),
        },
        filter: None,
        results: Some(Listing { rows: results.collect(), paging: Paging::ONLY }),
        documents: Some(Listing { rows: letters.collect(), paging: Paging::ONLY }),
    };
    let chrome = Chrome {
        lang: Lang::Fr,
        origin: "https://localhost:8443".into(),
        path_without_lang: "/".into(),
        establishment_name: HOSPITAL.establishment.name.clone(),
        support_contact: None,
        signed_in: None,
        more_proof: None,
        nav: Vec::new(),
        now: SystemClock.now(),
    };
    page(StatusCode::OK, Lang::Fr, &Record::new(chrome, view))
}

/// User and system time of this process, in microseconds; the kernel counts in hundredths of a second.
fn cpu_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10_000.0
}

async fn cost(router: &Router, path: &str, cookie: &str, address: IpAddr) -> f64 {
    let before = cpu_micros();
    for _ in 0..REQUESTS {
        let mut request = Request::builder().uri(path).header("cookie", cookie).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ClientAddress::new(address));
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.into_body().collect().await.unwrap().to_bytes().len() > 4000, "a whole page");
    }
    (cpu_micros() - before) / f64::from(REQUESTS)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(12);
    let (stop, faults) = (CancellationToken::new(), SisFaults::new());
    let authority = Authority::new(SystemClock.now()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = authority.issue_server(&["localhost"]).unwrap();
    let sis = Sis::new(&HOSPITAL, &server, &authority.ca_pem(), faults.clone()).unwrap();
    tokio::spawn(sis.serve(listener, stop.clone()));
    let config = sis_config(&authority, port);
    let client =
        reqwest::Client::builder().tls_backend_preconfigured(care::tls(&config).unwrap()).no_proxy().build().unwrap();
    let database = TestDatabase::sqlite();
    let house = House::over(&database, config, faults, stop).await;
    let own = house.own(LOGIN);
    let ins = HOSPITAL.patients[own].ins.token();
    let bare = Arc::new(Bare { client, base: format!("https://localhost:{port}/fhir"), ins });
    let origin = Origin::https("localhost", 8443).unwrap();
    let without = Guard {
        limits: Limits::default(),
        origin,
        pages: Arc::new(PlainPages),
        on_fault: None,
        rehearsed: None,
        api: None,
    };
    let without = guard(Router::new().route("/record", get(bare_record)).with_state(bare), without);

    let member = house.sign_in(LOGIN).await;
    let cookie = member.cookie.clone().unwrap();
    let path = format!("/fr/records/{}", house.patients[own]);
    let (mut whole, mut stripped, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let with = cost(&house.router, &path, &cookie, member.address).await;
        let bare = cost(&without, "/record", &cookie, member.address).await;
        // The first round warms up.
        if round > 0 {
            whole.push(with);
            stripped.push(bare);
            ratios.push(with / bare);
        }
    }
    let (with, bare) = (median(&mut whole), median(&mut stripped));
    println!("medians of {rounds} rounds of {REQUESTS}, both with the SIS in the process");
    println!("the record through the door:                 {with:.0} µs of CPU");
    println!("the same page without session, policy, trace: {bare:.0} µs of CPU");
    println!("difference {:.0} µs, ratio {:.2}", with - bare, median(&mut ratios));
}
