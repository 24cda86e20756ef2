//! The hospital's information system: its FHIR R4 server, read only, over mutual TLS.

use crate::{
    ca::Issued,
    faults::SisFaults,
    hospital::Hospital,
    search::{Look, Problem, Resources, TYPES, parameters, text},
};
use axum::{
    Form, Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Path, Query, Request, State, rejection::FormRejection, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use data_encoding::BASE64;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

const CONNECTIONS_MAX: usize = 256;
const BODY_BYTES_MAX: usize = 64 * 1024;
const HEADER_BYTES_MAX: u32 = 64 * 1024;
const STREAMS_MAX: u32 = 64;
const HANDSHAKE_WAIT: Duration = Duration::from_secs(5);
const HEADER_WAIT: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(3);
const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";
const PDF: &str = "application/pdf";

/// Why the SIS cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SisError {
    /// A certificate or a key is not readable PEM.
    #[error("certificate or key: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The TLS library refused the configuration.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The authority of the clients was refused.
    #[error("authority of the clients: {0}")]
    Clients(#[from] rustls::server::VerifierBuilderError),
    /// The listener has no address.
    #[error("listener: {0}")]
    Listener(#[from] std::io::Error),
}

/// The server, ready to take a listener.
pub struct Sis {
    resources: Arc<Resources>,
    tls: Arc<ServerConfig>,
    faults: SisFaults,
}

#[derive(Clone)]
struct Shared {
    resources: Arc<Resources>,
    faults: SisFaults,
    base: Arc<str>,
}

impl Sis {
    /// Takes the hospital's resources, the server's certificate, and the authority whose clients are let in.
    pub fn new(hospital: &Hospital, server: &Issued, client_ca_pem: &str, faults: SisFaults) -> Result<Self, SisError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(client_ca_pem.as_bytes()) {
            roots.add(certificate?)?;
        }
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(server.chain_pem.as_bytes()).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(server.key_pem.expose().as_bytes())?;
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { resources: Arc::new(Resources::new(hospital.resources())), tls: Arc::new(tls), faults })
    }

    /// Serves until `stop`, then lets the answers under way end, three seconds at most.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> Result<(), SisError> {
        let port = listener.local_addr()?.port();
        let base = format!("https://localhost:{port}/fhir").into();
        let app = router(Shared { resources: self.resources, faults: self.faults.clone(), base });
        let acceptor = TlsAcceptor::from(self.tls);
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // Out of descriptors, most likely: let some be given back.
                    Err(_) => {
                        sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let mut down = self.faults.watch_down();
            let Ok(place) = room.clone().try_acquire_owned() else { continue };
            if *down.borrow_and_update() {
                continue;
            }
            let (acceptor, app, stop) = (acceptor.clone(), app.clone(), stop.clone());
            connections.spawn(async move {
                let _place = place;
                tokio::select! {
                    () = connection(stream, acceptor, app, stop) => {}
                    _ = down.wait_for(|down| *down) => {}
                }
            });
        }
        drop(listener);
        let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
        Ok(())
    }
}

