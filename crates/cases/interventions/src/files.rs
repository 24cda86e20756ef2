//! What is done to an equipment's files in a session, and how it is told.

use crate::words::words;
use serde::Serialize;

/// What a trace holds of a command, or of a file's name.
pub(crate) const CHARS_TRACED: usize = 1000;

words! {
    /// What was done.
    FileVerb {
        /// Content left the equipment.
        Read = "read",
        /// Opened to be written.
        Written = "written",
        /// A folder was looked into.
        Listed = "listed",
        /// A file was removed.
        Removed = "removed",
        /// A name became another.
        Renamed = "renamed",
        /// A folder was made.
        FolderMade = "folder_made",
        /// A folder was removed.
        FolderRemoved = "folder_removed",
        /// A link was made.
        Linked = "linked",
        /// Rights, owner, times or length were set.
        Changed = "changed",
        /// The equipment copied one file into another.
        Copied = "copied",
        /// Something that extends the protocol, named instead of a file.
        Other = "other",
    }
}

words! {
    /// How it ended.
    FileEnd {
        /// As it was asked.
        Done = "done",
        /// The equipment refused it, or a part of it.
        Refused = "refused",
        /// Nothing was answered before the channel ended.
        Unfinished = "unfinished",
    }
}

/// Something that was done to a file, over SFTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileAct {
    /// What.
    pub verb: FileVerb,
    /// Which file or folder, with what cannot be seen made visible.
    pub path: String,
    /// And which other.
    pub to: Option<String>,
    /// How it ended.
    pub end: FileEnd,
    /// Bytes towards the equipment.
    pub bytes_in: u64,
    /// Bytes from the equipment.
    pub bytes_out: u64,
    /// SHA-256 of what went in, hexadecimal, where it went from the first byte on without gap.
    pub sha256_in: Option<String>,
    /// The same of what came out.
    pub sha256_out: Option<String>,
}

impl FileAct {
    /// As its trace tells it: names come last, since they may hold anything.
    pub(crate) fn told(&self, channel: u32) -> String {
        let digest = |sha256: &Option<String>| sha256.clone().unwrap_or_else(|| "-".into());
        let to = self.to.as_deref().map(|to| format!(" -> {}", short(to))).unwrap_or_default();
        format!(
            "sftp {channel}: {} {}; in {} bytes sha256 {}; out {} bytes sha256 {}; {}{to}",
            self.verb,
            self.end,
            self.bytes_in,
            digest(&self.sha256_in),
            self.bytes_out,
            digest(&self.sha256_out),
            short(&self.path),
        )
    }
}

/// Whole, or its beginning with how long it is.
fn short(name: &str) -> String {
    match name.chars().count() {
        ..=CHARS_TRACED => name.to_owned(),
        chars => format!("{}… ({chars} characters)", name.chars().take(CHARS_TRACED).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_told_with_its_names_last() {
        let mut act = FileAct {
            verb: FileVerb::Written,
            path: "/firmware.bin".into(),
            to: None,
            end: FileEnd::Done,
            bytes_in: 3,
            bytes_out: 0,
            sha256_in: Some("ab".into()),
            sha256_out: None,
        };
        let told = "sftp 2: written done; in 3 bytes sha256 ab; out 0 bytes sha256 -; /firmware.bin";
        assert_eq!(act.told(2), told);
        act = FileAct { verb: FileVerb::Renamed, to: Some("/b".into()), ..act };
        assert!(act.told(2).ends_with("; /firmware.bin -> /b"));
        act.path = "é".repeat(4096);
        assert!(act.told(2).contains("é… (4096 characters) -> /b") && act.told(2).chars().count() < 1200);
    }
}
