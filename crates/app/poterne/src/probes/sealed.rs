//! What a node keeps on its disk says nothing without keys, and cannot be changed unseen (acces-web DT4, and DT5 for
//! traces).

use super::{
    Fault,
    accesses::signed_in,
    codes::Reserved,
    no_door,
    traces::{BETWEEN_LOOKS, Journaled, LOOKS_MAX},
    unaltered::altered,
    verdict,
    visits::{Visit, Visits},
};
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use types::{AccountId, Door, Event, PatientId};

/// What is read of a file, at its end: the newest of what it holds.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// And of all files, the newest first.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Names looked at in a folder and below.
const NAMES_MAX: usize = 100_000;
/// A segment that serves again is written with zeros while it bears the spare's name already.
const SPARE_TRIES_MAX: u32 = 10;
const SPARE_AGAIN: Duration = Duration::from_millis(100);
/// A spare segment's own header.
const SPARE_HEADER_BYTES: usize = 64;
/// Longer than any spare.
const SPARE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How a password's hash begins, in clear.
const HASH: &[u8] = b"$argon2id$";

/// Where a node keeps what it keeps.
pub struct Kept {
    /// Its data folder.
    pub data: PathBuf,
    /// Its journal's name.
    pub origin: String,
    /// Its database, where that is a file.
    pub database: Option<PathBuf>,
    /// How the reserved accounts are called on pages.
    pub name: &'static str,
    /// What opens them: their passwords, their second factors.
    pub credentials: Vec<Reserved>,
}

/// Visits, then looks for what it left in the raw files.
pub struct SealedProbe {
    info: &'static ProbeInfo,
    kept: Arc<Kept>,
    door: Option<Arc<Visits>>,
    journal: Arc<dyn Journaled>,
    other: Option<PatientId>,
}

/// Files, and what was read of their ends.
type Ends = Vec<(PathBuf, Vec<u8>)>;

/// What must not stand anywhere, and what it is.
struct Secret {
    what: &'static str,
    bytes: Vec<u8>,
    /// Whether databases are to be without it too: accounts and patients have their random identifiers there, suppliers
    /// their names.
    everywhere: bool,
}

impl SealedProbe {
    /// Over what a node keeps, one of its doors, and its journal; `other` is a patient whose record is asked for.
    pub fn new(
        info: &'static ProbeInfo,
        kept: Arc<Kept>,
        door: Option<Arc<Visits>>,
        journal: Arc<dyn Journaled>,
        other: Option<PatientId>,
    ) -> Self {
        Self { info, kept, door, journal, other }
    }

    async fn look(&self, door: &Visits) -> Result<String, Fault> {
        let Visit { cookie, signed_in: moments, .. } = door.visit().await?;
        let mut pages = vec!["/fr/".to_owned()];
        pages.extend(self.other.map(|patient| format!("/fr/records/{patient}")));
        for page in pages {
            door.browser.get(&page, Some(&cookie)).await.map_err(Fault::unreachable)?;
        }
        let mut found = Err(Fault::unreachable("nothing is traced"));
        for _ in 0..LOOKS_MAX {
            let traces = self.journal.between(moments.0, door.now(), |event| event == Event::SignIn).await?;
            let of = signed_in(&traces, door.door(), moments);
            found = of.map(|trace| (trace.trace, trace.target.clone().unwrap_or_default()));
            if found.is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let (act, account) = found?;
        let secrets = self.secrets(door, account.trim_start_matches("account:"));
        let kept = self.kept.clone();
        let looked = tokio::task::spawn_blocking(move || kept.look(&secrets, act.as_bytes())).await;
        looked.map_err(Fault::unreachable)?
    }

    fn secrets(&self, door: &Visits, account: &str) -> Vec<Secret> {
        let secret = |what, bytes: &[u8], everywhere| Secret { what, bytes: bytes.to_vec(), everywhere };
        let address = door.browser.target().address.ip().to_string();
        let mut secrets = vec![
            secret("an account's login", door.reserved().login.as_bytes(), true),
            secret("an account's name", self.kept.name.as_bytes(), false),
            secret("an account's identifier", account.as_bytes(), false),
            secret("the address of a visit", address.as_bytes(), false),
        ];
        for one in &self.kept.credentials {
            secrets.push(secret("a password", one.password.expose().as_bytes(), true));
            secrets.push(secret("a second factor", one.totp.expose(), true));
            secrets.push(secret("a second factor", BASE32_NOPAD.encode(one.totp.expose()).as_bytes(), true));
        }
        if let Ok(account) = account.parse::<AccountId>() {
            secrets.push(secret("an account's identifier", account.as_bytes(), false));
        }
        if let Some(patient) = self.other {
            secrets.push(secret("a patient's identifier", patient.to_string().as_bytes(), false));
            secrets.push(secret("a patient's identifier", patient.as_bytes(), false));
        }
        secrets
    }
}

impl Probe for SealedProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let Some(door) = &self.door else { return no_door() };
            let seen: Vec<(Door, _)> = vec![(door.door(), self.look(door).await)];
            verdict(seen)
        })
    }
}

