//! `poterne journal witness`: a witness that runs alone, for another role than the one it watches.

use super::server::{limits, router};
use crate::{check::Format, stop};
use anyhow::{Context, Result};
use journal::{
    log::{VKey, WitnessSigner},
    witness::Witness,
};
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use web::serve::{Front, serve, tls_config};

/// How long a clean stop waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(5);
/// A key's file at most.
const KEY_BYTES_MAX: u64 = 1024;

/// What `journal witness` is told.
#[derive(Debug, clap::Args)]
pub struct WitnessArgs {
    /// Where it listens, such as 127.0.0.1:9480
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The folder of what it remembers; losing it is forgetting
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Its private key (mode 0600), made if it is missing
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Its name, written into a key that is made
    #[arg(long, value_name = "NAME", default_value = "witness")]
    name: String,
    /// The verifier key of a log to watch (the line of its file vkey); once for each
    #[arg(long = "log", value_name = "VKEY", required = true)]
    logs: Vec<String>,
    /// Its certificate (PEM, leaf first), to serve over TLS
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert: Option<PathBuf>,
    /// The certificate's key (PEM, mode 0600)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key_file: Option<PathBuf>,
    /// Serve in clear elsewhere than on loopback: behind a TLS proxy of yours
    #[arg(long)]
    plain: bool,
    /// How to say that it is ready
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Serves until a signal. What is told wrong exits 2.
pub async fn run(args: WitnessArgs) -> Result<ExitCode> {
    let wrong = |what: String| {
        crate::told(&what);
        Ok(ExitCode::from(2))
    };
    if args.cert.is_none() && !args.plain && !args.listen.ip().is_loopback() {
        return wrong(format!(
            "--listen {}: in clear, a witness listens on loopback only; give --cert and --key-file, or --plain behind a proxy",
            args.listen
        ));
    }
    let mut logs = Vec::new();
    for text in &args.logs {
        match text.trim().parse::<VKey>() {
            Ok(key) => logs.push(key),
            Err(error) => return wrong(format!("--log: {error}; the line of the log's file vkey is expected")),
        }
    }
    let signer = match signer(&args.key, &args.name) {
        Ok(signer) => signer,
        Err(error) => return wrong(format!("--key {}: {error:#}", args.key.display())),
    };
    let tls = match (&args.cert, &args.key_file) {
        (Some(cert), Some(key)) => {
            let read = |path: &Path| fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
            private(key)?;
            Some(tls_config(&read(cert)?, &read(key)?)?)
        }
        _ => None,
    };
    crate::logs(args.format == Format::Json, tracing::Level::INFO);
    let stop = stop::on_signal()?;
    let vkey = signer.key().to_string();
    let witness = Arc::new(Witness::open(&args.state, signer, &logs)?);
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| format!("{} cannot be listened on", args.listen))?;
    let listen = listener.local_addr()?.to_string();
    let watched: Vec<_> = witness.sizes().map(|(origin, size)| json!({ "origin": origin, "size": size })).collect();
    match args.format {
        Format::Json => crate::said(&json!({ "ready": true, "listen": listen, "vkey": vkey, "logs": watched })),
        Format::Text => crate::said(&format!("witness on {listen}, {} logs\n{vkey}", watched.len())),
    }
    serve(listener, Front { tls, ..Front::default() }, router(witness), limits(), stop, DRAIN).await;
    Ok(ExitCode::SUCCESS)
}

/// Nobody but its owner may read a private file.
fn private(path: &Path) -> Result<()> {
    let meta = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mode = meta.permissions().mode() & 0o777;
    anyhow::ensure!(mode & 0o077 == 0, "it is open to others than its owner (mode {mode:04o}): run chmod 600");
    anyhow::ensure!(meta.is_file() && meta.len() <= 1024 * 1024, "it is not a file of a key");
    Ok(())
}

/// Reads the witness's key, or makes one, durable before it serves.
pub(super) fn signer(path: &Path, name: &str) -> Result<WitnessSigner> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seed: [u8; 32] = vault::random()?;
            let signer = WitnessSigner::from_seed(name, &seed)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(WitnessSigner::secret(name, &seed)?.expose().as_bytes())?;
            file.sync_all()?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::File::open(folder)?.sync_all()?;
            Ok(signer)
        }
        _ => {
            private(path)?;
            let long = fs::metadata(path)?.len() > KEY_BYTES_MAX;
            let text = if long { String::new() } else { fs::read_to_string(path)? };
            WitnessSigner::from_secret(&types::Secret::new(text)).context("no witness's key is in it")
        }
    }
}
