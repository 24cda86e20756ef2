//! C2SP tlog-tiles: names of tiles and entry bundles, and the bundle's encoding. Nothing here touches a disk.

use super::tree::{WIDTH, row_len};

/// An entry at most: its length is written on two bytes.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// A bundle at most.
pub(crate) const BUNDLE_BYTES_MAX: u64 = WIDTH * (2 + ENTRY_BYTES_MAX as u64);
/// The folder of them all.
pub(crate) const FOLDER: &str = "tile";

/// What a file under `tile/` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Entries, each with its length before it.
    Entries,
    /// Hashes of a level.
    Hashes(u8),
}

/// One file under `tile/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its place in its level.
    pub index: u64,
    /// How many entries or hashes, 1 to 256; less than 256 makes it partial.
    pub width: u16,
}

impl Tile {
    /// The path under the log's folder: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
    pub fn path(&self) -> String {
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        let level = match self.kind {
            Kind::Entries => "entries".to_owned(),
            Kind::Hashes(level) => level.to_string(),
        };
        let place = format!("{FOLDER}/{level}/{}", groups.join("/"));
        if self.is_partial() { format!("{place}.p/{}", self.width) } else { place }
    }

    /// Reads a path back; nothing unless it is written exactly as [`Tile::path`] does.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, place) = path.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('/')?;
        let kind = if level == "entries" { Kind::Entries } else { Kind::Hashes(level.parse().ok()?) };
        let (place, width) = match place.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (place, 256),
        };
        let mut index = 0_u64;
        for group in place.split('/') {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        let tile = Self { kind, index, width };
        (width > 0 && tile.path() == path).then_some(tile)
    }

    /// Whether it is not full.
    pub fn is_partial(&self) -> bool {
        u64::from(self.width) < WIDTH
    }

    /// The index after the last entry that it vouches for.
    pub fn end(&self) -> u64 {
        let hashes = u128::from(self.index) * u128::from(WIDTH) + u128::from(self.width);
        let end = hashes.checked_mul(1_u128.checked_shl(8 * u32::from(self.level())).unwrap_or(u128::MAX));
        end.and_then(|end| u64::try_from(end).ok()).unwrap_or(u64::MAX)
    }

    /// Whether it will never vouch for an entry from `minimum` on, not even once it is full.
    pub fn is_below(&self, minimum: u64) -> bool {
        let full = Self { width: 256, ..*self };
        full.end() <= minimum
    }

    /// The level whose hashes it holds or makes.
    pub fn level(&self) -> u8 {
        match self.kind {
            Kind::Entries => 0,
            Kind::Hashes(level) => level,
        }
    }

    /// Whether a tree of `size` entries is made of this very file.
    pub fn belongs_to(&self, size: u64) -> bool {
        Self::at(self.kind, self.index, size) == Some(*self)
    }

    /// The file at `index` in a tree of `size` entries, full or partial; nothing past the edge.
    pub fn at(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let level = Tile { kind, index, width: 1 }.level();
        let total = row_len(size, level);
        let width = match index.cmp(&(total / WIDTH)) {
            std::cmp::Ordering::Less => WIDTH,
            std::cmp::Ordering::Equal => total % WIDTH,
            std::cmp::Ordering::Greater => 0,
        };
        (width > 0).then_some(Self { kind, index, width: u16::try_from(width).unwrap_or(0) })
    }

    /// The partial tiles of a tree of `size` entries.
    pub fn partials(size: u64) -> impl Iterator<Item = Self> {
        let kinds = std::iter::once(Kind::Entries).chain((0..8).map(Kind::Hashes));
        kinds.filter_map(move |kind| {
            let level = Tile { kind, index: 0, width: 1 }.level();
            Self::at(kind, row_len(size, level) / WIDTH, size).filter(Tile::is_partial)
        })
    }
}

/// Adds one entry to a bundle. The caller has checked that its length is in 1 to 65,535.
pub(crate) fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let len = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(entry.get(..usize::from(len)).unwrap_or(entry));
}

