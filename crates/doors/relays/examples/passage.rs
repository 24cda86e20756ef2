//! The relay alone, before one machine, for measures: the protocol, the counting and the digests, with a house that grants
//! everything and writes nothing. Never for anything else.
//!
//! `passage TECHNICIAN.pub HOST PORT "HOST KEY" ACCOUNT ACCOUNT_KEY` prints one line of JSON, `{"port","host_key"}`, and
//! serves `bench%machine` until its input ends.
#![allow(clippy::print_stdout)]

use interventions::{
    ChannelSummary, Ending, EquipmentSecret, FileAct, GateRefused, LeaseView, Offer, Protocol, RecorderFault, Right,
    WarrantedEquipment,
};
use relays::{
    Granted, Hold, House, Relay, RelayLimits, RelaySettings, SessionRecorder, TerminalRecording, host_key_line,
    new_host_key,
};
use signin::SshRefused;
use std::{
    error::Error,
    fs,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use types::{ClientAddress, Clock, EquipmentId, InterventionId, RelayId, Secret, Time};

struct Now;

impl Clock for Now {
    fn now(&self) -> Time {
        let span = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Time::from_micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
    }
}

struct Open {
    technician: String,
    equipment: WarrantedEquipment,
    secret: String,
    lease: watch::Receiver<LeaseView>,
    fault: watch::Receiver<Option<RecorderFault>>,
}

impl House for Open {
    type Seen = ();
    type Recorder = Blank;

    async fn identify(&self, _: &str, key: &[u8], _: ClientAddress) -> Result<(), SshRefused> {
        let known = self.technician == data_encoding::BASE64.encode(key);
        known.then_some(()).ok_or(SshRefused::Refused)
    }

    async fn code(&self, (): &(), _: &str) -> Result<(), SshRefused> {
        Err(SshRefused::Refused)
    }

    async fn find(&self, (): &(), _: &str) -> Option<InterventionId> {
        Some(InterventionId::from_bytes([1; 16]))
    }

    async fn offers(&self, (): &()) -> Vec<Offer> {
        Vec::new()
    }

    fn is_open(&self, (): &(), _: InterventionId) -> bool {
        true
    }

    async fn open_key(&self, (): &(), _: InterventionId) -> Result<(), SshRefused> {
        Ok(())
    }

    fn touch(&self, (): &(), _: InterventionId) {}

    async fn open_session(&self, (): &(), _: &str) -> Result<Granted<Blank>, GateRefused> {
        let mut relay = [0; 16];
        aws_lc_rs::rand::fill(&mut relay).map_err(|_| GateRefused::Unavailable)?;
        Ok(Granted {
            relay: RelayId::from_bytes(relay),
            intervention: InterventionId::from_bytes([1; 16]),
            hold: Hold::of_view(self.lease.clone()),
            equipment: self.equipment.clone(),
            rights: Right::ALL.to_vec(),
            secret: EquipmentSecret::PrivateKey(Secret::new(self.secret.clone())),
            recorder: Blank(self.fault.clone()),
        })
    }

    async fn close_session(&self, _: RelayId, _: Ending) {}

    async fn alarm(&self, _: RelayId, _: &str) {}

    async fn command(&self, _: RelayId, _: &ChannelSummary) {}

    async fn file(&self, _: RelayId, _: u32, _: &FileAct) {}
}

struct Blank(watch::Receiver<Option<RecorderFault>>);

impl SessionRecorder for Blank {
    type Recording = Blank;

    async fn terminal(&self, _: u32, _: (u16, u16), _: &str) -> Result<Blank, RecorderFault> {
        Ok(Blank(self.0.clone()))
    }

    fn set_hold(&self, _: bool) {}

    fn fault(&self) -> watch::Receiver<Option<RecorderFault>> {
        self.0.clone()
    }
}

impl TerminalRecording for Blank {
    async fn output(&self, _: &[u8]) -> Result<(), RecorderFault> {
        Ok(())
    }

    async fn resize(&self, _: u16, _: u16) -> Result<(), RecorderFault> {
        Ok(())
    }

    async fn marker(&self, _: &str) -> Result<(), RecorderFault> {
        Ok(())
    }

    async fn finish(self, _: Option<i32>) -> Result<(), RecorderFault> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [technician, host, port, host_key, account, account_key] =
        <[String; 6]>::try_from(words).map_err(|_| "TECHNICIAN.pub HOST PORT \"HOST KEY\" ACCOUNT ACCOUNT_KEY")?;
    let technician = fs::read_to_string(technician)?;
    let technician = technician.split_whitespace().nth(1).ok_or("no public key")?.to_owned();
    let (_lease, lease) = watch::channel(LeaseView::new(Now.now() + Duration::from_secs(86_400), None));
    let (_fault, fault) = watch::channel(None);
    let equipment = WarrantedEquipment {
        id: EquipmentId::from_bytes([1; 16]),
        version: 1,
        name: "machine".into(),
        protocol: Protocol::Ssh,
        host,
        port: port.parse()?,
        host_key,
        account,
    };
    let house = Open { technician, equipment, secret: fs::read_to_string(account_key)?, lease, fault };
    let key = new_host_key()?;
    let line = host_key_line(&key)?;
    let settings =
        RelaySettings { host_keys: vec![key], banner: None, limits: RelayLimits::default(), clock: Arc::new(Now) };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "port": listener.local_addr()?.port(), "host_key": line }));
    let stop = CancellationToken::new();
    let running = tokio::spawn(Relay::new(settings, house)?.run(listener, stop.clone(), Duration::from_secs(1)));
    // The input is read where waiting is allowed.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    stop.cancel();
    running.await?;
    Ok(())
}
