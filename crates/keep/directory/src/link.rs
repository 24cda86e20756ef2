//! One conversation with one server: TLS first, one request at a time, a deadline over all of it.

use crate::{DirectoryError, Server, Settings};
use rustls::{ClientConnection, StreamOwned};
use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};
use wire::ldap::{Answer, Entry, Filter, Framing, Outcome, Paged, Scope, Search, answer, bind, code, framing};
use wire::ldap::{search, start_tls, unbind};

/// Entries in a page.
const PAGE_ENTRIES: u32 = 500;
/// Bytes of all that is answered in one conversation.
const CONVERSATION_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Addresses of one server that are tried.
const ADDRESSES_MAX: usize = 4;

/// A socket whose every reading and writing ends at the deadline.
struct Timed {
    socket: TcpStream,
    deadline: Instant,
}

impl Timed {
    fn left(&self) -> std::io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(bytes)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.socket.flush()
    }
}

fn failed(error: &std::io::Error) -> DirectoryError {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => DirectoryError::Late,
        // What rustls refuses comes in this wrapping.
        ErrorKind::InvalidData => DirectoryError::Tls(error.to_string()),
        _ => DirectoryError::Unreachable(error.to_string()),
    }
}

pub(crate) struct Link {
    stream: StreamOwned<ClientConnection, Timed>,
    unread: Vec<u8>,
    last: u32,
    received: usize,
}

/// What is looked for, and how far.
pub(crate) struct Look<'a> {
    pub base: &'a str,
    pub scope: Scope,
    pub filter: &'a Filter,
    pub attributes: &'a [&'a str],
    /// More entries are an error.
    pub most: usize,
    /// By pages, which every server of many people asks for.
    pub paged: bool,
    pub own_domain: bool,
}

impl Link {
    /// Connects, verifies, and signs in as the service account.
    pub fn open(settings: &Settings, server: &Server, deadline: Instant) -> Result<Self, DirectoryError> {
        let mut timed = Timed { socket: connect(server, deadline)?, deadline };
        if server.starts_tls {
            ask_for_tls(&mut timed)?;
        }
        let tls = ClientConnection::new(Arc::clone(&settings.tls), server.name.clone())
            .map_err(|error| DirectoryError::Tls(error.to_string()))?;
        let mut link = Self { stream: StreamOwned::new(tls, timed), unread: Vec::new(), last: 0, received: 0 };
        let outcome = link.sign_in(&settings.service_dn, settings.service_password.expose())?;
        match outcome.code {
            code::SUCCESS => Ok(link),
            code => Err(DirectoryError::ServiceAccount { code, said: outcome.said }),
        }
    }

    pub fn give_until(&mut self, deadline: Instant) {
        self.stream.sock.deadline = deadline;
    }

    /// Whether this is the entry's password. The conversation is that entry's afterwards, and should end.
    pub fn bind(&mut self, dn: &str, password: &str) -> Result<bool, DirectoryError> {
        if dn.is_empty() || password.is_empty() {
            return Ok(false);
        }
        let Outcome { code, said } = self.sign_in(dn, password)?;
        match code {
            code::SUCCESS => Ok(true),
            code::INVALID_CREDENTIALS
            | code::CONSTRAINT
            | code::INAPPROPRIATE
            | code::ACCESS
            | code::NO_SUCH_OBJECT
            | code::UNWILLING => Ok(false),
            code::REFERRAL => Err(DirectoryError::Referral),
            code => Err(DirectoryError::Answered { code, said }),
        }
    }

    fn sign_in(&mut self, dn: &str, password: &str) -> Result<Outcome, DirectoryError> {
        let id = self.next_id();
        self.send(&bind(id, dn, password.as_bytes()))?;
        match self.receive(id)? {
            Answer::Bound(outcome) => Ok(outcome),
            _ => Err(DirectoryError::Malformed),
        }
    }

