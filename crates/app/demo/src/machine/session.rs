//! One connection to the machine: who may come in, and the channels.

use super::{
    console::{self, Answer},
    editor::{Editor, Typed},
    files::Files,
    sftp::Transfers,
};
use aws_lc_rs::{constant_time, rand};
use jiff::Zoned;
use russh::{
    Channel, ChannelId, Pty,
    server::{Auth, ChannelOpenHandle, Handle, Handler, Msg, Session},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use types::Secret;

/// 32 bytes from the system's generator.
pub fn seed() -> Result<[u8; 32], &'static str> {
    let mut seed = [0; 32];
    rand::fill(&mut seed).map_err(|_| "no randomness")?;
    Ok(seed)
}

/// A peer of the machine.
pub struct Client {
    shared: Shared,
    account: String,
    password: Arc<Secret<String>>,
    waiting: HashMap<ChannelId, Waiting>,
}

#[derive(Clone)]
struct Shared {
    machine: String,
    files: Files,
}

/// A channel before its program starts.
struct Waiting {
    channel: Channel<Msg>,
    terminal: bool,
}

type Done = Result<(), russh::Error>;
type Stream = russh::ChannelStream<Msg>;

impl Client {
    pub fn new(machine: &str, account: &str, password: Arc<Secret<String>>, files: Files) -> Self {
        let shared = Shared { machine: machine.to_owned(), files };
        Self { shared, account: account.to_owned(), password, waiting: HashMap::new() }
    }

    /// Takes the channel and runs a program on it; says no when there is none.
    fn start<F, P>(&mut self, id: ChannelId, session: &mut Session, program: F) -> Done
    where
        F: FnOnce(Running) -> P,
        P: Future<Output = (u32, Stream)> + Send + 'static,
    {
        let Some(Waiting { channel, terminal }) = self.waiting.remove(&id) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        let handle = session.handle();
        let running = Running { channel, terminal, shared: self.shared.clone() };
        let program = program(running);
        tokio::spawn(async move {
            // The library closes a channel whose stream is dropped: the status must be on its way before.
            let (status, stream) = program.await;
            let _ = handle.exit_status_request(id, status).await;
            let _ = handle.eof(id).await;
            let _ = handle.close(id).await;
            drop(stream);
        });
        Ok(())
    }
}

