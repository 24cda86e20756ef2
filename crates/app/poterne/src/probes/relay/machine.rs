//! What a probe's technician reaches: a small SSH server on this machine's loopback, with a key and a password drawn for it,
//! for as long as the probe runs. It repeats what it is told, and can do nothing else.

use crate::probes::Fault;
use data_encoding::HEXLOWER;
use pipe::Cuttable;
use russh::{
    Channel, ChannelId, Pty,
    keys::{PrivateKey, PublicKey, ssh_key::private::Ed25519Keypair},
    server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};
use types::Secret;
use vault::random;

/// The login on it.
pub const LOGIN: &str = "sonde";
/// Channels that wait for their program at once.
const WAITING_MAX: usize = 4;
/// A connection that says nothing for this long is let go of.
const SILENT_MAX: Duration = Duration::from_secs(120);

/// A machine at work. Dropped, it is gone, with its connections.
pub struct Machine {
    /// Where it listens.
    pub port: u16,
    /// Its key, as `known_hosts` has it.
    pub host_key: String,
    /// What opens it.
    pub password: Secret<String>,
    /// What it says on a terminal before anything else.
    pub greeting: String,
    connected: watch::Receiver<usize>,
    _serving: AbortOnDropHandle<()>,
    _cut: DropGuard,
}

impl Machine {
    /// Begins to serve.
    pub async fn serve() -> Result<Self, Fault> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Fault::unreachable)?;
        let port = listener.local_addr().map_err(Fault::unreachable)?.port();
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&drawn::<32>()?));
        let line = PublicKey::from(&key).to_openssh().map_err(Fault::unreachable)?;
        let host_key = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let password = HEXLOWER.encode(&drawn::<24>()?);
        let greeting = format!("sonde {}", HEXLOWER.encode(&drawn::<16>()?));
        let (count, connected) = watch::channel(0);
        let cut = CancellationToken::new();
        let peer = Peer { password: Arc::new(Secret::new(password.clone())), greeting: greeting.clone() };
        let config = Config {
            keys: vec![key],
            auth_rejection_time_initial: Some(Duration::ZERO),
            inactivity_timeout: Some(SILENT_MAX),
            nodelay: true,
            ..Config::default()
        };
        let serving = serve(listener, Arc::new(config), peer, (count, cut.clone()));
        Ok(Self {
            port,
            host_key,
            password: Secret::new(password),
            greeting,
            connected,
            _serving: AbortOnDropHandle::new(tokio::spawn(serving)),
            _cut: cut.drop_guard(),
        })
    }

    /// Resolves once nobody is connected any more.
    pub async fn left(&self) {
        let _ = self.connected.clone().wait_for(|count| *count == 0).await;
    }

    /// How many are connected.
    pub fn connected(&self) -> usize {
        *self.connected.borrow()
    }
}

fn drawn<const N: usize>() -> Result<[u8; N], Fault> {
    random().map_err(Fault::unreachable)
}

async fn serve(
    listener: TcpListener,
    config: Arc<Config>,
    peer: Peer,
    (count, cut): (watch::Sender<usize>, CancellationToken),
) {
    let count = Arc::new(count);
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, config.clone(), peer.clone(), (count.clone(), cut.clone())));
    }
}

async fn connection(
    stream: TcpStream,
    config: Arc<Config>,
    peer: Peer,
    (count, cut): (Arc<watch::Sender<usize>>, CancellationToken),
) {
    count.send_modify(|count| *count += 1);
    let _ = stream.set_nodelay(true);
    let client = Client { peer, waiting: HashMap::new() };
    if let Ok(running) = run_stream(config, Cuttable::new(stream, &cut), client).await {
        let _ = running.await;
    }
    count.send_modify(|count| *count -= 1);
}

/// What each connection knows.
#[derive(Clone)]
struct Peer {
    password: Arc<Secret<String>>,
    greeting: String,
}

struct Client {
    peer: Peer,
    waiting: HashMap<ChannelId, Channel<Msg>>,
}

type Done = Result<(), russh::Error>;

impl Client {
    /// Says something, then repeats what it is given until it is given no more.
    fn repeat(&mut self, id: ChannelId, first: String, session: &mut Session) -> Done {
        let Some(channel) = self.waiting.remove(&id) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        let handle = session.handle();
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(channel.into_stream());
            if write.write_all(first.as_bytes()).await.is_ok() {
                let _ = tokio::io::copy(&mut read, &mut write).await;
            }
            let _ = write.flush().await;
            // The library closes a channel whose stream is dropped: the status must be on its way before.
            let _ = handle.exit_status_request(id, 0).await;
            let _ = handle.eof(id).await;
            let _ = handle.close(id).await;
            drop((read, write));
        });
        Ok(())
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let right = user == LOGIN && password == self.peer.password.expose();
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(&mut self, channel: Channel<Msg>, reply: ChannelOpenHandle, _: &mut Session) -> Done {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.insert(channel.id(), channel);
            reply.accept().await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Done {
        session.channel_success(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Done {
        let greeting = format!("{}\r\n", self.peer.greeting);
        self.repeat(id, greeting, session)
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Done {
        let command = String::from_utf8_lossy(command).into_owned();
        self.repeat(id, format!("{command}\n"), session)
    }
}