/// Takes the first entry off a bundle; nothing at its end or where it is malformed.
fn split_entry(bundle: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bundle.split_first_chunk::<2>()?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len == 0 { None } else { rest.split_at_checked(len) }
}

/// The entries of a bundle in order, then `Err(offset)` once if the bytes from there on are not an entry.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    bundle: &'a [u8],
    offset: usize,
}

impl<'a> Entries<'a> {
    /// Reads `bundle`.
    pub fn new(bundle: &'a [u8]) -> Self {
        Self { bundle, offset: 0 }
    }

    /// Where in the bundle the next entry begins.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], usize>;
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bundle.get(self.offset..).filter(|rest| !rest.is_empty())?;
        match split_entry(rest) {
            Some((entry, _)) => {
                self.offset += 2 + entry.len();
                Some(Ok(entry))
            }
            None => {
                self.bundle = &[];
                Some(Err(self.offset))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn paths_are_those_of_the_specification() {
        for (kind, index, width, path) in [
            (Kind::Hashes(0), 1_234_067, 256, "tile/0/x001/x234/067"),
            (Kind::Hashes(3), 0, 17, "tile/3/000.p/17"),
            (Kind::Entries, 999, 256, "tile/entries/999"),
            (Kind::Entries, 1000, 1, "tile/entries/x001/000.p/1"),
        ] {
            let tile = Tile { kind, index, width };
            assert_eq!(tile.path(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
        for bad in [
            "tile/0/1",
            "tile/0/0001",
            "tile/00/001",
            "tile/0/x000/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/+01",
            "tile/entries",
            "tile/entries/",
            "tile//000",
            "/tile/0/000",
            "tile/0/000.p/5.tmp",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_size_has_its_tiles() {
        let partials: Vec<String> = Tile::partials(70_000).map(|t| t.path()).collect();
        assert_eq!(partials, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        assert_eq!(Tile::partials(256).map(|t| t.path()).collect::<Vec<_>>(), ["tile/1/000.p/1"]);
        assert_eq!(Tile::partials(0).count(), 0);
        assert!(Tile::parse("tile/0/000").unwrap().belongs_to(256));
        assert!(!Tile::parse("tile/0/000").unwrap().belongs_to(255));
        assert!(!Tile::parse("tile/0/000.p/255").unwrap().belongs_to(256));
        assert!(!Tile::parse("tile/9/000.p/1").unwrap().belongs_to(u64::MAX));
        assert_eq!(Tile::parse("tile/1/001.p/17").unwrap().end(), (256 + 17) * 256);
        assert_eq!(Tile::parse("tile/63/001.p/17").unwrap().end(), u64::MAX);
    }

    proptest! {
        #[test]
        fn paths_read_back(level in 0_u8..8, entries: bool, index: u64, width in 1_u16..=256) {
            let kind = if entries { Kind::Entries } else { Kind::Hashes(level) };
            let tile = Tile { kind, index, width };
            prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
        }

        #[test]
        fn garbage_paths_never_panic(text: String, tail in "[x0-9./p]{0,40}") {
            let _ = Tile::parse(&text);
            if let Some(tile) = Tile::parse(&format!("tile/0/{tail}")) {
                prop_assert_eq!(tile.path(), format!("tile/0/{tail}"));
            }
        }

        #[test]
        fn bundles_read_back(entries in vec(vec(any::<u8>(), 1..400), 0..20)) {
            let mut bundle = Vec::new();
            for entry in &entries {
                push_entry(&mut bundle, entry);
            }
            let read: Vec<Vec<u8>> = Entries::new(&bundle).map(|e| e.unwrap().to_vec()).collect();
            prop_assert_eq!(&read, &entries);
            if !bundle.is_empty() {
                bundle.pop();
                prop_assert!(Entries::new(&bundle).last().unwrap().is_err());
            }
        }
    }
}
