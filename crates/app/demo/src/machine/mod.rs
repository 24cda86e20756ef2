//! An equipment to reach by SSH inside the demonstration: a console that answers, files in memory, no shell. What is typed
//! here stays here.

mod console;
mod editor;
mod files;
mod session;
mod sftp;

pub use files::Files;

use russh::{
    keys::{PrivateKey, PublicKey, ssh_key::LineEnding},
    server::Config,
};
use session::Client;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use types::Secret;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// Its key cannot be drawn, kept or read.
    #[error("the machine's host key: {0}")]
    Key(String),
}

/// A machine before it serves.
pub struct Machine {
    name: String,
    host_key: PrivateKey,
    account: String,
    password: Arc<Secret<String>>,
    files: Files,
}

impl Machine {
    /// One with a host key kept in `folder` (drawn the first time), one account and its password.
    pub fn new(name: &str, folder: &Path, account: &str, password: String) -> Result<Self, MachineError> {
        let told = |error: &dyn std::fmt::Display| MachineError::Key(error.to_string());
        let path = folder.join(format!("{name}.key"));
        let host_key = if path.exists() {
            russh::keys::load_secret_key(&path, None).map_err(|error| told(&error))?
        } else {
            let seed = session::seed().map_err(|error| told(&error))?;
            let pair = russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&seed);
            let key = PrivateKey::from(pair);
            let text = key.to_openssh(LineEnding::LF).map_err(|error| told(&error))?;
            crate::private::write(&path, text.as_bytes()).map_err(|error| told(&error))?;
            key
        };
        let files = Files::new(name);
        Ok(Self {
            name: name.to_owned(),
            host_key,
            account: account.to_owned(),
            password: Arc::new(Secret::new(password)),
            files,
        })
    }

    /// Its host key, as `known_hosts` has it: type and base64.
    pub fn host_key(&self) -> String {
        let public = PublicKey::from(&self.host_key);
        let line = public.to_openssh().unwrap_or_default();
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Serves until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let config = Arc::new(Config {
            keys: vec![self.host_key.clone()],
            auth_rejection_time: Duration::from_secs(1),
            auth_rejection_time_initial: Some(Duration::ZERO),
            inactivity_timeout: Some(Duration::from_secs(3600)),
            nodelay: true,
            ..Config::default()
        });
        let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (Ok((stream, _)), Ok(place)) = (accepted, places.clone().try_acquire_owned()) else { continue };
            let client = Client::new(&self.name, &self.account, self.password.clone(), self.files.clone());
            let (config, stop) = (config.clone(), stop.clone());
            tokio::spawn(async move {
                let _place = place;
                let Ok(running) = russh::server::run_stream(config, stream, client).await else { return };
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = running => {}
                }
            });
        }
    }
}
