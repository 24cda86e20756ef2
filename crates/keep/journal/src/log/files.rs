//! Where a log is read from: its folder, or an archive of it.

use super::{Bad, disk, open::is_in_use, segment, tiles::FOLDER};
use std::{fs, path::Path};

/// The files of one log, read only.
pub(crate) trait Files: Sync {
    /// Whether there is a log at all; otherwise what is there instead.
    fn found(&self) -> Result<(), Bad>;

    /// Reads a whole file of at most `bytes_max`, or says in plain words why not.
    fn load(&self, relative: &str, bytes_max: u64) -> Result<Vec<u8>, Bad>;

    /// Whether something has this name.
    fn has(&self, relative: &str) -> bool;

    /// The first indices of the segments, in order.
    fn segments(&self) -> Result<Vec<u64>, Bad>;

    /// That every name is a known one.
    fn names(&self, is_known: &dyn Fn(&str) -> bool) -> Result<(), Bad>;

    /// Whether a process may be replacing files meanwhile.
    fn is_moving(&self) -> bool;
}

impl Files for Path {
    fn found(&self) -> Result<(), Bad> {
        if self.is_dir() { Ok(()) } else { Err(Bad::new(".", "is not a folder")) }
    }

    fn load(&self, relative: &str, bytes_max: u64) -> Result<Vec<u8>, Bad> {
        disk::load(self, relative, bytes_max)
    }

    fn has(&self, relative: &str) -> bool {
        fs::symlink_metadata(self.join(relative)).is_ok()
    }

    fn segments(&self) -> Result<Vec<u64>, Bad> {
        let unreadable = |error: std::io::Error| Bad::new(".", format!("cannot be read ({error})"));
        let mut found = Vec::new();
        for item in fs::read_dir(self).map_err(unreadable)? {
            let name = item.map_err(unreadable)?.file_name();
            found.extend(name.to_str().and_then(segment::parse_name));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn names(&self, is_known: &dyn Fn(&str) -> bool) -> Result<(), Bad> {
        let mut folders = vec![String::new()];
        while let Some(relative) = folders.pop() {
            let shown = if relative.is_empty() { ".".to_owned() } else { relative.clone() };
            let unreadable = |error: std::io::Error| Bad::new(&shown, format!("cannot be read ({error})"));
            let mut empty = true;
            for item in fs::read_dir(self.join(&relative)).map_err(unreadable)? {
                let item = item.map_err(unreadable)?;
                empty = false;
                let name = item.file_name();
                let name = name.to_string_lossy();
                let path = if relative.is_empty() { name.into_owned() } else { format!("{relative}/{name}") };
                let kind = item.file_type().map_err(unreadable)?;
                if kind.is_dir() && (path == FOLDER || path.starts_with("tile/")) {
                    folders.push(path);
                } else if !kind.is_file() || !is_known(&path) {
                    let what = "is no part of the log (added, or left by an interruption, which the next start clears)";
                    return Err(Bad::new(path, what));
                }
            }
            if empty {
                return Err(Bad::new(relative, "is an empty folder, no part of the log"));
            }
        }
        Ok(())
    }

    fn is_moving(&self) -> bool {
        is_in_use(self)
    }
}