    /// All the entries, or an error. A base that is not there is `None`.
    pub fn look(&mut self, look: &Look<'_>) -> Result<Option<Vec<Entry>>, DirectoryError> {
        let (mut found, mut cookie) = (Vec::new(), Vec::new());
        loop {
            let page = look.paged.then_some(Paged { entries: PAGE_ENTRIES, cookie: &cookie });
            let asked = Search {
                base: look.base,
                scope: look.scope,
                filter: look.filter,
                attributes: look.attributes,
                entries_max: if look.paged { 0 } else { u32::try_from(look.most + 1).unwrap_or(u32::MAX) },
                seconds_max: 10,
                page,
                own_domain: look.own_domain,
            };
            let id = self.next_id();
            self.send(&search(id, &asked))?;
            let (outcome, next) = loop {
                match self.receive(id)? {
                    Answer::Entry(entry) if found.len() < look.most => found.push(entry),
                    Answer::Entry(_) => return Err(DirectoryError::TooMany("entries")),
                    Answer::Reference => return Err(DirectoryError::Referral),
                    Answer::Done(outcome, next) => break (outcome, next),
                    _ => return Err(DirectoryError::Malformed),
                }
            };
            match outcome.code {
                code::SUCCESS => {}
                code::NO_SUCH_OBJECT => return Ok(None),
                code::SIZE_LIMIT => return Err(DirectoryError::TooMany("entries")),
                code::REFERRAL => return Err(DirectoryError::Referral),
                code => return Err(DirectoryError::Answered { code, said: outcome.said }),
            }
            if !look.paged || next.is_empty() {
                return Ok(Some(found));
            }
            cookie = next;
        }
    }

    /// Says goodbye, if that is possible.
    pub fn close(mut self) {
        let id = self.next_id();
        let _ = self.send(&unbind(id));
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }

    fn next_id(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), DirectoryError> {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).map_err(|error| failed(&error))
    }

    fn receive(&mut self, id: u32) -> Result<Answer, DirectoryError> {
        let message = receive(&mut self.stream, &mut self.unread)?;
        self.received = self.received.saturating_add(message.len());
        if self.received > CONVERSATION_BYTES_MAX {
            return Err(DirectoryError::TooMany("bytes"));
        }
        match answer(&message).map_err(|_| DirectoryError::Malformed)? {
            (_, Answer::Goodbye) => Err(DirectoryError::Unreachable("it closes the conversation".to_owned())),
            (found, answer) if found == id => Ok(answer),
            _ => Err(DirectoryError::Malformed),
        }
    }
}

fn connect(server: &Server, deadline: Instant) -> Result<TcpStream, DirectoryError> {
    let unreachable = |error: std::io::Error| failed(&error);
    let addresses = (server.host.as_str(), server.port).to_socket_addrs().map_err(unreachable)?;
    let mut last = DirectoryError::Unreachable("its name leads nowhere".to_owned());
    for address in addresses.take(ADDRESSES_MAX) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DirectoryError::Late);
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => last = failed(&error),
        }
    }
    Err(last)
}

/// On a connection in clear, asks for TLS and nothing else.
fn ask_for_tls(timed: &mut Timed) -> Result<(), DirectoryError> {
    timed.write_all(&start_tls(1)).map_err(|error| failed(&error))?;
    let mut unread = Vec::new();
    let message = receive(timed, &mut unread)?;
    // What came in clear before TLS is somebody else's.
    if !unread.is_empty() {
        return Err(DirectoryError::Malformed);
    }
    match answer(&message) {
        Ok((1, Answer::Extended(Outcome { code: code::SUCCESS, .. }))) => Ok(()),
        Ok((1, Answer::Extended(Outcome { said, .. }))) => Err(DirectoryError::Tls(format!("it has none: {said}"))),
        _ => Err(DirectoryError::Malformed),
    }
}

/// The next whole message; what comes after it is kept for later.
fn receive(stream: &mut impl Read, unread: &mut Vec<u8>) -> Result<Vec<u8>, DirectoryError> {
    let mut bytes = [0; 16 * 1024];
    loop {
        if let Framing::Whole(length) = framing(unread).map_err(|_| DirectoryError::Malformed)? {
            let rest = unread.split_off(length);
            return Ok(std::mem::replace(unread, rest));
        }
        let read = stream.read(&mut bytes).map_err(|error| failed(&error))?;
        if read == 0 {
            return Err(DirectoryError::Unreachable("it closed the connection".to_owned()));
        }
        unread.extend_from_slice(bytes.get(..read).unwrap_or_default());
    }
}
