//! Each probe proves its rule at a door that keeps it, and turns at one that does not.

use crate::{
    fake::{self, door},
    probes::{target::Target, tls::TlsProbe},
};
use axum::{Router, routing::get};
use dossier::{Probe as _, ProbeOutcome, probe_named};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

fn served(hsts: &'static str) -> Router {
    Router::new().route("/fr/", get(move || async move { ([("strict-transport-security", hsts)], "<p>page</p>") }))
}

async fn tls(target: Target) -> ProbeOutcome {
    TlsProbe::new(probe_named("tls").unwrap(), vec![target]).run().await
}

#[tokio::test]
async fn tls_turns_on_clear_http_short_hsts_old_versions_and_other_certificates() {
    let year = "max-age=31536000; includeSubDomains";
    let kept = door(served(year), false).await;
    let outcome = tls(kept.clone()).await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");

    let outcome = tls(door(served(year), true).await).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("clear HTTP")), "{outcome}");

    for hsts in ["max-age=31535999", "includeSubDomains", ""] {
        let outcome = tls(door(served(hsts), false).await).await;
        assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("HSTS")), "{hsts}: {outcome}");
    }

    // Somebody who answers an old hello with one of his own.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let old = fake::target(&listener, &fake::tls());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 512];
            let count = stream.read(&mut hello).await.unwrap();
            if hello[..count].starts_with(&[0x16]) {
                stream.write_all(&[0x16, 3, 1, 0, 1, 2]).await.unwrap();
            }
        }
    });
    let outcome = tls(old).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("TLS 1.0")), "{outcome}");

    // Another certificate than the door's.
    let other = Target { leaf: door(served(year), false).await.leaf, ..kept };
    let outcome = tls(other).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(_)), "{outcome}");

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = fake::target(&nobody, &fake::tls());
    drop(nobody);
    assert!(matches!(tls(target).await, ProbeOutcome::CouldNotRun(_)));
}
