//! What a client asks a channel to be, before the first byte.

use crate::{channel::Near, rights::Start};
use russh::{ChannelMsg, Pty};

/// Variables of the environment that a client may send along.
const ENV_MAX: usize = 16;
/// The longest of their values.
const ENV_BYTES_MAX: usize = 128;
/// The longest command.
const COMMAND_BYTES_MAX: usize = 128 * 1024;

/// A terminal, as the client describes it.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    pub(crate) term: String,
    pub(crate) cols: u32,
    pub(crate) rows: u32,
    pub(crate) pixels: (u32, u32),
    pub(crate) modes: Vec<(Pty, u32)>,
}

impl Terminal {
    pub(crate) fn size(&self) -> (u16, u16) {
        size(self.cols, self.rows)
    }

    /// The client's window changed before the terminal was opened on the machine.
    pub(crate) fn resize(&mut self, cells: (u32, u32), pixels: (u32, u32)) {
        ((self.cols, self.rows), self.pixels) = (cells, pixels);
    }
}

/// A size that a screen can have: the usual one where a client does not say (RFC 4254, 6.2).
pub(crate) fn size(cols: u32, rows: u32) -> (u16, u16) {
    let within = |n: u32, usual: u16, max: u16| if n == 0 { usual } else { u16::try_from(n).unwrap_or(max).min(max) };
    (within(cols, 80, wire::COLS_MAX), within(rows, 24, wire::ROWS_MAX))
}

/// What a client asked a channel to be, before the first byte.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) terminal: Option<Terminal>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) start: Start,
    /// Bytes that came with the choice in the menu, after it.
    pub(crate) typed: Vec<u8>,
}

/// Only these say how text is to be shown; the others could change what programs do.
pub(crate) fn may_set(name: &str) -> bool {
    matches!(name, "LANG" | "LANGUAGE" | "TERM" | "COLORTERM") || name.strip_prefix("LC_").is_some_and(is_plain)
}

fn is_plain(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Reads what is asked for; nothing if the client leaves, or writes before it asks.
pub(crate) async fn asked(near: &mut Near) -> Option<Asked> {
    let (mut terminal, mut env) = (None, Vec::new());
    loop {
        let start = match near.next().await? {
            ChannelMsg::RequestPty {
                term,
                col_width: cols,
                row_height: rows,
                pix_width,
                pix_height,
                terminal_modes: modes,
                ..
            } => {
                let term = term.chars().filter(char::is_ascii_graphic).take(64).collect();
                terminal = Some(Terminal { term, cols, rows, pixels: (pix_width, pix_height), modes });
                continue;
            }
            ChannelMsg::WindowChange { col_width, row_height, pix_width, pix_height } => {
                if let Some(terminal) = &mut terminal {
                    terminal.resize((col_width, row_height), (pix_width, pix_height));
                }
                continue;
            }
            ChannelMsg::SetEnv { variable_name: name, variable_value: value, .. } => {
                if may_set(&name) && value.len() <= ENV_BYTES_MAX && env.len() < ENV_MAX {
                    env.push((name, value));
                }
                continue;
            }
            ChannelMsg::RequestShell { .. } => Start::Shell,
            ChannelMsg::Exec { command, .. } if command.len() <= COMMAND_BYTES_MAX => Start::Command(command),
            ChannelMsg::RequestSubsystem { name, .. } if name == "sftp" => Start::Sftp,
            ChannelMsg::Exec { .. } | ChannelMsg::RequestSubsystem { .. } => Start::Unknown,
            ChannelMsg::Data { .. } | ChannelMsg::ExtendedData { .. } | ChannelMsg::Eof | ChannelMsg::Close => {
                return None;
            }
            _ => continue,
        };
        return Some(Asked { terminal, env, start, typed: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shows_text_is_taken_from_the_environment() {
        for name in ["LANG", "LC_ALL", "LC_CTYPE", "TERM", "LANGUAGE", "COLORTERM"] {
            assert!(may_set(name), "{name}");
        }
        for name in ["LD_PRELOAD", "PATH", "LC_x", "LC_A=B", "BASH_ENV", "LANGX", "", "GIT_SSH", "IFS"] {
            assert!(!may_set(name), "{name}");
        }
    }

    #[test]
    fn sizes_are_brought_within_what_a_screen_can_be() {
        assert_eq!(size(80, 24), (80, 24));
        assert_eq!(size(0, 0), (80, 24));
        assert_eq!(size(1, 1), (1, 1));
        assert_eq!(size(u32::MAX, 70_000), (wire::COLS_MAX, wire::ROWS_MAX));
    }
}
