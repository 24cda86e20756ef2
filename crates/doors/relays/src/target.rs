//! The way to the machine: its pinned key, then the credentials that are kept for it.

use crate::settings::RelayLimits;
use interventions::{EndReason, EquipmentSecret, WarrantedEquipment};
use pipe::Cuttable;
use russh::{
    ChannelOpenFailure, Preferred, SshId, cipher,
    client::{self, AuthResult, ChannelOpenHandle, Handle, KeyboardInteractiveAuthResponse, Msg, Session},
    compression, kex,
    keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate},
    mac,
};
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{io::BufReader, net::TcpStream, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What is read from the machine at once.
const READ_BYTES: usize = 32 * 1024;
/// A machine that answers nothing for three of these is gone.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Messages of one channel that may wait before reading stops: 32 KiB each at most.
const CHANNEL_MESSAGES_MAX: usize = 32;
/// Rounds of questions that a machine may ask where a password is expected.
const QUESTIONS_MAX: usize = 4;

/// A machine, reached and signed in to.
pub(crate) struct Target {
    pub(crate) handle: Handle<Knock>,
    /// Cancelled when the connection is gone, whoever ended it.
    pub(crate) lost: CancellationToken,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoTarget {
    pub(crate) reason: EndReason,
    /// For the trace and the desk: never the technician's.
    pub(crate) detail: String,
}

impl NoTarget {
    fn new(reason: EndReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    fn unreachable(error: &dyn std::fmt::Display) -> Self {
        Self::new(EndReason::Unreachable, wire::visible(&error.to_string(), 300))
    }
}

/// Connects, checks the pinned key, signs in; all within one deadline. `cut` ends the connection at any time.
pub(crate) async fn connect(
    equipment: &WarrantedEquipment,
    secret: &EquipmentSecret,
    limits: &RelayLimits,
    cut: &CancellationToken,
) -> Result<Target, NoTarget> {
    match timeout(limits.connect_max, knock(equipment, secret, limits, cut)).await {
        Ok(connected) => connected,
        Err(_) => Err(NoTarget::new(EndReason::Unreachable, "no answer in time")),
    }
}

async fn knock(
    equipment: &WarrantedEquipment,
    secret: &EquipmentSecret,
    limits: &RelayLimits,
    cut: &CancellationToken,
) -> Result<Target, NoTarget> {
    let pinned = PublicKey::from_openssh(&equipment.host_key)
        .map_err(|_| NoTarget::new(EndReason::HostKey, "the pinned key cannot be read"))?;
    let address = (equipment.host.as_str(), equipment.port);
    let stream = TcpStream::connect(address).await.map_err(|error| NoTarget::unreachable(&error))?;
    // Keys pressed go at once.
    let _ = stream.set_nodelay(true);
    let stream = Cuttable::new(BufReader::with_capacity(READ_BYTES, stream), cut);
    let (shown, lost) = (Arc::new(Mutex::new(None)), CancellationToken::new());
    let knock = Knock { pinned: pinned.clone(), shown: shown.clone(), _lost: lost.clone().drop_guard() };
    let config = Arc::new(config(&pinned.algorithm(), limits));
    let mut handle = client::connect_stream(config, stream, knock).await.map_err(|error| {
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        match shown {
            Some(other) => NoTarget::new(EndReason::HostKey, format!("another host key was shown: {other}")),
            // It would not even offer a key of the pinned kind.
            None if is_about_keys(&error) => {
                NoTarget::new(EndReason::HostKey, "no host key of the pinned kind was offered")
            }
            None => NoTarget::unreachable(&error),
        }
    })?;
    sign_in(&mut handle, &equipment.account, secret).await?;
    Ok(Target { handle, lost })
}

fn is_about_keys(error: &russh::Error) -> bool {
    matches!(error, russh::Error::NoCommonAlgo { kind: russh::AlgorithmKind::Key, .. })
}

async fn sign_in(handle: &mut Handle<Knock>, account: &str, secret: &EquipmentSecret) -> Result<(), NoTarget> {
    let refused = || NoTarget::new(EndReason::Credentials, "the credentials were refused");
    let accepted = match secret {
        EquipmentSecret::Password(password) => with_password(handle, account, password.expose()).await,
        EquipmentSecret::PrivateKey(pem) => {
            let key = PrivateKey::from_openssh(pem.expose().as_str())
                .map_err(|_| NoTarget::new(EndReason::Credentials, "the private key kept for it cannot be read"))?;
            with_key(handle, account, key).await
        }
    };
    match accepted {
        Ok(true) => Ok(()),
        Ok(false) => Err(refused()),
        Err(error) => Err(NoTarget::unreachable(&error)),
    }
}

async fn with_key(handle: &mut Handle<Knock>, account: &str, key: PrivateKey) -> Result<bool, russh::Error> {
    // RSA with SHA-1 is never used, even if the machine knows nothing better.
    let hash = if key.algorithm().is_rsa() {
        Some(handle.best_supported_rsa_hash().await?.flatten().unwrap_or(HashAlg::Sha512))
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    Ok(handle.authenticate_publickey(account, key).await?.success())
}

async fn with_password(handle: &mut Handle<Knock>, account: &str, password: &str) -> Result<bool, russh::Error> {
    let AuthResult::Failure { remaining_methods, .. } = handle.authenticate_password(account, password).await? else {
        return Ok(true);
    };
    if !remaining_methods.contains(&russh::MethodKind::KeyboardInteractive) {
        return Ok(false);
    }
    // Some machines ask for the password as a question.
    let mut step = handle.authenticate_keyboard_interactive_start(account, None).await?;
    for _ in 0..QUESTIONS_MAX {
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = step else { break };
        // One hidden question is the password's; anything else is not for us to answer.
        let answers = match prompts.as_slice() {
            [] => Vec::new(),
            [one] if !one.echo => vec![password.to_owned()],
            _ => return Ok(false),
        };
        step = handle.authenticate_keyboard_interactive_respond(answers).await?;
    }
    Ok(matches!(step, KeyboardInteractiveAuthResponse::Success))
}

/// What is agreed on with machines: sound, but older than what is asked of technicians' clients. The fastest comes first.
fn config(pinned: &Algorithm, limits: &RelayLimits) -> client::Config {
    let key = match pinned {
        Algorithm::Rsa { .. } => {
            [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }).into()
        }
        other => vec![other.clone()],
    };
    client::Config {
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Poterne")),
        window_size: limits.window_bytes,
        channel_buffer_size: CHANNEL_MESSAGES_MAX,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::MLKEM768X25519_SHA256,
                kex::ECDH_SHA2_NISTP256,
                kex::ECDH_SHA2_NISTP384,
                kex::DH_G16_SHA512,
                kex::DH_G14_SHA256,
                kex::EXTENSION_SUPPORT_AS_CLIENT,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
            ]),
            key: Cow::Owned(key),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(&[
                cipher::AES_128_GCM,
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_128_CTR,
            ]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512]),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        ..client::Config::default()
    }
}

/// What the machine may do on the connection: show the pinned key, and nothing of its own accord.
pub(crate) struct Knock {
    pinned: PublicKey,
    /// The key that it showed instead.
    shown: Arc<Mutex<Option<String>>>,
    _lost: DropGuard,
}

impl client::Handler for Knock {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let other = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } if key.key_data() == self.pinned.key_data() => {
                return Ok(true);
            }
            PublicKeyOrCertificate::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256).to_string(),
            PublicKeyOrCertificate::Certificate(_) => "a certificate".to_owned(),
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(other);
        Ok(false)
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: russh::Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _: russh::Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse(reply).await
    }
}

async fn refuse(reply: ChannelOpenHandle) -> Result<(), russh::Error> {
    reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
    Ok(())
}
