//! The pairs to which things are sealed that whoever writes them must not read: traces, recordings, what opens an
//! equipment. One for each family and month, so that destroying a private key at its term erases what was sealed to it
//! and nothing else; or one that stands, for what has no month.
//!
//! Kept as files, `<family>-<yyyy-mm>.pair` or `<family>.pair`: the public key (32 bytes), then the private one wrapped
//! for its reader. What is left of a month's pair past its term is `<family>-<yyyy-mm>.destroyed` (see `destroyed.rs`).

use crate::{Holder, Keys, MasterKey, Place, Purpose, VaultError, hpke, random};
use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// The file of a pair at most.
pub const PAIR_BYTES_MAX: u64 = 1024;

/// Makes and finds the pairs of a node, for one reader.
#[derive(Clone)]
pub struct MonthKeys {
    pub(crate) folder: PathBuf,
    reader: Arc<Keys>,
    purpose: Purpose,
    /// The pairs are copies of another node's: none is drawn here.
    copied: bool,
}

/// The public half of [`MonthKeys`]: seals, opens nothing.
#[derive(Clone)]
pub struct SealOnly(MonthKeys);

impl SealOnly {
    /// See [`MonthKeys::seal_to`].
    pub fn seal_to(&self, family: &str, month: &str) -> Result<SealTo, VaultError> {
        self.0.seal_to(family, month)
    }

    /// See [`MonthKeys::standing`].
    pub fn standing(&self, family: &str) -> Result<SealTo, VaultError> {
        self.0.standing(family)
    }
}

/// A public key to seal to, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealTo {
    /// `<family>-<yyyy-mm>`.
    pub name: String,
    /// The public key.
    pub public: [u8; hpke::PUBLIC],
}

impl MonthKeys {
    /// Over `folder`, made if missing; the trace reader opens.
    pub fn new(folder: &Path, master: &MasterKey) -> Result<Self, VaultError> {
        Self::of(folder, master, (Holder::TraceReader, Purpose::JournalReading))
    }

