//! Which files pass over SFTP (versions 3 to 6), seen by whoever forwards the bytes of both directions: what is opened, how
//! many bytes of it go which way, what is removed, renamed, made. Nothing is changed on the way.
//!
//! A [`Follower`] is strict where a client could hide something in what two readers understand differently: a number of a
//! request that still waits, a handle that the machine has not given, an answer to nothing: it is [`Lost`] then, and whoever
//! forwards ends the channel. Known clients do none of it.
//!
//! `russh-sftp` reads these packets too, but a handle becomes text there: two of OpenSSH's, which are numbers, would become the
//! same.

mod packet;
#[cfg(test)]
mod tests;

use packet::{Frames, Reply, Request};
pub use packet::{PACKET_BYTES_MAX, PATH_BYTES_MAX, Verb};
use std::collections::BTreeMap;

/// Requests that wait for their answers at most.
pub const ASKED_MAX: usize = 4096;
/// Those among them that name something.
pub const NAMED_MAX: usize = 256;
/// Files and folders open at once at most. OpenSSH opens 100.
pub const OPEN_MAX: usize = 256;

/// It is no longer known which files pass, and why: what came does not fit the protocol, or its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Lost(pub &'static str);

/// What takes a file's content, as it passes.
pub trait Content: Default {
    /// The next bytes.
    fn take(&mut self, bytes: &[u8]);
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As it was asked.
    Done,
    /// The machine refused it, or a part of it.
    Refused,
    /// Nothing answered before the channel ended.
    Unfinished,
}

/// What passed of a file in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow<C> {
    /// Bytes.
    pub bytes: u64,
    /// The content, where it passed from its first byte on, without gap or return.
    pub content: Option<C>,
    next: u64,
}

impl<C: Content> Flow<C> {
    fn new() -> Self {
        Self { bytes: 0, content: Some(C::default()), next: 0 }
    }

    fn pass(&mut self, offset: u64, data: &[u8]) {
        let length = data.len() as u64;
        self.bytes = self.bytes.saturating_add(length);
        match &mut self.content {
            Some(content) if self.next == offset => content.take(data),
            content => *content = None,
        }
        self.next = offset.saturating_add(length);
    }
}

/// What was done to a file, a folder, a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act<C> {
    /// What.
    pub verb: Verb,
    /// To which; what is not UTF-8 in it as `\xNN`. May hold anything else.
    pub path: String,
    /// And to which other.
    pub to: Option<String>,
    /// How it ended.
    pub ended: Ended,
    /// Towards the machine.
    pub written: Flow<C>,
    /// From the machine.
    pub read: Flow<C>,
}

impl<C: Content> Act<C> {
    fn new(verb: Verb, path: String, to: Option<String>) -> Self {
        Self { verb, path, to, ended: Ended::Unfinished, written: Flow::new(), read: Flow::new() }
    }

    fn ended(self, ended: Ended) -> Self {
        Self { ended, ..self }
    }
}

/// A request that waits for its answer.
enum Asked<C> {
    Open(Act<C>),
    Close(Vec<u8>),
    Read { handle: Vec<u8>, offset: u64 },
    Write(Vec<u8>),
    Act(Act<C>),
    Nothing,
}

impl<C> Asked<C> {
    fn is_named(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Act(_))
    }
}

/// Follows one channel.
pub struct Follower<C> {
    client: Frames,
    machine: Frames,
    /// Whether the first packet of each came.
    greeted: (bool, bool),
    asked: BTreeMap<u32, Asked<C>>,
    /// How many of them name something.
    named: usize,
    open: BTreeMap<Vec<u8>, Act<C>>,
    over: Vec<Act<C>>,
}

impl<C> Default for Follower<C> {
    fn default() -> Self {
        let (asked, open) = (BTreeMap::new(), BTreeMap::new());
        Self {
            client: Frames::default(),
            machine: Frames::default(),
            greeted: (false, false),
            asked,
            named: 0,
            open,
            over: Vec::new(),
        }
    }
}

impl<C: Content> Follower<C> {
    /// What the client sends; to be seen here before the machine has it.
    pub fn to_machine(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let mut frames = std::mem::take(&mut self.client);
        let seen = frames.feed(bytes, |packet| match packet::request(packet)? {
            Some((id, request)) if self.greeted.0 => self.requested(id, request),
            None if !self.greeted.0 => {
                self.greeted.0 = true;
                Ok(())
            }
            _ => Err(Lost("a greeting out of its place")),
        });
        self.client = frames;
        seen
    }

    /// What the machine sends; to be seen here before the client has it.
    pub fn to_client(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let mut frames = std::mem::take(&mut self.machine);
        let seen = frames.feed(bytes, |packet| match packet::reply(packet)? {
            Some((id, reply)) if self.greeted.1 => self.replied(id, reply),
            None if !self.greeted.1 => {
                self.greeted.1 = true;
                Ok(())
            }
            _ => Err(Lost("a greeting out of its place")),
        });
        self.machine = frames;
        seen
    }

