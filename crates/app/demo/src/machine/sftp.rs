//! File transfer on the machine's files.

use super::files::{Files, plain};
use russh_sftp::protocol::{Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version};
use std::collections::HashMap;

/// Bytes given at once.
const READ_MAX: u32 = 256 * 1024;
/// Open at once.
const HANDLES_MAX: usize = 64;

/// One transfer session.
pub struct Transfers {
    files: Files,
    open: HashMap<String, Opened>,
    next: u64,
}

enum Opened {
    File(String),
    Folder { given: bool },
}

impl Transfers {
    /// On these files.
    pub fn new(files: Files) -> Self {
        Self { files, open: HashMap::new(), next: 0 }
    }

    fn keep(&mut self, id: u32, opened: Opened) -> Result<Handle, StatusCode> {
        if self.open.len() >= HANDLES_MAX {
            return Err(StatusCode::Failure);
        }
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), opened);
        Ok(Handle { id, handle })
    }

    fn file(&self, handle: &str) -> Result<&str, StatusCode> {
        match self.open.get(handle) {
            Some(Opened::File(name)) => Ok(name),
            _ => Err(StatusCode::Failure),
        }
    }

    fn attributes(&self, path: &str) -> Result<FileAttributes, StatusCode> {
        let mut attributes = FileAttributes::empty();
        if is_folder(path) {
            attributes.permissions = Some(0o040_755);
            return Ok(attributes);
        }
        attributes.size = Some(self.files.length(path).ok_or(StatusCode::NoSuchFile)?);
        attributes.permissions = Some(0o100_644);
        Ok(attributes)
    }
}

fn is_folder(path: &str) -> bool {
    matches!(path, "" | "." | "/" | "./") || path.ends_with('/')
}

fn ok(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Ok".into(), language_tag: "en".into() }
}

impl russh_sftp::server::Handler for Transfers {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _version: u32, _extensions: HashMap<String, String>) -> Result<Version, StatusCode> {
        Ok(Version::new())
    }

    async fn open(&mut self, id: u32, name: String, flags: OpenFlags, _: FileAttributes) -> Result<Handle, StatusCode> {
        let there = self.files.length(&name).is_some();
        if flags.contains(OpenFlags::CREATE) && (!there || flags.contains(OpenFlags::TRUNCATE)) {
            self.files.truncate(&name).map_err(|_| StatusCode::Failure)?;
        } else if !there {
            return Err(StatusCode::NoSuchFile);
        }
        self.keep(id, Opened::File(plain(&name).to_owned()))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        self.open.remove(&handle).map(|_| ok(id)).ok_or(StatusCode::Failure)
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, length: u32) -> Result<Data, StatusCode> {
        let name = self.file(&handle)?;
        let part = self.files.part(name, offset, length.min(READ_MAX) as usize).ok_or(StatusCode::NoSuchFile)?;
        if part.is_empty() { Err(StatusCode::Eof) } else { Ok(Data { id, data: part }) }
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Result<Status, StatusCode> {
        let name = self.file(&handle)?;
        self.files.write(name, offset, &data).map_err(|_| StatusCode::Failure)?;
        Ok(ok(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: self.attributes(&path)? })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: self.attributes(&path)? })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        let name = self.file(&handle)?;
        Ok(Attrs { id, attrs: self.attributes(name)? })
    }

    async fn setstat(&mut self, id: u32, _path: String, _attrs: FileAttributes) -> Result<Status, StatusCode> {
        Ok(ok(id))
    }

    async fn fsetstat(&mut self, id: u32, _handle: String, _attrs: FileAttributes) -> Result<Status, StatusCode> {
        Ok(ok(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        if !is_folder(&path) {
            return Err(StatusCode::NoSuchFile);
        }
        self.keep(id, Opened::Folder { given: false })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        match self.open.get_mut(&handle) {
            Some(Opened::Folder { given }) if !*given => *given = true,
            Some(Opened::Folder { .. }) => return Err(StatusCode::Eof),
            _ => return Err(StatusCode::Failure),
        }
        let listed = self.files.list().into_iter().filter_map(|(name, _)| {
            let attributes = self.attributes(&name).ok()?;
            Some(File::new(name, attributes))
        });
        Ok(Name { id, files: listed.collect() })
    }

    async fn remove(&mut self, id: u32, name: String) -> Result<Status, StatusCode> {
        if self.files.remove(&name) { Ok(ok(id)) } else { Err(StatusCode::NoSuchFile) }
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let path = if is_folder(&path) { "/".to_owned() } else { format!("/{}", plain(&path)) };
        Ok(Name { id, files: vec![File::dummy(path)] })
    }
}
