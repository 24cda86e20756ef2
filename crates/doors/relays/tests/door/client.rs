//! OpenSSH's clients, as a technician runs them.

use crate::{house::CODE, site::Site};
use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::timeout,
};

/// What a client at most has.
const CLIENT_MAX: Duration = Duration::from_secs(60);

pub struct Client {
    command: Command,
    destination: Option<String>,
}

/// What a client said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub status: ExitStatus,
    pub out: Vec<u8>,
    pub err: String,
}

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Client {
    pub fn ssh(site: &Site, user: &str) -> Self {
        Self::ssh_with(site, user, "technician")
    }

    /// With another key than the technician's.
    pub fn ssh_with(site: &Site, user: &str, key: &str) -> Self {
        let mut client = Self::program(site, "ssh", key);
        client.command.args(["-p", &site.port.to_string()]);
        client.destination = Some(format!("{user}@127.0.0.1"));
        client
    }

    /// `scp` or `sftp`: what follows is the caller's.
    pub fn transfer(site: &Site, program: &str) -> Self {
        let mut client = Self::program(site, program, "technician");
        client.command.args(["-P", &site.port.to_string()]);
        client
    }

    fn program(site: &Site, program: &str, key: &str) -> Self {
        let mut command = Command::new(program);
        command.args(["-F", "none", "-i", &site.place(key)]);
        for option in
            [&format!("UserKnownHostsFile={}", site.place("known")), "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
        {
            command.args(["-o", option]);
        }
        command.env("SSH_ASKPASS", site.path("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
        command.env("ASKED", site.path("asked")).env("CODE", CODE).env_remove("SSH_AUTH_SOCK");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { command, destination: None }
    }

    pub fn option(mut self, option: &str) -> Self {
        self.command.args(["-o", option]);
        self
    }

    pub fn flag(mut self, flag: &str) -> Self {
        self.command.arg(flag);
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<PathBuf>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Starts; `words` follow the destination.
    pub fn start(mut self, words: &[&str]) -> Running {
        // What is said first holds: last, unless a test said otherwise.
        self.command.args(["-o", "NumberOfPasswordPrompts=1"]).args(self.destination).args(words);
        Running { child: self.command.spawn().unwrap() }
    }

    /// Runs to the end with nothing on the input.
    pub async fn run(self, words: &[&str]) -> Said {
        self.start(words).given(b"").await
    }
}

pub struct Running {
    pub child: Child,
}

impl Running {
    /// Writes the input, closes it, waits for the end.
    pub async fn given(mut self, input: &[u8]) -> Said {
        let mut stdin = self.child.stdin.take().unwrap();
        let input = input.to_vec();
        let writing = tokio::spawn(async move {
            let _ = stdin.write_all(&input).await;
        });
        let said = self.end().await;
        writing.abort();
        said
    }

    /// Waits for the end.
    pub async fn end(self) -> Said {
        let output = timeout(CLIENT_MAX, self.child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("a client does not end")).unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Said { status: output.status, out: output.stdout, err }
    }
}