impl Kept {
    /// Whether none of these passwords stands in what the node keeps, in any usual writing, nor any hash of one: those are
    /// sealed.
    pub fn holds_none(&self, passwords: &[String]) -> Result<(), Fault> {
        let mut secrets = vec![Secret { what: "the hash of a password", bytes: HASH.to_vec(), everywhere: true }];
        for password in passwords {
            let bytes = password.as_bytes();
            for bytes in [bytes.to_vec(), HEXLOWER.encode(bytes).into_bytes(), BASE64.encode(bytes).into_bytes()] {
                secrets.push(Secret { what: "an administrator's password", bytes, everywhere: true });
            }
        }
        for folder in ["journal", "index", "recordings"] {
            let files = bytes_under(&self.data.join(folder)).map_err(Fault::unreachable)?;
            absent(&files, secrets.iter())?;
        }
        match self.databases()? {
            Some(files) => absent(&files, secrets.iter()),
            None => Err(Fault::Partly("no file here holds it; the database is elsewhere and was not looked at".into())),
        }
    }

    /// The ends of the database's files, where it is one.
    fn databases(&self) -> Result<Option<Ends>, Fault> {
        let Some(database) = &self.database else { return Ok(None) };
        let mut files = Vec::new();
        for end in ["", "-wal"] {
            let mut path = database.clone().into_os_string();
            path.push(end);
            match tail(Path::new(&path)) {
                Ok(bytes) => files.push((PathBuf::from(path), bytes)),
                Err(error) if end == "-wal" && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Fault::unreachable(format!("the database cannot be looked at: {error}"))),
            }
        }
        Ok(Some(files))
    }

    fn look(&self, secrets: &[Secret], act: &[u8]) -> Result<String, Fault> {
        let log = self.data.join("journal").join(&self.origin);
        let journal = bytes_under(&log).map_err(Fault::unreachable)?;
        // Entries' headers are clear: where the act cannot be seen, that its body cannot says nothing.
        if !journal.iter().any(|(_, bytes)| holds(bytes, act)) {
            return Err(Fault::unreachable("the visit is not in the files that were looked at"));
        }
        absent(&journal, secrets.iter())?;
        for folder in ["index", "recordings"] {
            let files = bytes_under(&self.data.join(folder)).map_err(Fault::unreachable)?;
            absent(&files, secrets.iter())?;
        }
        altered(&log)?;
        blank(&log)?;
        let Some(files) = self.databases()? else {
            return Err(Fault::Partly(
                "journal, index and recordings are sealed; the database is elsewhere and was not looked at".into(),
            ));
        };
        absent(&files, secrets.iter().filter(|secret| secret.everywhere))?;
        Ok("journal, index, recordings and database hold no account, password, patient or address of a visit in clear; an altered \
            entry does not pass, and a spare segment is zeros"
            .into())
    }
}

/// Whether none of it stands in these files.
fn absent<'a>(files: &[(PathBuf, Vec<u8>)], mut secrets: impl Iterator<Item = &'a Secret>) -> Result<(), Fault> {
    let found = secrets.find_map(|secret| {
        let (path, _) = files.iter().find(|(_, bytes)| holds(bytes, &secret.bytes))?;
        Some((secret.what, path.file_name()?.to_string_lossy().into_owned()))
    });
    match found {
        Some((what, file)) => Err(Fault::broken(format!("{what} stands in clear in {file}"))),
        None => Ok(()),
    }
}

/// Whether a stretch of bytes holds another.
fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        let from = rest.get(at..).unwrap_or_default();
        if from.starts_with(wanted) {
            return true;
        }
        rest = from.get(1..).unwrap_or_default();
    }
    false
}

/// The ends of the newest files under a folder; nothing if there is none. What goes away meanwhile is passed over.
fn bytes_under(folder: &Path) -> io::Result<Ends> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    let (mut folders, mut names) = (vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            names += 1;
            if names > NAMES_MAX {
                return Err(io::Error::other("there are too many files to look at"));
            }
            match entry.metadata() {
                Ok(is) if is.is_dir() => folders.push(entry.path()),
                Ok(is) if is.is_file() => found.push((is.modified()?, entry.path())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    let (mut files, mut left) = (Vec::new(), BYTES_MAX);
    for (_, path) in found {
        match tail(&path) {
            Ok(bytes) => {
                left = left.saturating_sub(bytes.len() as u64);
                files.push((path, bytes));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if left == 0 {
            break;
        }
    }
    Ok(files)
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(FILE_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a segment that waits to serve (again) is zeros, but for its own header.
fn blank(log: &Path) -> Result<(), Fault> {
    let mut seen = false;
    for _ in 0..SPARE_TRIES_MAX {
        let mut bytes = Vec::new();
        let read = File::open(log.join("segment-spare"));
        let read = read.and_then(|file| file.take(SPARE_BYTES_MAX).read_to_end(&mut bytes));
        match read {
            // One is being made, or there is no room for one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Fault::unreachable(error)),
            Ok(_) => {
                let rest = bytes.get(SPARE_HEADER_BYTES..).unwrap_or_default();
                if rest.iter().all(|byte| *byte == 0) {
                    return Ok(());
                }
                seen = true;
            }
        }
        std::thread::sleep(SPARE_AGAIN);
    }
    Err(if seen {
        Fault::broken("a segment that is to serve again still holds what it held")
    } else {
        Fault::Partly("what lies there is sealed; no segment waits to serve again, of which it could be seen".into())
    })
}
