//! The packets, as far as they name files or carry what is in them. Versions 3 to 6 begin alike: what follows the fields read
//! here differs and is not read.

use super::Lost;

/// A packet at most, without its length: twice what OpenSSH gives or takes.
pub const PACKET_BYTES_MAX: usize = 512 * 1024;
/// A name at most.
pub const PATH_BYTES_MAX: usize = 4096;
/// A handle at most, as the protocol bounds it.
const HANDLE_BYTES_MAX: usize = 256;
const LENGTH_BYTES: usize = 4;

/// Cuts one direction's bytes into packets.
#[derive(Default)]
pub(super) struct Frames {
    /// A packet that has begun, with its length.
    partial: Vec<u8>,
}

impl Frames {
    /// Gives each packet that is whole by now.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Lost>,
    ) -> Result<(), Lost> {
        while !bytes.is_empty() {
            let wanted = wanted(&self.partial)?;
            let more = wanted.saturating_sub(self.partial.len()).min(bytes.len());
            let (now, rest) = bytes.split_at(more);
            bytes = rest;
            self.partial.extend_from_slice(now);
            if wanted > LENGTH_BYTES && self.partial.len() == wanted {
                let mut packet = std::mem::take(&mut self.partial);
                each(packet.split_at(LENGTH_BYTES).1)?;
                packet.clear();
                self.partial = packet;
            }
        }
        wanted(&self.partial).map(drop)
    }

    pub(super) fn waiting(&self) -> usize {
        self.partial.len()
    }
}

/// How long what has begun must be before it can be looked at.
fn wanted(partial: &[u8]) -> Result<usize, Lost> {
    let Some((length, _)) = partial.split_first_chunk() else { return Ok(LENGTH_BYTES) };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if (1..=PACKET_BYTES_MAX).contains(&length) { Ok(LENGTH_BYTES + length) } else { Err(Lost("a packet's length")) }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Result<u32, Lost> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Lost("a packet that ends too early"))?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn long(&mut self) -> Result<u64, Lost> {
        Ok(u64::from(self.number()?) << 32 | u64::from(self.number()?))
    }

    fn string(&mut self, max: usize) -> Result<&'a [u8], Lost> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let (string, rest) = self.0.split_at_checked(length).ok_or(Lost("a packet that ends too early"))?;
        self.0 = rest;
        if length > max { Err(Lost("a name or a handle that is too long")) } else { Ok(string) }
    }

    fn path(&mut self) -> Result<String, Lost> {
        Ok(readable(self.string(PATH_BYTES_MAX)?))
    }

    fn handle(&mut self) -> Result<&'a [u8], Lost> {
        self.string(HANDLE_BYTES_MAX)
    }
}

