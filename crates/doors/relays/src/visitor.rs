//! One connection, as the SSH library tells it: who is there, then which channels he opens.

use crate::{
    approval::{Approval, Look},
    asked::may_set,
    channel::Arrival,
    house::House,
    login::Login,
    serve::Door,
    session::Session,
    texts::{self, Sentence},
};
use pipe::{Backlog, Overrun};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Disconnect, MethodKind, MethodSet, Pty,
    keys::Algorithm,
    server::{self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Response, VerifiedPublicKey},
};
use signin::SshRefused;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use types::ClientAddress;

/// The window granted while a channel's backlog is full: enough for the peer to show that it has more, and no more.
const TRICKLE_BYTES: u32 = 2;
/// Sentences kept for the first channel.
const NOTES_MAX: usize = 4;
/// The longest code that is read.
const CODE_BYTES_MAX: usize = 64;

/// Who is there.
pub(crate) struct Visitor<H: House> {
    door: Arc<Door<H>>,
    address: ClientAddress,
    /// Refused keys and codes.
    refused: usize,
    /// The first factor was shown, under this user name.
    seen: Option<(String, Arc<H::Seen>)>,
    /// What is asked of his browser.
    approval: Approval,
    /// Both factors were shown.
    passed: bool,
    signed_in: CancellationToken,
    cut: CancellationToken,
    gone: CancellationToken,
    _gone: DropGuard,
    arrivals: Option<mpsc::Sender<Arrival>>,
    channels: HashMap<ChannelId, Opened>,
    numbers: u32,
    /// What to say on the first channel.
    notes: Vec<Sentence>,
}

struct Opened {
    backlog: Arc<Backlog>,
    terminal: bool,
    started: bool,
}

fn refusal() -> Auth {
    Auth::Reject { proceed_with_methods: Some(MethodSet::from(&[MethodKind::PublicKey][..])), partial_success: false }
}

fn second_factor(partial_success: bool) -> Auth {
    let methods = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
    Auth::Reject { proceed_with_methods: Some(methods), partial_success }
}

impl<H: House> Visitor<H> {
    pub(crate) fn new(
        door: Arc<Door<H>>,
        address: ClientAddress,
        (signed_in, asked): (CancellationToken, Arc<OnceLock<Instant>>),
        cut: CancellationToken,
    ) -> Self {
        let gone = CancellationToken::new();
        Self {
            door,
            address,
            refused: 0,
            seen: None,
            approval: Approval::new(asked),
            passed: false,
            signed_in,
            cut,
            _gone: gone.clone().drop_guard(),
            gone,
            arrivals: None,
            channels: HashMap::new(),
            numbers: 0,
            notes: Vec::new(),
        }
    }

    fn may_try(&self) -> bool {
        self.refused < self.door.limits.attempts_max
    }

