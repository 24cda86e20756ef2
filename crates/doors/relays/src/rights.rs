//! Which right a request needs. Pure.

use interventions::Right;

/// What a client asks a channel to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// A login shell.
    Shell,
    /// A command.
    Command(Vec<u8>),
    /// Files over SFTP.
    Sftp,
    /// Another subsystem: never possible.
    Unknown,
}

/// Whether these rights allow it.
pub(crate) fn allows(rights: &[Right], start: &Start) -> bool {
    let has = |right: Right| rights.contains(&right);
    match start {
        Start::Shell => has(Right::Shell),
        Start::Command(command) => {
            has(Right::Exec)
                || match scp(command) {
                    Some(Scp::In) => has(Right::FilesIn),
                    Some(Scp::Out) => has(Right::FilesOut),
                    None => false,
                }
        }
        // SFTP goes both ways.
        Start::Sftp => has(Right::FilesIn) && has(Right::FilesOut),
        Start::Unknown => false,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Scp {
    In,
    Out,
}

/// The server's half of the old `scp`, and only that: a command in which a shell could find anything else is not.
fn scp(command: &[u8]) -> Option<Scp> {
    let text = std::str::from_utf8(command).ok()?;
    let plain = |c: char| c.is_alphanumeric() || " /._-+:,=@%~".contains(c);
    if !text.chars().all(plain) {
        return None;
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    if words.next() != Some("scp") {
        return None;
    }
    let mut way = None;
    for word in words.take_while(|word| *word != "--") {
        match word {
            "-t" if way.is_none() => way = Some(Scp::In),
            "-f" if way.is_none() => way = Some(Scp::Out),
            "-t" | "-f" => return None,
            "-v" | "-r" | "-p" | "-d" | "-q" => {}
            // A path; options may still follow it.
            _ if !word.starts_with('-') => {}
            _ => return None,
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_needs_its_right() {
        use Right::{Exec, FilesIn, FilesOut, Shell};
        let command = |text: &str| Start::Command(text.as_bytes().to_vec());
        for (rights, start, allowed) in [
            (&[Shell][..], Start::Shell, true),
            (&[Exec, FilesIn, FilesOut], Start::Shell, false),
            (&[Shell, FilesIn, FilesOut], command("reboot"), false),
            (&[Exec], command("cat > f"), true),
            (&[FilesIn], command("scp -t /tmp"), true),
            (&[FilesIn], command("scp -r -p -t -- /tmp/a"), true),
            (&[FilesIn], command("scp -f /tmp"), false),
            (&[FilesOut], command("scp -v -f /tmp"), true),
            (&[FilesIn], command("scp -t /tmp -f /etc"), false),
            (&[FilesIn], command("scp -t /tmp; reboot"), false),
            (&[FilesIn], command("scp -t $(reboot)"), false),
            (&[FilesIn], command("scp -t /tmp\nreboot"), false),
            (&[FilesIn], command("scp -S /tmp/evil -t /tmp"), false),
            (&[FilesIn], command("scpx -t /tmp"), false),
            (&[FilesIn], Start::Sftp, false),
            (&[FilesIn, FilesOut], Start::Sftp, true),
            (Right::ALL, Start::Unknown, false),
        ] {
            assert_eq!(allows(rights, &start), allowed, "{rights:?} {start:?}");
        }
    }
}