/// A name as text: what is not UTF-8 in it byte by byte.
fn readable(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// What is done to a name, or to two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A file's content left.
    Read,
    /// A file was opened to be written.
    Written,
    /// What is in a folder was asked for.
    Listed,
    /// A file was removed.
    Removed,
    /// A name became another.
    Renamed,
    /// A folder was made.
    FolderMade,
    /// A folder was removed.
    FolderRemoved,
    /// A link was made.
    Linked,
    /// Rights, owner, times or length were set.
    Changed,
    /// The machine copied one file's content into another.
    Copied,
    /// Something that extends the protocol; its name stands for a path.
    Other,
}

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    Open {
        path: String,
        verb: Verb,
    },
    Close(&'a [u8]),
    Read {
        handle: &'a [u8],
        offset: u64,
    },
    Write {
        handle: &'a [u8],
        offset: u64,
        data: &'a [u8],
    },
    /// Of names.
    Act {
        verb: Verb,
        path: String,
        to: Option<String>,
    },
    /// Of what is open.
    Set(&'a [u8]),
    Copy {
        from: &'a [u8],
        to: &'a [u8],
    },
    /// Of what is open; changes nothing and shows no content.
    Look(&'a [u8]),
    /// Changes nothing and shows no content.
    Nothing,
}

/// A packet of the client's: its number and what it asks; none for the first one.
pub(super) fn request(packet: &[u8]) -> Result<Option<(u32, Request<'_>)>, Lost> {
    let (kind, rest) = packet.split_first().ok_or(Lost("a packet's length"))?;
    let mut fields = Fields(rest);
    let id = fields.number()?;
    let act = |verb, path| Request::Act { verb, path, to: None };
    let request = match kind {
        1 => return Ok(None),
        3 => {
            let path = fields.path()?;
            // To write, to append; to create, to truncate. Version 5 names rights here, whose lowest bits are the same.
            let verb = if fields.number()? & 0x1e == 0 { Verb::Read } else { Verb::Written };
            Request::Open { path, verb }
        }
        4 => Request::Close(fields.handle()?),
        5 => Request::Read { handle: fields.handle()?, offset: fields.long()? },
        6 => {
            Request::Write { handle: fields.handle()?, offset: fields.long()?, data: fields.string(PACKET_BYTES_MAX)? }
        }
        7 | 16 | 17 | 19 => Request::Nothing,
        8 | 12 | 22 | 23 => Request::Look(fields.handle()?),
        9 => act(Verb::Changed, fields.path()?),
        10 => Request::Set(fields.handle()?),
        11 => Request::Open { path: fields.path()?, verb: Verb::Listed },
        13 => act(Verb::Removed, fields.path()?),
        14 => act(Verb::FolderMade, fields.path()?),
        15 => act(Verb::FolderRemoved, fields.path()?),
        18 => two(Verb::Renamed, &mut fields)?,
        20 | 21 => two(Verb::Linked, &mut fields)?,
        200 => extended(&mut fields)?,
        _ => return Err(Lost("a request of an unknown kind")),
    };
    Ok(Some((id, request)))
}

fn two<'a>(verb: Verb, fields: &mut Fields<'a>) -> Result<Request<'a>, Lost> {
    Ok(Request::Act { verb, path: fields.path()?, to: Some(fields.path()?) })
}

fn extended<'a>(fields: &mut Fields<'a>) -> Result<Request<'a>, Lost> {
    let name = fields.path()?;
    Ok(match name.as_str() {
        "posix-rename@openssh.com" => two(Verb::Renamed, fields)?,
        "hardlink@openssh.com" => two(Verb::Linked, fields)?,
        "copy-file" => two(Verb::Copied, fields)?,
        "lsetstat@openssh.com" => Request::Act { verb: Verb::Changed, path: fields.path()?, to: None },
        "copy-data" => {
            let (from, _, _) = (fields.handle()?, fields.long()?, fields.long()?);
            Request::Copy { from, to: fields.handle()? }
        }
        "fsync@openssh.com" | "fstatvfs@openssh.com" | "text-seek" => Request::Look(fields.handle()?),
        "statvfs@openssh.com"
        | "limits@openssh.com"
        | "expand-path@openssh.com"
        | "users-groups-by-id@openssh.com"
        | "home-directory"
        | "space-available"
        | "version-select" => Request::Nothing,
        _ => Request::Act { verb: Verb::Other, path: name, to: None },
    })
}

/// What a machine answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    Status {
        good: bool,
    },
    Handle(&'a [u8]),
    Data(&'a [u8]),
    /// Names, attributes, what an extension gives.
    Told,
}

/// A packet of the machine's: which request it answers, and how; none for the first one.
pub(super) fn reply(packet: &[u8]) -> Result<Option<(u32, Reply<'_>)>, Lost> {
    let (kind, rest) = packet.split_first().ok_or(Lost("a packet's length"))?;
    let mut fields = Fields(rest);
    let id = fields.number()?;
    let reply = match kind {
        2 => return Ok(None),
        101 => Reply::Status { good: fields.number()? == 0 },
        102 => Reply::Handle(fields.handle()?),
        103 => Reply::Data(fields.string(PACKET_BYTES_MAX)?),
        104 | 105 | 201 => Reply::Told,
        _ => return Err(Lost("an answer of an unknown kind")),
    };
    Ok(Some((id, reply)))
}