    /// Over `folder`, made if missing; `holder` opens, with the key of `purpose`, which must be his.
    pub fn of(folder: &Path, master: &MasterKey, (holder, purpose): (Holder, Purpose)) -> Result<Self, VaultError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| VaultError::KeyFile(format!("{}: {error}", folder.display())))?;
        let reader = Arc::new(master.keys_for(holder));
        // A reader who could not open anything is a mistake in the wiring: told at start.
        drop(reader.bare(purpose)?);
        Ok(Self { folder: folder.to_owned(), reader, purpose, copied: false })
    }

    /// For the same reader, over a folder of copies of another node's pairs: [`MonthKeys::adopt`] puts them there, and none is
    /// ever drawn.
    pub fn copied_in(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), copied: true, ..self.clone() }
    }

    /// Takes in the copy of another node's pair, as its file holds it. Refused unless the private key opens for this reader, in
    /// that very name, and is that of the public one. A pair that is there already stays, and what was destroyed does not
    /// come back.
    pub fn adopt(&self, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let (family, month) = name.split_once('-').ok_or(VaultError::DoesNotOpen)?;
        let name = checked(family, month)?;
        self.not_destroyed(&name)?;
        let (public, wrapped) = bytes.split_first_chunk().ok_or(VaultError::DoesNotOpen)?;
        let private = self.reader.open(self.purpose, place(&[name.as_bytes()]), wrapped)?;
        let sealed = hpke::seal(public, b"pair", name.as_bytes(), b"same")?;
        if hpke::open(&private, b"pair", name.as_bytes(), &sealed)?.as_slice() != b"same" {
            return Err(VaultError::DoesNotOpen);
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| VaultError::KeyFile(format!("{}: {error}", self.folder.display())))?;
        create(&self.path(&name), bytes)
    }

    /// The half that seals only.
    pub fn seal_only(&self) -> SealOnly {
        SealOnly(self.clone())
    }

    /// The public key of a family that has no months.
    pub fn standing(&self, family: &str) -> Result<SealTo, VaultError> {
        self.public(plain(family).then(|| family.to_owned()).ok_or(VaultError::DoesNotOpen)?)
    }

    /// The public key of a family and month (`2026-11`), drawing the pair if there is none yet. Of two processes that draw
    /// at once one wins, and both use its pair.
    pub fn seal_to(&self, family: &str, month: &str) -> Result<SealTo, VaultError> {
        self.public(checked(family, month)?)
    }

    fn public(&self, name: String) -> Result<SealTo, VaultError> {
        self.not_destroyed(&name)?;
        if !self.path(&name).exists() && !self.copied {
            let pair = hpke::generate()?;
            let wrapped = self.reader.seal(self.purpose, place(&[name.as_bytes()]), &pair.private)?;
            create(&self.path(&name), &[pair.public.as_slice(), &wrapped].concat())?;
            // Destroyed while it was drawn: what was drawn is nobody's.
            self.not_destroyed(&name)?;
        }
        let (public, _) = self.read(&name)?;
        Ok(SealTo { name, public })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pair"))
    }

    pub(crate) fn read(&self, name: &str) -> Result<([u8; hpke::PUBLIC], Vec<u8>), VaultError> {
        let path = self.path(name);
        let bytes = fs::read(&path).map_err(|error| VaultError::KeyFile(format!("{}: {error}", path.display())))?;
        match bytes.split_first_chunk() {
            Some((public, wrapped)) => Ok((*public, wrapped.to_vec())),
            None => Err(VaultError::KeyFile(format!("{}: not a pair of keys", path.display()))),
        }
    }

    /// Whether the pair of that name is there and was not destroyed; it may still not open.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists() && !self.is_destroyed(name)
    }

    /// Whether the file of that pair is there, destroyed or not.
    pub fn is_there(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// The folder of these pairs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The public key of a pair whose file is there.
    pub fn public_of(&self, name: &str) -> Option<[u8; hpke::PUBLIC]> {
        self.read(name).ok().map(|(public, _)| public)
    }

    /// The private key of that name, for reading.
    pub fn private(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let name = match name.split_once('-') {
            Some((family, month)) => checked(family, month)?,
            None if plain(name) => name.to_owned(),
            None => return Err(VaultError::DoesNotOpen),
        };
        // A pair that a backup brought back opens nothing any more.
        self.not_destroyed(&name)?;
        let (_, wrapped) = self.read(&name)?;
        self.reader.open(self.purpose, place(&[name.as_bytes()]), &wrapped)
    }
}

/// The file of the pair `<family>-<yyyy-mm>` in a folder, for whoever hands it on without a key; nothing if it is not there, or
/// was destroyed.
pub fn pair_file(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let (family, month) = name.split_once('-')?;
    let name = checked(family, month).ok()?;
    let gone = fs::symlink_metadata(folder.join(format!("{name}.destroyed")));
    if !gone.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return None;
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(folder.join(format!("{name}.pair"))).ok()?;
    file.take(PAIR_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= PAIR_BYTES_MAX).then_some(bytes)
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "vault", column: "private", row }
}

fn plain(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase())
}

pub(crate) fn checked(family: &str, month: &str) -> Result<String, VaultError> {
    let dated = month.len() == 7
        && month.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() });
    if plain(family) && dated { Ok(format!("{family}-{month}")) } else { Err(VaultError::DoesNotOpen) }
}

