//! A machine, a door before it, and the technician's folder.

use crate::{
    client::Client,
    house::{Now, Opens, TARGET, TestHouse, equipment},
    machine::{Machine, draw_key, public_line},
};
use data_encoding::BASE64;
use interventions::{LiveSessions, WarrantedEquipment};
use relays::{Relay, RelayLimits, RelaySettings, Stopped, host_key_line, new_host_key};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub struct Site {
    pub folder: tempfile::TempDir,
    pub machine: Machine,
    pub house: TestHouse,
    pub port: u16,
    pub sessions: Arc<dyn LiveSessions>,
    pub stop: CancellationToken,
    running: Option<JoinHandle<Stopped>>,
}

/// Bounds that tests wait for without patience.
pub fn limits() -> RelayLimits {
    RelayLimits { refusal_takes: Duration::from_millis(100), ..RelayLimits::default() }
}

pub fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

impl Site {
    pub async fn open() -> Self {
        Self::with(limits(), |_| {}).await
    }

    /// With other bounds, and another equipment than the machine says it is.
    pub async fn with(limits: RelayLimits, change: impl FnOnce(&mut WarrantedEquipment)) -> Self {
        Self::behind(limits, change, None).await
    }

    /// Behind a proxy at this address, if there is one, who alone comes to the door.
    pub async fn behind(
        limits: RelayLimits,
        change: impl FnOnce(&mut WarrantedEquipment),
        proxy: Option<&str>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::start(folder.path(), "ed25519");
        let mut equipment = equipment(machine.port, &machine.host_key, &machine.account);
        change(&mut equipment);
        let opens = Opens::Key(fs::read_to_string(folder.path().join("machine-key")).unwrap());
        draw_key(&folder.path().join("technician"), "ed25519");
        draw_key(&folder.path().join("stranger"), "ed25519");
        let blob = public_line(&folder.path().join("technician"));
        let blob = BASE64.decode(blob.split(' ').nth(1).unwrap().as_bytes()).unwrap();
        let house = TestHouse::new(blob, equipment, opens);
        let host_key = new_host_key().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let known = format!("[127.0.0.1]:{port} {}\n", host_key_line(&host_key).unwrap());
        fs::write(folder.path().join("known"), known).unwrap();
        script(&folder.path().join("askpass"), "#!/bin/sh\necho asked >> \"$ASKED\"\necho \"$CODE\"\n");
        let settings = RelaySettings { host_keys: vec![host_key], banner: None, limits, clock: Arc::new(Now) };
        let relay = Relay::new(settings, house.clone()).unwrap();
        let relay = match proxy {
            Some(proxy) => relay.behind(vec![proxy.parse().unwrap()]),
            None => relay,
        };
        let sessions = relay.sessions();
        let stop = CancellationToken::new();
        let running = tokio::spawn(relay.run(listener, stop.clone(), Duration::from_secs(2)));
        Self { folder, machine, house, port, sessions, stop, running: Some(running) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file's place, as a shell is told it.
    pub fn place(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `ssh` as the technician, on the target; his code is right.
    pub fn ssh(&self) -> Client {
        Client::ssh(self, &format!("{}%{TARGET}", crate::house::LOGIN))
    }

    /// How often a code was asked for.
    pub fn asked(&self) -> usize {
        fs::read_to_string(self.path("asked")).unwrap_or_default().lines().count()
    }

    /// Stops the door as a node does.
    pub async fn stopped(&mut self) -> Stopped {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}
