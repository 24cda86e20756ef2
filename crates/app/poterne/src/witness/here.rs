//! A witness that is opened and served here: by `journal witness` alone, by a node for other nodes, by the demonstration.

use super::{
    command::signer,
    server::{limits, router},
};
use anyhow::{Context, Result};
use journal::{
    log::{VKey, WitnessKey, WitnessSigner},
    witness::Witness,
};
use rustls::ServerConfig;
use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::serve::{Front, Stopped, serve};

/// What a node that witnesses others is told.
#[derive(Debug, Clone)]
pub struct Here {
    /// Its name, written into a key that is made.
    pub name: String,
    /// Its private key, made if it is missing.
    pub key_file: PathBuf,
    /// The logs that it watches.
    pub logs: Vec<VKey>,
}

impl Here {
    /// Its verifier key; the key is made if it is missing.
    pub fn key(&self) -> Result<WitnessKey> {
        Ok(self.signer()?.key().clone())
    }

    fn signer(&self) -> Result<WitnessSigner> {
        signer(&self.key_file, &self.name).with_context(|| format!("the witness's key {}", self.key_file.display()))
    }
}

/// A witness, ready to serve.
pub struct Serving {
    /// Where it listens.
    pub listener: TcpListener,
    /// Its certificate; without one it serves in clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Its memory.
    pub witness: Arc<Witness>,
}

impl Serving {
    /// Opens the memory in `state`, and leaves the verifier key there in `vkey`, for those who are to trust it.
    pub fn open(here: &Here, state: &Path, listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state)?;
        let signer = here.signer()?;
        fs::write(state.join("vkey"), format!("{}\n", signer.key()))?;
        let witness = Arc::new(Witness::open(state, signer, &here.logs).context("the witness cannot be opened")?);
        Ok(Self { listener, tls, witness })
    }

    /// Serves until `stop`.
    pub async fn run(self, stop: CancellationToken, drain: Duration) -> Stopped {
        serve(self.listener, Front { tls: self.tls, ..Front::default() }, router(self.witness), limits(), stop, drain)
            .await
    }
}
