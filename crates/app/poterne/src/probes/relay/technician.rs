//! The probe's technician: his key, and what he does with an SSH client.

use crate::probes::{Fault, codes::Reserved};
use anyhow::{Context as _, Result};
use pipe::Cuttable;
use russh::{
    ChannelMsg,
    client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse as Step, Msg},
    keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, ssh_key::private::Ed25519Keypair},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use types::Door;
use vault::{Keys, Purpose};

/// What he waits for an answer at most.
const WAIT: Duration = Duration::from_secs(10);
/// What he reads of one channel at most.
const READ_MAX: usize = 64 * 1024;

/// His key for SSH: derived like his password, so kept nowhere.
pub fn key_of(keys: &Keys) -> Result<PrivateKey> {
    let door = Door::Relays.to_string();
    let seed = keys.token(Purpose::ProberCredentials, &[b"ssh 1", door.as_bytes()])?;
    Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
}

/// The line of its `.pub` file.
pub fn line_of(key: &PrivateKey) -> Result<String> {
    key.public_key().to_openssh().context("the probe's key for SSH")
}

/// The relays as a technician reaches them.
#[derive(Clone)]
pub struct RelayDoor {
    /// Where they listen, as reached from this machine.
    pub address: SocketAddr,
    /// Where he connects: there, or to a [`Porter`](crate::probes::porter::Porter) of theirs.
    pub through: SocketAddr,
    /// The only key that they may show.
    pub host_key: PublicKey,
}

/// Somebody who has signed in. Dropped, he leaves.
pub struct Technician {
    handle: Handle<Near>,
    gone: watch::Receiver<Option<Instant>>,
    _cut: DropGuard,
}

/// One channel of his.
pub struct Line {
    channel: russh::Channel<Msg>,
    /// All that it showed.
    pub shown: Vec<u8>,
    /// How its program ended.
    pub status: Option<u32>,
}

/// Looks at the relays' key; when it is dropped, the connection is gone.
struct Near {
    pinned: PublicKey,
    gone: watch::Sender<Option<Instant>>,
}

impl Drop for Near {
    fn drop(&mut self) {
        self.gone.send_replace(Some(Instant::now()));
    }
}

impl client::Handler for Near {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.key_data() == self.pinned.key_data(),
            PublicKeyOrCertificate::Certificate(_) => false,
        })
    }
}

async fn soon<T, E: std::fmt::Display>(what: &str, answer: impl Future<Output = Result<T, E>>) -> Result<T, Fault> {
    match timeout(WAIT, answer).await {
        Ok(answer) => answer.map_err(|error| Fault::unreachable(format!("{what}: {error}"))),
        Err(_) => Err(Fault::unreachable(format!("{what}: no answer"))),
    }
}

impl Technician {
    /// Signs in with key and code, to reach a target. Nothing, if the code was refused.
    pub async fn sign_in(
        door: &RelayDoor,
        (reserved, key, target): (&Reserved, &PrivateKey, &str),
        code: String,
    ) -> Result<Option<Self>, Fault> {
        let stream = soon("the relays", TcpStream::connect(door.through)).await?;
        let _ = stream.set_nodelay(true);
        let (sender, gone) = watch::channel(None);
        let cut = CancellationToken::new();
        let near = Near { pinned: door.host_key.clone(), gone: sender };
        let config = Arc::new(client::Config { nodelay: true, ..client::Config::default() });
        let stream = Cuttable::new(stream, &cut);
        let handle = soon("the relays", client::connect_stream(config, stream, near)).await?;
        let mut this = Self { handle, gone, _cut: cut.drop_guard() };
        let user = format!("{}%{target}", reserved.login);
        Ok(this.show(&user, key, code).await?.then_some(this))
    }

    async fn show(&mut self, user: &str, key: &PrivateKey, code: String) -> Result<bool, Fault> {
        let key = PrivateKeyWithHashAlg::new(Arc::new(key.clone()), None);
        match soon("the key", self.handle.authenticate_publickey(user, key)).await? {
            // A code is asked for again for each intervention: what opened the key was another's.
            AuthResult::Success => return Err(Fault::broken("the key alone signs in, without a code")),
            AuthResult::Failure { partial_success: false, .. } => {
                return Err(Fault::unreachable("the reserved technician's key is refused"));
            }
            AuthResult::Failure { .. } => {}
        }
        let asked = self.handle.authenticate_keyboard_interactive_start(user, None);
        let Step::InfoRequest { prompts, .. } = soon("the code", asked).await? else { return Ok(false) };
        if prompts.len() != 1 {
            return Err(Fault::unreachable("something else than a code is asked for"));
        }
        let answered = self.handle.authenticate_keyboard_interactive_respond(vec![code]);
        Ok(matches!(soon("the code", answered).await?, Step::Success))
    }

    /// Runs a command without terminal, gives it all that it is to read, and waits for its end.
    pub async fn command(&self, command: &str, input: &[u8]) -> Result<Line, Fault> {
        let channel = soon("a channel", self.handle.channel_open_session()).await?;
        soon("the command", channel.exec(true, command)).await?;
        let mut line = Line { channel, shown: Vec::new(), status: None };
        soon("the command's input", line.channel.data_bytes(input.to_vec())).await?;
        soon("the command's input", line.channel.eof()).await?;
        let ended = async {
            while line.next().await {}
            Ok::<_, std::convert::Infallible>(())
        };
        soon("the command", ended).await?;
        Ok(line)
    }

    /// Opens a terminal, and waits until it shows this.
    pub async fn terminal(&self, until: &str) -> Result<Line, Fault> {
        let channel = soon("a channel", self.handle.channel_open_session()).await?;
        soon("a terminal", channel.request_pty(false, "xterm", 80, 24, 0, 0, &[])).await?;
        soon("a terminal", channel.request_shell(false)).await?;
        let mut line = Line { channel, shown: Vec::new(), status: None };
        line.wait_for(until).await?;
        Ok(line)
    }

    /// When his connection was gone, if it was within `at_most`.
    pub async fn gone(&self, at_most: Duration) -> Option<Instant> {
        let mut gone = self.gone.clone();
        let seen = timeout(at_most, gone.wait_for(Option::is_some)).await;
        seen.ok().and_then(Result::ok).and_then(|moment| *moment)
    }

    /// Whether his connection is there.
    pub fn is_there(&self) -> bool {
        self.gone.borrow().is_none()
    }
}

impl Line {
    /// The next message; whether more may come.
    async fn next(&mut self) -> bool {
        match self.channel.wait().await {
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                let room = READ_MAX.saturating_sub(self.shown.len());
                self.shown.extend(data.iter().take(room));
                true
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                self.status = Some(exit_status);
                true
            }
            Some(ChannelMsg::Close) | None => false,
            Some(_) => true,
        }
    }

    /// Types something, and waits until the terminal shows it.
    pub async fn say(&mut self, text: &str) -> Result<(), Fault> {
        soon("the terminal", self.channel.data_bytes(text.as_bytes().to_vec())).await?;
        self.wait_for(text).await
    }

    async fn wait_for(&mut self, text: &str) -> Result<(), Fault> {
        let seen = async {
            while !self.text().contains(text) {
                if !self.next().await {
                    return Err(format!("it ended: {}", self.text().replace(['\r', '\n'], " ").trim()));
                }
            }
            Ok(())
        };
        soon("the terminal", seen).await
    }

    /// Reads until the channel's end, and gives all that it showed.
    pub async fn rest(mut self) -> String {
        let _ = timeout(WAIT, async { while self.next().await {} }).await;
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}