    async fn key(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Option<Auth> {
        // SHA-1 proves nothing any more. A security key's signature proves that it holds the key, no more: the library does not
        // show whether somebody touched it.
        let proves = !matches!(key.algorithm, Algorithm::Rsa { hash: None });
        if !proves || self.seen.is_some() || !self.may_try() {
            return None;
        }
        let login = Login::parse(user);
        let blob = key.public_key.to_bytes().ok()?;
        let house = &self.door.house;
        let seen = house.identify(&login.login, &blob, self.address).await.inspect_err(tell).ok()?;
        let intervention = match &login.target {
            Some(target) => house.find(&seen, target).await,
            None => None,
        };
        self.passed = intervention.is_some_and(|intervention| house.is_open(&seen, intervention));
        self.seen = Some((user.to_owned(), Arc::new(seen)));
        Some(if self.passed { Auth::Accept } else { second_factor(true) })
    }

    async fn code(&mut self, user: &str, code: &str) -> Option<Auth> {
        let (_, seen) = self.seen.as_ref().filter(|(as_user, _)| as_user == user)?;
        let house = &self.door.house;
        house.code(seen, code).await.inspect_err(tell).ok()?;
        self.pass(user).await
    }

    /// Both factors were shown.
    async fn pass(&mut self, user: &str) -> Option<Auth> {
        let (_, seen) = self.seen.as_ref()?;
        let house = &self.door.house;
        // Opened for the next ten minutes too, if the target is one of his. If it cannot be traced, it stays closed.
        if let Some(target) = Login::parse(user).target
            && let Some(intervention) = house.find(seen, &target).await
            && let Err(error) = house.open_key(seen, intervention).await
        {
            tracing::debug!(%error, "a key stays closed");
        }
        self.passed = true;
        Some(Auth::Accept)
    }

    /// The line was left empty: he would answer in his browser. The first time he is asked there; then what became of it is
    /// looked at.
    async fn browser(&mut self, user: &str, page: &str) -> Answered {
        let Some(seen) = self.seen.as_ref().map(|(_, seen)| seen.clone()) else { return Answered::Over };
        let door = self.door.clone();
        if self.approval.is_begun() {
            return match self.approval.look(&door, &seen).await {
                Look::Given => Answered::Given,
                Look::Waits(text) => Answered::Again(self.approval.question(Some(page), text)),
                Look::Over => Answered::Over,
            };
        }
        // Named by whoever shows the key: the page repeats only what is open to him.
        let target = match Login::parse(user).target {
            Some(target) => door.house.find(&seen, &target).await.map(|_| target),
            None => None,
        };
        let text = self.approval.begin(&door, (&seen, target.as_deref()), [&self.gone, &self.signed_in]).await;
        Answered::Again(self.approval.question(Some(page), text))
    }

    /// Says something on a channel, at once.
    fn say(&self, id: ChannelId, sentence: &Sentence, session: &mut server::Session) -> Result<(), russh::Error> {
        let terminal = self.channels.get(&id).is_some_and(|channel| channel.terminal);
        let text = if terminal { sentence.on_terminal() } else { sentence.on_stderr() };
        session.extended_data(id, 1, text.into_bytes())
    }

    /// Says something wherever it is read: on the channels that run, or on the first one to come.
    fn note(&mut self, sentence: Sentence, session: &mut server::Session) -> Result<(), russh::Error> {
        let running: Vec<_> = self.channels.iter().filter(|(_, one)| one.started).map(|(id, _)| *id).collect();
        if running.is_empty() && self.notes.len() < NOTES_MAX && !self.notes.contains(&sentence) {
            self.notes.push(sentence);
            return Ok(());
        }
        running.into_iter().try_for_each(|id| self.say(id, &sentence, session))
    }

    /// A shell, a command or a subsystem is asked for: once a channel.
    fn start(&mut self, id: ChannelId, possible: bool, session: &mut server::Session) -> Result<(), russh::Error> {
        let fresh = self.channels.get_mut(&id).is_some_and(|one| !std::mem::replace(&mut one.started, true));
        for sentence in std::mem::take(&mut self.notes) {
            self.say(id, &sentence, session)?;
        }
        if fresh && possible { session.channel_success(id) } else { session.channel_failure(id) }
    }

    /// Whoever sends more than he was granted is sent away: the library forwards it, and memory is bounded by us.
    async fn arrived(&self, id: ChannelId, bytes: usize) -> Result<(), russh::Error> {
        let Some(channel) = self.channels.get(&id) else { return Ok(()) };
        channel.backlog.arrived(bytes).await.map_err(|Overrun| {
            tracing::warn!("a client sent more than it was granted: its connection is ended");
            russh::Error::Disconnect
        })
    }
}

/// What came of a line left empty.
enum Answered {
    /// He is asked again.
    Again(Auth),
    Given,
    Over,
}

fn tell(refused: &SshRefused) {
    tracing::debug!(%refused, "a key or a code was refused");
}

async fn prohibited(reply: ChannelOpenHandle, sentence: &Sentence) -> Result<(), russh::Error> {
    reply.reject(ChannelOpenFailure::Other { code: 1, reason: sentence.plain() }).await;
    Ok(())
}

impl<H: House> server::Handler for Visitor<H> {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, russh::Error> {
        Ok(self.door.banner.clone())
    }

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        Ok(refusal())
    }

