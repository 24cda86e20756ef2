//! The SIS over real mutual TLS, and what its searches answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use demo::{Authority, HELD, Hospital, Issued, Sis, SisError, SisFaults};
use jiff::civil::date;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use types::Time;

struct World {
    hospital: Hospital,
    authority: Authority,
    port: u16,
    faults: SisFaults,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SisError>>,
    client: Arc<ClientConfig>,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/fhir+json"), "{}", self.head);
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn client(authority: &Authority, own: Option<&Issued>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match own {
        Some(own) => {
            let chain = vec![CertificateDer::from_pem_slice(own.chain_pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(own.key_pem.expose().as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    })
}

impl World {
    async fn start() -> World {
        let hospital = Hospital::generate(11, date(2026, 11, 20));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let authority = Authority::new(Time::from_micros(now.as_micros() as i64)).unwrap();
        let faults = SisFaults::new();
        let server = authority.issue_server(&[]).unwrap();
        let sis = Sis::new(&hospital, &server, &authority.ca_pem(), faults.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let task = tokio::spawn(sis.serve(listener, stop.clone()));
        let client = client(&authority, Some(&authority.issue_client("portal").unwrap()));
        World { hospital, authority, port, faults, stop, task, client }
    }

    async fn send(&self, client: &Arc<ClientConfig>, request: &str) -> std::io::Result<Answer> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let mut tls = TlsConnector::from(client.clone()).connect("localhost".try_into().unwrap(), tcp).await?;
        tls.write_all(request.as_bytes()).await?;
        let mut all = Vec::new();
        tls.read_to_end(&mut all).await?;
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
        Ok(Answer { status: head[9..12].parse().unwrap(), head, body: all[end + 4..].to_vec() })
    }

    async fn get_with(&self, path: &str, headers: &str) -> Answer {
        let request = format!("GET /fhir/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        self.send(&self.client, &request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.get_with(path, "").await;
        assert_eq!(answer.status, 200, "{path}");
        answer.json()
    }
}

fn rows(bundle: &Value) -> Vec<&Value> {
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().filter(|entry| entry["search"]["mode"] == "match").map(|entry| &entry["resource"]).collect()
}

#[tokio::test]
async fn only_known_clients_come_in() {
    let world = World::start().await;
    assert_eq!(world.get("metadata").await["fhirVersion"], "4.0.1");
    let request = "GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let nobody = client(&world.authority, None);
    assert!(world.send(&nobody, request).await.is_err());
    // A certificate of the same name from another authority.
    let now = Time::from_micros(1_790_000_000_000_000);
    let other = Authority::new(now).unwrap().issue_client("portal").unwrap();
    assert!(world.send(&client(&world.authority, Some(&other)), request).await.is_err());
    // A server's certificate is not a client's.
    let server = world.authority.issue_server(&[]).unwrap();
    assert!(world.send(&client(&world.authority, Some(&server)), request).await.is_err());
}

#[tokio::test]
async fn patients_are_found_by_their_identifiers() {
    let world = World::start().await;
    let [camille, marcel, ..] = &world.hospital.patients[..] else { panic!() };
    let tokens = format!("{},{}", camille.ins.token(), marcel.ins.token()).replace('|', "%7C");
    let found = world.get(&format!("Patient?identifier={tokens}")).await;
    assert_eq!(found["total"], 2);
    let ids: Vec<_> = rows(&found).iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [camille.id.as_str(), marcel.id.as_str()]);
    // The same number in another domain is another person.
    let other = camille.ins.token().replace("4.10", "4.8").replace('|', "%7C");
    assert_eq!(world.get(&format!("Patient?identifier={other}")).await["total"], 0);
    let posted = format!("identifier={tokens}&_count=1");
    let request = format!(
        "POST /fhir/Patient/_search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{posted}",
        posted.len()
    );
    let found = world.send(&world.client, &request).await.unwrap().json();
    assert_eq!((found["total"].as_u64(), rows(&found).len()), (Some(2), 1));
    assert_eq!(world.get(&format!("Patient/{}", camille.id)).await["birthDate"], "1984-03-17");
}

#[tokio::test]
async fn documents_come_in_pages() {
    let world = World::start().await;
    let marcel = &world.hospital.patients[1];
    let base = format!("DocumentReference?patient=Patient/{}&_sort=-date&_count=50", marcel.id);
    let (mut path, mut dates, mut pages) = (base, Vec::new(), 0);
    loop {
        let page = world.get(&path).await;
        assert_eq!(page["total"], marcel.documents.len());
        dates.extend(rows(&page).iter().map(|row| row["date"].as_str().unwrap().to_owned()));
        pages += 1;
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        let start = format!("https://localhost:{}/fhir/", world.port);
        path = next["url"].as_str().unwrap().strip_prefix(&start).unwrap().to_owned();
    }
    assert_eq!((pages, dates.len()), (3, marcel.documents.len()));
    assert!(dates.is_sorted_by(|a, b| a >= b));
    let counted = world.get(&format!("DocumentReference?patient={}&_summary=count", marcel.id)).await;
    assert_eq!((counted["total"].as_u64(), counted.get("entry")), (Some(marcel.documents.len() as u64), None));
    let year = world.get(&format!("DocumentReference?patient={}&date=ge2026-11-01&date=le2026-11-15", marcel.id)).await;
    let within = dates.iter().filter(|date| ("2026-11-01".."2026-11-16").contains(&&date[..10])).count();
    assert!(within > 0);
    assert_eq!(year["total"], within);
}

#[tokio::test]
async fn held_objects_can_be_asked_for_and_left_out() {
    let world = World::start().await;
    let id = &world.hospital.patients[0].id;
    for (kind, parameter) in [("DocumentReference", "security-label"), ("DiagnosticReport", "_security")] {
        let all = world.get(&format!("{kind}?patient={id}&_summary=count")).await["total"].as_u64().unwrap();
        let held = world.get(&format!("{kind}?patient={id}&{parameter}={HELD}")).await;
        let free = world.get(&format!("{kind}?patient={id}&{parameter}:not={HELD}")).await;
        assert_eq!(held["total"], 1);
        assert_eq!(free["total"], all - 1);
        let system = demo::CONFIDENTIALITY_FR.replace(':', "%3A");
        let exact = world.get(&format!("{kind}?patient={id}&{parameter}={system}%7C{HELD}")).await;
        assert_eq!(exact["total"], 1);
    }
}

#[tokio::test]
async fn reports_come_with_their_values_and_sheets() {
    let world = World::start().await;
    let patient = &world.hospital.patients[4];
    let report = &patient.reports[0];
    let found = world
        .get(&format!("DiagnosticReport?patient={}&_id={}&_include=DiagnosticReport:result", patient.id, report.id))
        .await;
    assert_eq!(found["total"], 1);
    let included = found["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "include");
    assert_eq!(included.count(), report.measures.len());
    let ids: Vec<_> = report.measures.iter().map(|measure| measure.id.as_str()).collect();
    let values = world.get(&format!("Observation?patient={}&_id={}", patient.id, ids.join(","))).await;
    assert_eq!(values["total"], ids.len());
    assert_eq!(rows(&values)[0]["valueQuantity"]["value"].as_f64(), Some(report.measures[0].amount.value()));
    let url = rows(&found)[0]["presentedForm"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&url).await["contentType"], "application/pdf");
    let raw = world.get_with(&url, "Accept: application/pdf\r\n").await;
    assert!(raw.head.contains("content-type: application/pdf"));
    assert_eq!(raw.body, report.pdf);
    // Somebody else's id with this report's: no row.
    let other = &world.hospital.patients[0].id;
    assert_eq!(world.get(&format!("DiagnosticReport?patient={other}&_id={}", report.id)).await["total"], 0);
}

#[tokio::test]
async fn what_is_not_understood_is_said_or_ignored_as_preferred() {
    let world = World::start().await;
    let strict = "Prefer: handling=strict\r\n";
    for (path, headers, status) in [
        ("Patient?favourite=blue", "", 200),
        ("Patient?favourite=blue", strict, 400),
        ("DocumentReference?patient:missing=true", "", 400),
        ("DocumentReference?date=ge2026-13-01", "", 400),
        ("DocumentReference?date=approximately", "", 400),
        ("DocumentReference?_count=many", "", 400),
        ("DocumentReference?_sort=colour", strict, 400),
        ("Patient/nobody", "", 404),
        ("Patient/%00", "", 404),
        ("Medication", "", 404),
        ("Binary", "", 400),
        ("../etc/passwd", "", 404),
    ] {
        let answer = world.get_with(path, headers).await;
        assert_eq!(answer.status, status, "{path}");
        let kind = if status == 200 { "Bundle" } else { "OperationOutcome" };
        assert_eq!(answer.json()["resourceType"], kind, "{path}");
    }
    let request = "DELETE /fhir/Patient/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(world.send(&world.client, request).await.unwrap().status, 405);
}

#[tokio::test]
async fn faults_come_and_go() {
    let world = World::start().await;
    let id = &world.hospital.patients[0].id;
    let path = format!("DocumentReference?patient={id}");
    let before = world.get(&path).await;

    world.faults.leak_foreign_row(true);
    let leaked = world.get(&path).await;
    let whose = format!("Patient/{id}");
    let foreign = rows(&leaked).iter().filter(|row| row["subject"]["reference"] != whose).count();
    assert_eq!((foreign, rows(&leaked).len()), (1, rows(&before).len() + 1));
    let nothing = world.get(&format!("{path}&_id=absent")).await;
    assert_ne!(rows(&nothing)[0]["subject"]["reference"], whose);
    world.faults.leak_foreign_row(false);

    world.faults.garbage(true);
    let cut = world.get_with(&path, "").await;
    assert!(cut.status == 200 && serde_json::from_slice::<Value>(&cut.body).is_err() && !cut.body.is_empty());
    world.faults.garbage(false);

    world.faults.slow(Duration::from_millis(300));
    let start = Instant::now();
    world.get(&path).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
    world.faults.slow(Duration::ZERO);

    world.faults.down(true);
    let request = "GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(world.send(&world.client, request).await.is_err());
    world.faults.down(false);
    assert_eq!(world.get(&path).await, before);
}

#[tokio::test]
async fn a_stop_lets_the_answer_under_way_end() {
    let world = World::start().await;
    world.faults.slow(Duration::from_millis(400));
    let request = "GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (answer, ()) = tokio::join!(world.send(&world.client, request), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.stop.cancel();
    });
    assert_eq!(answer.unwrap().status, 200);
    assert!(world.task.await.unwrap().is_ok());
    assert!(TcpStream::connect(("127.0.0.1", world.port)).await.is_err());
}

#[tokio::test]
async fn garbage_on_the_port_costs_little_and_harms_nobody() {
    let world = World::start().await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0u8; 4096]] {
        let mut tcp = TcpStream::connect(("127.0.0.1", world.port)).await.unwrap();
        let _ = tcp.write_all(noise).await;
        let _ = tcp.shutdown().await;
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer).await;
    }
    assert_eq!(world.get("metadata").await["resourceType"], "CapabilityStatement");
}
