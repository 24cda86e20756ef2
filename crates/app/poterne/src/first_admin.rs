//! The first administrator: a link that serves once, and the key that it pins.
//!
//! `init` draws the link and keeps only its SHA-256 and its end. The desk's page enrols the passkey of whoever holds the
//! link, and [`FirstAdministrator::pin`] writes it to the pinned file, which every approval is verified up to (design
//! §3.12). The file appears whole and is never replaced: with a key pinned, no link opens anything.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use identity::passkey::{CREDENTIAL_BYTES_MAX, PasskeyKey};
use interventions::PinnedKey;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};
use types::{Role, Secret, Time};

/// How long a link serves.
const LINK_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// The link's file is shorter.
const LINK_BYTES_MAX: u64 = 4096;
/// More keys than this are pinned by mistake.
const PINNED_MAX: usize = 64;
/// The roles whose key may be pinned: those that sign.
const PINNABLE: [Role; 4] = [Role::Administrator, Role::SecurityOfficer, Role::Beneficiary, Role::OnCall];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPinned {
    credential: String,
    public_key: String,
    account: String,
    role: String,
    establishment: String,
}

/// Reads the pinned file's text: a JSON list of one key at least. The error says what is wrong with it.
pub fn read_pinned(text: &[u8]) -> Result<Vec<PinnedKey>, String> {
    let raw: Vec<RawPinned> = serde_json::from_slice(text)
        .map_err(|error| format!("it is not a list of pinned keys (line {})", error.line()))?;
    if raw.is_empty() || raw.len() > PINNED_MAX {
        return Err(format!("it holds {} keys, where 1 to {PINNED_MAX} are expected", raw.len()));
    }
    let mut keys: Vec<PinnedKey> = Vec::new();
    for (place, raw) in raw.iter().enumerate() {
        let key = raw.read().map_err(|what| format!("key {}: {what}", place + 1))?;
        if keys.iter().any(|other| other.credential == key.credential) {
            return Err(format!("key {} is there twice", place + 1));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn write_pinned(keys: &[PinnedKey]) -> Result<Vec<u8>, serde_json::Error> {
    let raw = |key: &PinnedKey| RawPinned {
        credential: BASE64URL_NOPAD.encode(&key.credential),
        public_key: BASE64URL_NOPAD.encode(&key.public_key),
        account: key.account.to_string(),
        role: key.role.to_string(),
        establishment: key.establishment.to_string(),
    };
    let mut text = serde_json::to_vec_pretty(&keys.iter().map(raw).collect::<Vec<_>>())?;
    text.push(b'\n');
    Ok(text)
}

impl RawPinned {
    fn read(&self) -> Result<PinnedKey, String> {
        let credential = BASE64URL_NOPAD.decode(self.credential.as_bytes()).unwrap_or_default();
        if !(1..=CREDENTIAL_BYTES_MAX).contains(&credential.len()) {
            return Err(format!("credential is not 1 to {CREDENTIAL_BYTES_MAX} bytes in base64url"));
        }
        let public_key = BASE64URL_NOPAD.decode(self.public_key.as_bytes()).ok();
        let public_key = public_key.filter(|key| PasskeyKey::from_cose(key).is_ok());
        let role = self.role.parse().ok().filter(|role| PINNABLE.contains(role));
        Ok(PinnedKey {
            credential,
            public_key: public_key.ok_or("public_key is not a COSE key (P-256 or Ed25519) in base64url")?,
            account: self.account.parse().map_err(|error| format!("account is {error}"))?,
            role: role.ok_or("role is not one that signs")?,
            establishment: self.establishment.parse().map_err(|error| format!("establishment is {error}"))?,
        })
    }
}

/// What is kept of a link.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    /// SHA-256 of the token's text, in hexadecimal.
    sha256: String,
    /// The first second in which it no longer serves, since the epoch.
    expires_seconds: i64,
}

/// Why a link was not drawn, or a key not pinned.
#[derive(Debug, thiserror::Error)]
pub enum NotFirst {
    /// A key is pinned: there is a first administrator.
    #[error("a key is pinned already: the first administrator is enrolled")]
    Pinned,
    /// The token is not the link's, or its time is over.
    #[error("the link does not serve: it is not the last one drawn, or its time is over")]
    Link,
    /// The first key is an administrator's.
    #[error("the first key must be an administrator's")]
    NotAdministrator,
    /// The key could not be read again.
    #[error("the key is not one: {0}")]
    Key(String),
    /// A link is outstanding, and only `--renew-link` replaces it.
    #[error("a link was drawn already")]
    Drawn,
    /// The key or the link cannot be written, or no token drawn.
    #[error("it cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Where the link and the pinned keys are kept. The link's file is read each time: a link drawn beside a running node
/// serves at once, and the one before it no more.
#[derive(Debug)]
pub struct FirstAdministrator {
    pinned_file: PathBuf,
    link_file: PathBuf,
    /// Two holders of one link at once: the second waits, and is refused.
    pinning: Mutex<()>,
}

impl FirstAdministrator {
    /// With the two files of `[approvals]`; none needs to be there.
    pub fn new(pinned_file: PathBuf, link_file: PathBuf) -> Self {
        Self { pinned_file, link_file, pinning: Mutex::new(()) }
    }

    /// Until when a link serves, if one does.
    pub fn outstanding(&self, now: Time) -> Option<Time> {
        self.link(now).map(|link| expiry(&link))
    }

    /// Whether a link was drawn, be it one that no longer serves.
    pub fn is_drawn(&self) -> bool {
        self.link_file.symlink_metadata().is_ok()
    }

    /// Whether this is the outstanding link's token. It takes as long for a wrong one as for a right one.
    pub fn check(&self, token: &str, now: Time) -> bool {
        let link = self.link(now);
        let kept = link.as_ref().and_then(|link| HEXLOWER.decode(link.sha256.as_bytes()).ok());
        let given = digest(&SHA256, token.as_bytes());
        // Without a link, something is compared all the same.
        let kept_or_zeros = kept.as_deref().unwrap_or(&[0; 32]);
        verify_slices_are_equal(given.as_ref(), kept_or_zeros).is_ok() && kept.is_some()
    }

    /// Pins the first administrator's key: the link serves no more. Asks for the token again: time has passed since the
    /// page was opened, and somebody else may hold the link. [`FirstAdministrator::settle`] follows once the account is
    /// there, [`FirstAdministrator::unpin`] if it is not to be.
    pub fn pin(&self, token: &str, key: &PinnedKey, now: Time) -> Result<(), NotFirst> {
        // Whoever panicked inside left either the whole file or none.
        let _one = self.pinning.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.is_pinned() {
            return Err(NotFirst::Pinned);
        }
        if !self.check(token, now) {
            return Err(NotFirst::Link);
        }
        if key.role != Role::Administrator {
            return Err(NotFirst::NotAdministrator);
        }
        let text = write_pinned(std::slice::from_ref(key)).map_err(io::Error::from)?;
        // A file that the next start would refuse is worse than none: it could not be replaced.
        read_pinned(&text).map_err(NotFirst::Key)?;
        match write_whole(&self.pinned_file, &text, Existing::Kept) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(NotFirst::Pinned),
            other => other?,
        }
        Ok(())
    }

    /// The link goes. One that stays opens nothing any more: the pinned file is looked at first.
    pub fn settle(&self) {
        let _ = fs::remove_file(&self.link_file);
    }

    /// Takes back a key just pinned, whose account was not made: the link serves again. Any other key stays.
    pub fn unpin(&self, key: &PinnedKey) -> io::Result<()> {
        let _one = self.pinning.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = read_pinned(&fs::read(&self.pinned_file)?).map_err(io::Error::other)?;
        if kept != std::slice::from_ref(key) {
            return Err(io::Error::other("other keys are pinned"));
        }
        fs::remove_file(&self.pinned_file)?;
        File::open(folder_of(&self.pinned_file))?.sync_all()
    }

    /// Draws a link and returns its token, which is kept nowhere.
    pub fn draw(&self, now: Time, existing: Existing) -> Result<Secret<String>, NotFirst> {
        if self.is_pinned() {
            return Err(NotFirst::Pinned);
        }
        let drawn: [u8; 32] = vault::random().map_err(|error| io::Error::other(error.to_string()))?;
        let token = Secret::new(BASE64URL_NOPAD.encode(&drawn));
        let sha256 = HEXLOWER.encode(digest(&SHA256, token.expose().as_bytes()).as_ref());
        let link = Link { sha256, expires_seconds: (now + LINK_LIFE).seconds() };
        let text = serde_json::to_vec(&link).map_err(io::Error::from)?;
        match write_whole(&self.link_file, &text, existing) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(NotFirst::Drawn),
            other => Ok(other.map(|()| token)?),
        }
    }

    /// Whether a pinned file is there, or may be: what cannot be looked at counts as there.
    fn is_pinned(&self) -> bool {
        !self.pinned_file.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// The link, if it serves. A file that others could read or write is no link.
    fn link(&self, now: Time) -> Option<Link> {
        if self.is_pinned() {
            return None;
        }
        let file = File::open(&self.link_file).ok()?;
        let metadata = file.metadata().ok().filter(|metadata| metadata.is_file())?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return None;
        }
        let mut text = Vec::new();
        file.take(LINK_BYTES_MAX).read_to_end(&mut text).ok()?;
        let link: Link = serde_json::from_slice(&text).ok()?;
        (now < expiry(&link)).then_some(link)
    }
}

fn expiry(link: &Link) -> Time {
    Time::from_micros(link.expires_seconds.saturating_mul(1_000_000))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What becomes of a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the writing is refused.
    Kept,
    /// It goes.
    Replaced,
}

/// Writes a file, mode 0600, that a reader or a stop sees whole or not at all.
fn write_whole(path: &Path, text: &[u8], existing: Existing) -> io::Result<()> {
    let folder = folder_of(path);
    let drawn: [u8; 8] = vault::random().map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", HEXLOWER.encode(&drawn)));
    let draft = folder.join(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text)?;
        file.sync_all()?;
        match existing {
            // A second name for the file: refused if the name is taken, unlike a rename.
            Existing::Kept => fs::hard_link(&draft, path),
            Existing::Replaced => fs::rename(&draft, path),
        }
    })();
    if existing == Existing::Kept || written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use types::{AccountId, EstablishmentId};

    const NOW: Time = Time::from_micros(1_780_000_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    struct Keys(tempfile::TempDir, FirstAdministrator);

    impl Keys {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = |name| folder.path().join(name);
            let first = FirstAdministrator::new(path("pinned.json"), path("first-administrator.json"));
            Self(folder, first)
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.0.path().join(name)).unwrap()
        }

        fn files(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(self.0.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    fn key() -> PinnedKey {
        PinnedKey {
            credential: vec![7; 32],
            public_key: [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20][..], &[9; 32]].concat(),
            account: AccountId::from_bytes([3; 16]),
            role: Role::Administrator,
            establishment: EstablishmentId::from_bytes([4; 16]),
        }
    }

    #[test]
    fn a_link_serves_once() {
        let keys = Keys::new();
        let first = &keys.1;
        assert!(!first.check("", NOW) && first.outstanding(NOW).is_none());
        let token = first.draw(NOW, Existing::Kept).unwrap();
        assert_eq!(token.expose().len(), 43);
        assert!(!keys.text("first-administrator.json").contains(token.expose().as_str()));
        assert_eq!(first.outstanding(NOW), Some(NOW + 7 * DAY));
        assert!(first.check(token.expose(), NOW));
        for wrong in ["", "x", &token.expose()[..42], &format!("{}A", token.expose()), &token.expose().to_lowercase()] {
            assert!(!first.check(wrong, NOW), "{wrong}");
            assert!(matches!(first.pin(wrong, &key(), NOW), Err(NotFirst::Link)), "{wrong}");
        }
        let mode = |name| fs::metadata(keys.0.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("first-administrator.json"), 0o600);

        first.pin(token.expose(), &key(), NOW).unwrap();
        assert_eq!(mode("pinned.json"), 0o600);
        assert!(!first.check(token.expose(), NOW), "pinned, the link serves no more");
        first.settle();
        assert_eq!(keys.files(), ["pinned.json"]);
        assert_eq!(read_pinned(keys.text("pinned.json").as_bytes()).unwrap(), [key()]);
        assert!(!first.check(token.expose(), NOW) && first.outstanding(NOW).is_none());
        assert!(matches!(first.pin(token.expose(), &key(), NOW), Err(NotFirst::Pinned)));
        assert!(matches!(first.draw(NOW, Existing::Replaced), Err(NotFirst::Pinned)));
    }

    #[test]
    fn only_the_key_that_was_pinned_is_taken_back() {
        let keys = Keys::new();
        let token = keys.1.draw(NOW, Existing::Kept).unwrap();
        assert!(keys.1.unpin(&key()).is_err(), "none is pinned");
        keys.1.pin(token.expose(), &key(), NOW).unwrap();
        let other = PinnedKey { account: AccountId::from_bytes([5; 16]), ..key() };
        assert!(keys.1.unpin(&other).is_err());
        assert_eq!(read_pinned(keys.text("pinned.json").as_bytes()).unwrap(), [key()]);
        keys.1.unpin(&key()).unwrap();
        assert_eq!(keys.files(), ["first-administrator.json"]);
        assert!(keys.1.check(token.expose(), NOW), "it serves again");
        keys.1.pin(token.expose(), &other, NOW).unwrap();
    }

    #[test]
    fn a_link_left_by_a_crash_opens_nothing() {
        let keys = Keys::new();
        let token = keys.1.draw(NOW, Existing::Kept).unwrap();
        let link = keys.text("first-administrator.json");
        keys.1.pin(token.expose(), &key(), NOW).unwrap();
        keys.1.settle();
        let left = keys.0.path().join("first-administrator.json");
        fs::write(&left, link).unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o600)).unwrap();
        let other = PinnedKey { credential: vec![1], ..key() };
        assert!(!keys.1.check(token.expose(), NOW));
        assert!(matches!(keys.1.pin(token.expose(), &other, NOW), Err(NotFirst::Pinned)));
        assert_eq!(read_pinned(keys.text("pinned.json").as_bytes()).unwrap(), [key()]);
    }

    #[test]
    fn its_time_ends() {
        let keys = Keys::new();
        let token = keys.1.draw(NOW, Existing::Kept).unwrap();
        let end = NOW + 7 * DAY;
        assert!(keys.1.check(token.expose(), end - Duration::from_secs(1)));
        assert!(!keys.1.check(token.expose(), end));
        assert!(matches!(keys.1.pin(token.expose(), &key(), end), Err(NotFirst::Link)));
        assert_eq!(keys.files(), ["first-administrator.json"]);
    }

    #[test]
    fn a_new_link_ends_the_one_before() {
        let keys = Keys::new();
        let one = keys.1.draw(NOW, Existing::Kept).unwrap();
        assert!(matches!(keys.1.draw(NOW, Existing::Kept), Err(NotFirst::Drawn)));
        let two = keys.1.draw(NOW + DAY, Existing::Replaced).unwrap();
        assert!(!keys.1.check(one.expose(), NOW) && keys.1.check(two.expose(), NOW));
        assert_eq!(keys.1.outstanding(NOW), Some(NOW + 8 * DAY));
        assert_eq!(keys.files(), ["first-administrator.json"]);
    }

    #[test]
    fn a_pinned_file_is_never_replaced_whoever_comes_at_once() {
        let keys = Keys::new();
        let token = keys.1.draw(NOW, Existing::Kept).unwrap();
        // Two nodes' worth: each with its own lock, so that only the file decides.
        let twins: Vec<_> =
            (0..8).map(|_| FirstAdministrator::new(keys.1.pinned_file.clone(), keys.1.link_file.clone())).collect();
        let pinned: Vec<bool> = std::thread::scope(|scope| {
            let pin = |place: usize, twin: &FirstAdministrator| {
                let key = PinnedKey { credential: vec![place as u8 + 1; 16], ..key() };
                twin.pin(token.expose(), &key, NOW).is_ok()
            };
            let tasks: Vec<_> =
                twins.iter().enumerate().map(|(place, twin)| scope.spawn(move || pin(place, twin))).collect();
            tasks.into_iter().map(|task| task.join().unwrap()).collect()
        });
        assert_eq!(pinned.iter().filter(|done| **done).count(), 1, "{pinned:?}");
        let winner = pinned.iter().position(|done| *done).unwrap() as u8 + 1;
        assert_eq!(read_pinned(keys.text("pinned.json").as_bytes()).unwrap()[0].credential, [winner; 16]);
        assert_eq!(keys.files(), ["first-administrator.json", "pinned.json"], "no draft stays");
        // Even an empty or strange file is one.
        fs::write(&keys.1.pinned_file, "").unwrap();
        assert!(matches!(keys.1.draw(NOW, Existing::Replaced), Err(NotFirst::Pinned)));
    }

    #[test]
    fn only_an_administrator_is_first_and_with_a_sound_key() {
        let keys = Keys::new();
        let token = keys.1.draw(NOW, Existing::Kept).unwrap();
        let zeros = [&key().public_key[..10], &[0; 32]].concat();
        for bad in [PinnedKey { public_key: zeros, ..key() }, PinnedKey { credential: Vec::new(), ..key() }] {
            assert!(matches!(keys.1.pin(token.expose(), &bad, NOW), Err(NotFirst::Key(_))));
        }
        let other = PinnedKey { role: Role::Beneficiary, ..key() };
        assert!(matches!(keys.1.pin(token.expose(), &other, NOW), Err(NotFirst::NotAdministrator)));
        assert_eq!(keys.files(), ["first-administrator.json"]);
    }

    #[test]
    fn a_link_s_file_that_others_could_write_is_none() {
        let keys = Keys::new();
        let token = keys.1.draw(NOW, Existing::Kept).unwrap();
        fs::set_permissions(&keys.1.link_file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!keys.1.check(token.expose(), NOW));
        fs::set_permissions(&keys.1.link_file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(keys.1.check(token.expose(), NOW));
        for strange in ["", "{}", "null", r#"{"sha256":"","expires_seconds":9999999999}"#, "[1"] {
            fs::write(&keys.1.link_file, strange).unwrap();
            assert!(!keys.1.check("", NOW) && !keys.1.check(token.expose(), NOW), "{strange}");
        }
    }

    #[test]
    fn strange_pinned_files_are_told() {
        let good = String::from_utf8(write_pinned(&[key()]).unwrap()).unwrap();
        assert_eq!(read_pinned(good.as_bytes()).unwrap(), [key()]);
        let told = |text: &str| read_pinned(text.as_bytes()).unwrap_err();
        assert_eq!(told("[]"), "it holds 0 keys, where 1 to 64 are expected");
        assert_eq!(told(""), "it is not a list of pinned keys (line 1)");
        assert_eq!(told("{}"), "it is not a list of pinned keys (line 1)");
        assert!(told(&good.replace("administrator", "patient")).starts_with("key 1: role"));
        assert!(told(&good.replace("administrator", "technician")).starts_with("key 1: role"));
        assert!(told(&good.replace("BwcH", "+/cH")).starts_with("key 1: credential"));
        assert!(told(&good.replace("CQkJ", "CQkJCQkJ")).starts_with("key 1: public_key"));
        assert!(told(&good.replace("\"account\": \"", "\"account\": \"a")).starts_with("key 1: account"));
        assert!(told(&good.replace("\"establishment\": \"", "\"establishment\": \"a")).starts_with("key 1: establ"));
        assert!(told(&good.replace("\"role\"", "\"rank\": 1, \"role\"")).contains("not a list"));
        let twice = write_pinned(&[key(), key()]).unwrap();
        assert_eq!(read_pinned(&twice).unwrap_err(), "key 2 is there twice");
    }
}