    /// Every key of a usual kind is let sign: whoever only knows somebody's public key learns nothing from the answer.
    async fn auth_publickey_offered(&mut self, _: &str, _: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        Ok(if self.seen.is_none() && self.may_try() { Auth::Accept } else { refusal() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        let answer = self.key(user, key).await;
        self.refused += usize::from(answer.is_none());
        Ok(answer.unwrap_or_else(refusal))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        if self.seen.as_ref().is_none_or(|(as_user, _)| as_user != user) || !self.may_try() {
            return Ok(refusal());
        }
        let house = self.door.house.clone();
        let Some(mut response) = response else {
            return Ok(self.approval.question(house.approves_at(), String::new()));
        };
        let given = response.next().filter(|bytes| bytes.len() <= CODE_BYTES_MAX);
        let code = given.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        // What cannot be read is a wrong code.
        let is_blank = code.as_ref().is_some_and(|code| code.trim().is_empty());
        let code = code.unwrap_or_default();
        let answer = match (is_blank, house.approves_at()) {
            (true, Some(page)) => match self.browser(user, page).await {
                Answered::Again(question) => return Ok(question),
                Answered::Given => self.pass(user).await,
                Answered::Over => None,
            },
            _ => self.code(user, &code).await,
        };
        self.refused += usize::from(answer.is_none());
        Ok(answer.unwrap_or_else(|| second_factor(false)))
    }

    async fn auth_succeeded(&mut self, session: &mut server::Session) -> Result<(), russh::Error> {
        let (Some((user, seen)), true) = (self.seen.take(), self.passed) else {
            return session.disconnect(Disconnect::NoMoreAuthMethodsAvailable, "", "");
        };
        self.signed_in.cancel();
        let (arrive, arrivals) = mpsc::channel(self.door.limits.channels_max.max(1));
        self.arrivals = Some(arrive);
        let Login { login, target } = Login::parse(&user);
        let session = Session {
            door: self.door.clone(),
            seen,
            login,
            target,
            near: session.handle(),
            arrivals,
            gone: self.gone.clone(),
            cut_near: self.cut.clone(),
        };
        self.door.tasks.spawn(session.run());
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        // The library tells of a channel's end only where the client ended it.
        self.channels.retain(|_, one| Arc::strong_count(&one.backlog) > 1);
        let limits = &self.door.limits;
        let free = self.channels.len() < limits.channels_max && self.numbers < limits.channels_in_all_max;
        let Some(arrivals) = self.arrivals.as_ref().filter(|_| free) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let (id, backlog) =
            (channel.id(), Arc::new(Backlog::new(self.door.limits.backlog_bytes, self.door.limits.window_bytes)));
        let arrival = Arrival { number: self.numbers + 1, channel, backlog: backlog.clone() };
        if arrivals.try_send(arrival).is_err() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        self.numbers += 1;
        self.channels.insert(id, Opened { backlog, terminal: false, started: false });
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        prohibited(reply, &texts::no_x11()).await
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        prohibited(reply, &texts::no_tcp()).await
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        prohibited(reply, &texts::no_tcp()).await
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        prohibited(reply, &texts::no_tcp()).await
    }

    async fn tcpip_forward(
        &mut self,
        _: &str,
        _: &mut u32,
        session: &mut server::Session,
    ) -> Result<bool, russh::Error> {
        self.note(texts::no_tcp(), session)?;
        Ok(false)
    }

    async fn streamlocal_forward(&mut self, _: &str, session: &mut server::Session) -> Result<bool, russh::Error> {
        self.note(texts::no_tcp(), session)?;
        Ok(false)
    }

    async fn agent_request(&mut self, id: ChannelId, session: &mut server::Session) -> Result<bool, russh::Error> {
        self.say(id, &texts::no_agent(), session)?;
        Ok(false)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.say(id, &texts::no_x11(), session)?;
        session.channel_failure(id)
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
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        let Some(channel) = self.channels.get_mut(&id).filter(|one| !one.started) else {
            return session.channel_failure(id);
        };
        channel.terminal = true;
        session.channel_success(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        _: &str,
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        if may_set(name) { session.channel_success(id) } else { session.channel_failure(id) }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut server::Session) -> Result<(), russh::Error> {
        self.start(id, true, session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        _: &[u8],
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.start(id, true, session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.start(id, name == "sftp", session)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut server::Session) -> Result<(), russh::Error> {
        self.arrived(id, data.len()).await
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        _: u32,
        data: &[u8],
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.arrived(id, data.len()).await
    }

    fn adjust_window(&mut self, _: ChannelId, _: u32) -> u32 {
        // The library grants the next window of any channel from what is said here for one: while one is full, none may
        // be granted more, or the full one would be. Channels that are over do not count.
        let full = self.channels.values().any(|one| Arc::strong_count(&one.backlog) > 1 && one.backlog.is_full());
        if full { TRICKLE_BYTES } else { self.door.limits.window_bytes }
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut server::Session) -> Result<(), russh::Error> {
        self.channels.remove(&id);
        Ok(())
    }
}