/// One connection, to its end. A peer that misbehaves only ends its own.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, app: Router, stop: CancellationToken) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE_WAIT, acceptor.accept(stream)).await else { return };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT).max_buf_size(HEADER_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(HEADER_WAIT);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)));
    tokio::select! {
        _ = served.as_mut() => return,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    let _ = timeout(DRAIN, served).await;
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/fhir/metadata", get(metadata))
        .route("/fhir/{kind}", get(search_by_get))
        .route("/fhir/{kind}/_search", post(search_by_post))
        .route("/fhir/{kind}/{id}", get(read))
        .fallback(|| async { outcome(Problem::NotFound) })
        .method_not_allowed_fallback(|| async {
            issue(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this server is read only")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(shared.faults.clone(), spoil))
        .with_state(shared)
}

/// Waits and cuts answers, as the faults say.
async fn spoil(State(faults): State<SisFaults>, request: Request, next: Next) -> Response {
    let wait = faults.wait();
    if !wait.is_zero() {
        sleep(wait).await;
    }
    let response = next.run(request).await;
    if !faults.garbles() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes.slice(..bytes.len() / 2)))
}

async fn metadata(State(shared): State<Shared>) -> Response {
    fhir(StatusCode::OK, &capabilities(&shared.base))
}

async fn search_by_get(
    State(shared): State<Shared>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    match query {
        Ok(Query(asked)) => search(&shared, &kind, &headers, &asked),
        Err(_) => outcome(Problem::Invalid("the query is malformed")),
    }
}

async fn search_by_post(
    State(shared): State<Shared>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    match form {
        Ok(Form(asked)) => search(&shared, &kind, &headers, &asked),
        Err(_) => outcome(Problem::Invalid("the form is malformed")),
    }
}

fn search(shared: &Shared, kind: &str, headers: &HeaderMap, asked: &[(String, String)]) -> Response {
    let prefers = headers.get("prefer").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let strict = prefers.split([';', ',']).any(|part| part.trim() == "handling=strict");
    match shared.resources.search(&shared.base, kind, asked, strict, shared.faults.leaks()) {
        Ok(bundle) => fhir(StatusCode::OK, &bundle),
        Err(problem) => outcome(problem),
    }
}

async fn read(State(shared): State<Shared>, Path((kind, id)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match shared.resources.read(&kind, &id) {
        Ok(resource) if kind == "Binary" && accepted.contains(PDF) => {
            let bytes = BASE64.decode(text(resource, "data").as_bytes()).unwrap_or_default();
            ([(header::CONTENT_TYPE, PDF), (header::CACHE_CONTROL, "no-store")], bytes).into_response()
        }
        Ok(resource) => fhir(StatusCode::OK, resource),
        Err(problem) => outcome(problem),
    }
}

fn fhir(status: StatusCode, resource: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, FHIR_JSON), (header::CACHE_CONTROL, "no-store")];
    (status, headers, resource.to_string()).into_response()
}

fn outcome(problem: Problem) -> Response {
    match problem {
        Problem::NotFound => issue(StatusCode::NOT_FOUND, "not-found", "there is no such thing here"),
        Problem::Invalid(why) => issue(StatusCode::BAD_REQUEST, "invalid", why),
        Problem::NotSupported(what) => issue(StatusCode::BAD_REQUEST, "not-supported", what),
    }
}

fn issue(status: StatusCode, code: &str, diagnostics: &str) -> Response {
    let issue = json!({ "severity": "error", "code": code, "diagnostics": diagnostics });
    fhir(status, &json!({ "resourceType": "OperationOutcome", "issue": [issue] }))
}

fn capabilities(base: &str) -> Value {
    let resources = TYPES.iter().map(|(kind, searched)| {
        let mut interactions = vec![json!({ "code": "read" })];
        let mut known = Vec::new();
        if *searched {
            interactions.push(json!({ "code": "search-type" }));
            known.push(json!({ "name": "_id", "type": "token" }));
            known.push(json!({ "name": "_security", "type": "token" }));
        }
        known.extend(parameters(kind).iter().map(|(name, look)| {
            let form = match look {
                Look::Patient => "reference",
                Look::Date(_) => "date",
                _ => "token",
            };
            json!({ "name": name, "type": form })
        }));
        let mut resource = json!({ "type": kind, "interaction": interactions, "searchParam": known });
        if let ("DiagnosticReport", Some(fields)) = (*kind, resource.as_object_mut()) {
            fields.insert("searchInclude".to_owned(), json!(["DiagnosticReport:result"]));
        }
        resource
    });
    json!({
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01", "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["application/fhir+json"],
        "implementation": { "description": "Poterne demonstration hospital", "url": base },
        "rest": [{ "mode": "server", "resource": resources.collect::<Vec<_>>() }],
    })
}
