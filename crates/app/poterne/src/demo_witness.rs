//! The demonstration's witness, so that cosigned checkpoints can be seen. It remembers in the same folder as the journal, and by the
//! same hands: it shows how a witness works, and protects from nothing.

use crate::witness::{Here, Peer, Serving};
use anyhow::Result;
use journal::log::VKey;
use std::{fs, path::Path, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const NAME: &str = "demo-witness";

/// A witness that waits for the key of the journal.
pub struct Witness {
    /// As the node is to ask it.
    pub peer: Peer,
    listener: TcpListener,
}

impl Witness {
    /// Takes a port of loopback, and makes the key at the first start.
    pub async fn prepare(data: &Path) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let key = Here { name: NAME.into(), key_file: data.join("keys/witness.key"), logs: Vec::new() }.key()?;
        Ok(Self { peer: Peer { url, key, trusted: None }, listener })
    }

    /// Serves it, once the journal of the demonstration has its key.
    pub fn serve(self, data: &Path, stop: CancellationToken) -> Result<JoinHandle<()>> {
        let log: VKey = fs::read_to_string(data.join("journal/demo/vkey"))?.trim().parse()?;
        let here = Here { name: NAME.into(), key_file: data.join("keys/witness.key"), logs: vec![log] };
        let serving = Serving::open(&here, &data.join("witness"), self.listener, None)?;
        Ok(tokio::spawn(async move {
            serving.run(stop, Duration::from_secs(1)).await;
        }))
    }
}