/// Creates a file whole or not at all; one that is there already stays.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let told = |error: std::io::Error| VaultError::KeyFile(format!("{}: {error}", path.display()));
    let temporary = path.with_extension(format!("{}.new", data_encoding::HEXLOWER.encode(&random::<8>()?)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(told)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(told)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).map_err(told)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(told(error)),
        _ => {}
    }
    let folder = path.parent().map(fs::File::open).transpose().map_err(told)?;
    folder.map_or(Ok(()), |folder| folder.sync_all()).map_err(told)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn each_reader_opens_his_own_pairs_only() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let over = |holder, purpose| MonthKeys::of(&folder.path().join("vault"), &master, (holder, purpose));
        let desk = over(Holder::Door(types::Door::Desk), Purpose::RecordingReading).unwrap();
        let relays = over(Holder::Door(types::Door::Relays), Purpose::EquipmentSecrets).unwrap();
        let traces = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        let recording = desk.seal_only().seal_to("recordings", "2026-11").unwrap();
        let secret = relays.seal_only().standing("equipment").unwrap();
        assert!(desk.private(&recording.name).is_ok() && relays.private(&secret.name).is_ok());
        for (keys, name) in [(&relays, &recording.name), (&traces, &recording.name), (&desk, &secret.name)] {
            assert!(keys.private(name).is_err(), "{name}");
        }
        for holder in [Holder::Door(types::Door::Relays), Holder::Door(types::Door::Suppliers), Holder::Enrolment] {
            assert!(over(holder, Purpose::RecordingReading).is_err(), "{holder} reads recordings");
        }
        for holder in [Holder::Door(types::Door::Desk), Holder::Door(types::Door::Suppliers), Holder::Enrolment] {
            assert!(over(holder, Purpose::EquipmentSecrets).is_err(), "{holder} reads what opens an equipment");
        }
        assert!(relays.standing("../x").is_err() && relays.private("../x").is_err());
    }

    #[test]
    fn a_pair_is_drawn_once_and_opens_what_it_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let keys = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        let to = keys.seal_to("access", "2026-11").unwrap();
        assert_eq!(keys.seal_to("access", "2026-11").unwrap(), to);
        assert_ne!(keys.seal_to("access", "2026-12").unwrap().public, to.public);
        let sealed = hpke::seal(&to.public, b"i", b"a", b"v").unwrap();
        let private = keys.private(&to.name).unwrap();
        assert_eq!(hpke::open(&private, b"i", b"a", &sealed).unwrap().as_slice(), b"v");
        let second = MonthKeys::new(&folder.path().join("vault"), &master).unwrap();
        create(&second.path(&to.name), b"another pair").unwrap();
        assert_eq!(second.seal_to("access", "2026-11").unwrap(), to, "the first pair stays");
        assert_eq!(fs::read_dir(folder.path().join("vault")).unwrap().count(), 2, "nothing temporary stays");
        let stranger = MasterKey::create(&folder.path().join("other.key")).unwrap();
        let others = MonthKeys::new(&folder.path().join("vault"), &stranger).unwrap();
        assert!(others.private(&to.name).is_err(), "another master key opens nothing");
        for (family, month) in [("../x", "2026-11"), ("access", "2026/11"), ("", "2026-11"), ("access", "")] {
            assert!(keys.seal_to(family, month).is_err());
        }
    }

    #[test]
    fn a_copied_pair_opens_in_its_own_name_only_and_none_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let (there, here) = (folder.path().join("vault"), folder.path().join("copies"));
        let theirs = MonthKeys::new(&there, &master).unwrap();
        let (first, second) =
            (theirs.seal_to("access", "2026-11").unwrap(), theirs.seal_to("access", "2026-12").unwrap());
        let ours = theirs.copied_in(&here);
        assert!(ours.seal_to("access", "2026-11").is_err(), "none is drawn here");
        let file = pair_file(&there, &first.name).unwrap();
        assert!(ours.adopt(&second.name, &file).is_err(), "the pair of another month");
        assert!(ours.adopt("../x", &file).is_err() && pair_file(&there, "../vault/access-2026-11").is_none());
        // The public half of whoever wants to read what is sealed here, before the true private one.
        let forged = [second.public.as_slice(), &file[32..]].concat();
        for bad in [&forged[..], &file[..file.len() - 1], &file[..16], b""] {
            assert!(ours.adopt(&first.name, bad).is_err());
        }
        let stranger = MasterKey::create(&folder.path().join("other.key")).unwrap();
        let others = MonthKeys::new(&folder.path().join("others"), &stranger).unwrap();
        assert!(others.copied_in(&here).adopt(&first.name, &file).is_err(), "of another master key");
        assert!(!ours.has(&first.name));
        ours.adopt(&first.name, &file).unwrap();
        assert_eq!(ours.seal_to("access", "2026-11").unwrap(), first);
        assert!(ours.private(&first.name).is_ok());
        assert!(ours.destroy(&first.name).unwrap());
        assert!(ours.adopt(&first.name, &file).is_err() && !ours.has(&first.name), "what was destroyed stays so");
        assert!(theirs.destroy(&second.name).unwrap() && pair_file(&there, &second.name).is_none());
    }
}
