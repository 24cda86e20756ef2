//! A small door of the test's own, which does what the test wants.

use crate::probes::target::{Target, leaf_of};
use axum::Router;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use types::Door;
use web::{csrf::Origin, limits::Limits, serve::Front};

/// The TLS of a door, with a certificate of its own.
pub fn tls() -> Arc<ServerConfig> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["door.test".to_owned()]).unwrap();
    web::serve::tls_config(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes()).unwrap()
}

/// A door that listens there and shows the certificate of `tls`.
pub fn target(listener: &TcpListener, tls: &Arc<ServerConfig>) -> Target {
    let address = listener.local_addr().unwrap();
    let origin = Origin::https("door.test", address.port()).unwrap();
    Target::new(Door::Portal, address, &origin, leaf_of(tls, "door.test").unwrap())
}

/// Serves `router` as a door does, over TLS or in clear, until the test ends.
pub async fn door(router: Router, is_clear: bool) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = tls();
    let target = target(&listener, &tls);
    let (stop, wait) = (CancellationToken::new(), Duration::ZERO);
    let front = Front { tls: (!is_clear).then_some(tls), ..Front::default() };
    tokio::spawn(web::serve::serve(listener, front, router, Limits::default(), stop, wait));
    target
}