    /// What has ended since this was last asked, in its order.
    pub fn acts(&mut self) -> Vec<Act<C>> {
        std::mem::take(&mut self.over)
    }

    /// What had not ended when the channel did.
    pub fn finish(mut self) -> Vec<Act<C>> {
        let asked = self.asked.into_values().filter_map(|asked| match asked {
            Asked::Open(act) | Asked::Act(act) => Some(act),
            Asked::Close(_) | Asked::Read { .. } | Asked::Write(_) | Asked::Nothing => None,
        });
        self.over.extend(self.open.into_values().chain(asked));
        self.over
    }

    fn opened(&mut self, handle: &[u8]) -> Result<&mut Act<C>, Lost> {
        self.open.get_mut(handle).ok_or(Lost("a handle that the machine has not given"))
    }

    fn requested(&mut self, id: u32, request: Request<'_>) -> Result<(), Lost> {
        if self.asked.len() >= ASKED_MAX {
            return Err(Lost("too many requests that wait"));
        }
        let asked = match request {
            Request::Open { path, verb } => Asked::Open(Act::new(verb, path, None)),
            Request::Act { verb, path, to } => Asked::Act(Act::new(verb, path, to)),
            Request::Read { handle, offset } => {
                self.opened(handle)?;
                Asked::Read { handle: handle.to_vec(), offset }
            }
            Request::Write { handle, offset, data } => {
                self.opened(handle)?.written.pass(offset, data);
                Asked::Write(handle.to_vec())
            }
            Request::Close(handle) => {
                self.opened(handle)?;
                Asked::Close(handle.to_vec())
            }
            Request::Set(handle) => {
                let path = self.opened(handle)?.path.clone();
                Asked::Act(Act::new(Verb::Changed, path, None))
            }
            Request::Copy { from, to } => {
                let (from, to) = (self.opened(from)?.path.clone(), self.opened(to)?.path.clone());
                Asked::Act(Act::new(Verb::Copied, from, Some(to)))
            }
            Request::Look(handle) => {
                self.opened(handle)?;
                Asked::Nothing
            }
            Request::Nothing => Asked::Nothing,
        };
        if self.asked.contains_key(&id) {
            return Err(Lost("a request's number that still waits"));
        }
        if asked.is_named() {
            if self.named >= NAMED_MAX {
                return Err(Lost("too many requests that wait"));
            }
            self.named += 1;
        }
        self.asked.insert(id, asked);
        Ok(())
    }

    fn replied(&mut self, id: u32, reply: Reply<'_>) -> Result<(), Lost> {
        const OTHERWISE: Lost = Lost("an answer to something else");
        let asked = self.asked.remove(&id).ok_or(OTHERWISE)?;
        self.named = self.named.saturating_sub(usize::from(asked.is_named()));
        match (asked, reply) {
            (Asked::Open(act), Reply::Handle(handle)) => {
                if self.open.len() >= OPEN_MAX {
                    return Err(Lost("too many open files"));
                }
                return match self.open.insert(handle.to_vec(), act) {
                    None => Ok(()),
                    Some(_) => Err(Lost("a handle that is another file's")),
                };
            }
            (Asked::Open(act), Reply::Status { .. }) => self.over.push(act.ended(Ended::Refused)),
            (Asked::Close(handle), Reply::Status { good }) => {
                let act = self.open.remove(&handle).ok_or(OTHERWISE)?;
                let refused = !good || act.ended == Ended::Refused;
                self.over.push(act.ended(if refused { Ended::Refused } else { Ended::Done }));
            }
            (Asked::Read { handle, offset }, Reply::Data(data)) => {
                self.open.get_mut(&handle).ok_or(OTHERWISE)?.read.pass(offset, data);
            }
            (Asked::Write(handle), Reply::Status { good }) => {
                let act = self.open.get_mut(&handle).ok_or(OTHERWISE)?;
                if !good {
                    // What it holds now is not what passed.
                    (act.ended, act.written.content) = (Ended::Refused, None);
                }
            }
            (Asked::Act(act), Reply::Status { good }) => {
                self.over.push(act.ended(if good { Ended::Done } else { Ended::Refused }));
            }
            (Asked::Act(act), Reply::Told) if act.verb == Verb::Other => self.over.push(act.ended(Ended::Done)),
            (Asked::Read { .. }, Reply::Status { .. }) | (Asked::Nothing, Reply::Status { .. } | Reply::Told) => {}
            _ => return Err(OTHERWISE),
        }
        Ok(())
    }

    /// For the fuzzers.
    pub(crate) fn is_bounded(&self) -> bool {
        let bytes = self.client.waiting().max(self.machine.waiting());
        let named = self.asked.values().filter(|asked| asked.is_named()).count();
        bytes <= PACKET_BYTES_MAX + 4
            && self.asked.len() <= ASKED_MAX
            && named <= NAMED_MAX
            && self.open.len() <= OPEN_MAX
    }
}