/// A program's surroundings.
struct Running {
    channel: Channel<Msg>,
    terminal: bool,
    shared: Shared,
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let right =
            constant_time::verify_slices_are_equal(password.as_bytes(), self.password.expose().as_bytes()).is_ok();
        Ok(if user == self.account && right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(&mut self, channel: Channel<Msg>, reply: ChannelOpenHandle, _: &mut Session) -> Done {
        if self.waiting.len() < 10 {
            self.waiting.insert(channel.id(), Waiting { channel, terminal: false });
            reply.accept().await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _cols: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Done {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.terminal = true;
        }
        session.channel_success(id)
    }

    async fn env_request(&mut self, id: ChannelId, _: &str, _: &str, session: &mut Session) -> Done {
        session.channel_success(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Done {
        self.start(id, session, shell)
    }

    async fn exec_request(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Done {
        let command = String::from_utf8_lossy(data).into_owned();
        self.start(id, session, move |running| exec(running, command))
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, session: &mut Session) -> Done {
        let (Some(Waiting { channel, .. }), "sftp") = (self.waiting.remove(&id), name) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let handle = session.handle();
        let transfers = Transfers::new(self.shared.files.clone());
        tokio::spawn(transfer(channel, transfers, handle, id));
        Ok(())
    }
}

async fn transfer(channel: Channel<Msg>, transfers: Transfers, handle: Handle, id: ChannelId) {
    // The library runs it in a task of its own, and drops the stream at its end; a pipe between tells us when.
    let (ours, theirs) = tokio::io::duplex(256 * 1024);
    russh_sftp::server::run(theirs, transfers).await;
    let (mut channel, mut ours) = (channel.into_stream(), ours);
    let _ = tokio::io::copy_bidirectional(&mut channel, &mut ours).await;
    let _ = handle.exit_status_request(id, 0).await;
    let _ = handle.eof(id).await;
    let _ = handle.close(id).await;
}

fn now() -> String {
    Zoned::now().strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// One command, then the end.
async fn exec(running: Running, command: String) -> (u32, Stream) {
    let Running { channel, shared, .. } = running;
    let mut stream = channel.into_stream();
    let answer = console::answer(&command, &shared.files, &shared.machine, &now());
    let status = match answer {
        Answer::Say(bytes, status) => {
            let _ = stream.write_all(&bytes).await;
            status
        }
        Answer::Keep(name) => keep(&mut stream, &shared.files, &name).await,
        Answer::Echo => tokio::io::copy_bidirectional(&mut stream, &mut Loop::default()).await.map_or(1, |_| 0),
        Answer::Digest => {
            let mut all = Vec::new();
            let limit = 256 * 1024 * 1024;
            let _ = (&mut stream).take(limit).read_to_end(&mut all).await;
            let _ = stream.write_all(format!("{}  -\n", console::hex(&all)).as_bytes()).await;
            0
        }
        Answer::Sleep(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            0
        }
        Answer::Watch => {
            let _ = stream.write_all("suivi demande un terminal : ssh -t\n".as_bytes()).await;
            1
        }
        Answer::Exit(status) => status,
    };
    let _ = stream.flush().await;
    (status, stream)
}

async fn keep(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    files: &Files,
    name: &str,
) -> u32 {
    let mut buffer = vec![0; 64 * 1024];
    let mut offset = 0;
    if files.truncate(name).is_err() {
        return 1;
    }
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return 0,
            Ok(length) => {
                let written = files.write(name, offset, buffer.get(..length).unwrap_or_default());
                if let Err(full) = written {
                    let _ = stream.write_all(format!("{full}\n").as_bytes()).await;
                    return 1;
                }
                offset += length as u64;
            }
            Err(_) => return 1,
        }
    }
}

/// Gives back what it is given.
#[derive(Default)]
struct Loop {
    held: Vec<u8>,
    ended: bool,
    reader: Option<std::task::Waker>,
    writer: Option<std::task::Waker>,
}

const LOOP_MAX: usize = 256 * 1024;

impl tokio::io::AsyncRead for Loop {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if self.held.is_empty() && !self.ended {
            self.reader = Some(context.waker().clone());
            return std::task::Poll::Pending;
        }
        let length = self.held.len().min(buffer.remaining());
        let given: Vec<u8> = self.held.drain(..length).collect();
        buffer.put_slice(&given);
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
        std::task::Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Loop {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        if self.held.len() >= LOOP_MAX {
            self.writer = Some(context.waker().clone());
            return std::task::Poll::Pending;
        }
        self.held.extend_from_slice(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.ended = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        std::task::Poll::Ready(Ok(()))
    }
}

/// The console, line after line.
async fn shell(running: Running) -> (u32, Stream) {
    let Running { channel, terminal, shared } = running;
    let mut stream = channel.into_stream();
    let prompt = format!("{}> ", shared.machine);
    let mut editor = Editor::default();
    let mut buffer = vec![0; 4096];
    if terminal {
        let welcome = format!("{} : console de maintenance. Tapez aide.\r\n{prompt}", shared.machine);
        let _ = stream.write_all(welcome.as_bytes()).await;
    }
    let mut last = 0;
    loop {
        let length = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return (last, stream),
            Ok(length) => length,
        };
        for typed in editor.take(buffer.get(..length).unwrap_or_default()) {
            let line = match typed {
                Typed::Echo(bytes) if terminal => {
                    let _ = stream.write_all(&bytes).await;
                    continue;
                }
                Typed::Echo(_) => continue,
                Typed::End => return (last, stream),
                Typed::Interrupt => String::new(),
                Typed::Line(line) => line,
            };
            match console::answer(&line, &shared.files, &shared.machine, &now()) {
                Answer::Exit(status) => return (status, stream),
                Answer::Say(bytes, status) => {
                    last = status;
                    let _ = stream.write_all(&ends(&bytes, terminal)).await;
                }
                Answer::Watch if terminal => watch(&mut stream, &mut buffer).await,
                Answer::Sleep(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                _ => {
                    let _ = stream.write_all(&ends("ici, donnez un fichier\n".as_bytes(), terminal)).await;
                }
            }
            if terminal {
                let _ = stream.write_all(prompt.as_bytes()).await;
            }
        }
    }
}

/// On a terminal, a line ends with both.
fn ends(bytes: &[u8], terminal: bool) -> Vec<u8> {
    if !terminal {
        return bytes.to_vec();
    }
    bytes.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }).collect()
}

/// The measures, drawn again each half second until a key is pressed.
async fn watch(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin), buffer: &mut [u8]) {
    let _ = stream.write_all(b"\x1b[?1049h\x1b[?25l").await;
    for turn in 0_u32..7200 {
        let heat = 41 + (turn * 7) % 5;
        let bar = "█".repeat(heat as usize - 30);
        let screen = format!(
            "\x1b[H\x1b[2J\x1b[1mMesures\x1b[0m  {}\r\n\r\n  tête       {heat} °C \x1b[33m{bar}\x1b[0m\r\n  ventilateur {} tr/min\r\n\r\n  une touche pour sortir",
            now(),
            2400 - (turn * 13) % 90,
        );
        let _ = stream.write_all(screen.as_bytes()).await;
        let key = tokio::time::timeout(Duration::from_millis(500), stream.read(buffer)).await;
        if key.is_ok() {
            break;
        }
    }
    let _ = stream.write_all(b"\x1b[?25h\x1b[?1049l").await;
}
