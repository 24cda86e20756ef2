//! RFC 6962 hashing, and a tree that remembers its right edge only: the last, unfilled tile of each level.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256 hash of the tree.
pub type Hash = [u8; 32];

/// Hashes in a full tile; also entries in a full bundle.
pub const WIDTH: u64 = 256;

fn finish(context: Context) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// The hash of an entry: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    finish(context)
}

/// The hash of two subtrees: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    finish(context)
}

/// The Merkle tree hash over hashes of one level, taken as leaves; SHA-256 of nothing when there is none.
pub fn root_of(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => sha256(b""),
        [one] => *one,
        // The left part is the largest power of two that leaves something to the right.
        many => {
            let (left, right) = many.split_at(many.len().div_ceil(2).next_power_of_two());
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// How many hashes level `level` has in a tree of `size` entries.
pub fn row_len(size: u64, level: u8) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// An append-only tree, kept as the unfilled tile of each level: 32 KiB at most for any size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    rows: Vec<Vec<Hash>>,
}

impl Tree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` entries whose unfilled tiles, from level 0 up, are `rows`; nothing if they do not fit.
    pub fn from_rows(size: u64, rows: Vec<Vec<Hash>>) -> Option<Self> {
        let fits = |(level, row): (usize, &Vec<Hash>)| {
            let level = u8::try_from(level).unwrap_or(u8::MAX);
            row.len() as u64 == row_len(size, level) % WIDTH
        };
        let all = rows.iter().enumerate().all(fits);
        let above = row_len(size, u8::try_from(rows.len()).unwrap_or(u8::MAX));
        (all && above == 0).then_some(Self { size, rows })
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The unfilled tile of a level (possibly empty).
    pub fn row(&self, level: u8) -> &[Hash] {
        self.rows.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// How many levels have a tile.
    pub fn levels(&self) -> u8 {
        u8::try_from(self.rows.len()).unwrap_or(u8::MAX)
    }

    /// Adds a leaf. Each tile that it fills goes to `full(level, index, hashes)`. After an error of `full` the tree
    /// is of no more use: go on from a copy taken before.
    pub fn push<E>(&mut self, leaf: Hash, full: &mut impl FnMut(u8, u64, &[Hash]) -> Result<(), E>) -> Result<(), E> {
        self.put(0, leaf, full)?;
        self.size += 1;
        Ok(())
    }

    /// Adds the 256 leaves of a full tile at once, by their root: the tree must end where a tile begins. The tiles of
    /// the levels above go to `full`, this one does not.
    pub fn push_tile<E>(
        &mut self,
        root: Hash,
        full: &mut impl FnMut(u8, u64, &[Hash]) -> Result<(), E>,
    ) -> Result<(), E> {
        debug_assert_eq!(self.size % WIDTH, 0, "a tile is whole");
        self.put(1, root, full)?;
        self.size += WIDTH;
        Ok(())
    }

    fn put<E>(
        &mut self,
        from: u8,
        hash: Hash,
        full: &mut impl FnMut(u8, u64, &[Hash]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut hash = hash;
        for level in from..=u8::MAX {
            while self.rows.len() <= usize::from(level) {
                self.rows.push(Vec::new());
            }
            let Some(row) = self.rows.get_mut(usize::from(level)) else { break };
            row.push(hash);
            if (row.len() as u64) < WIDTH {
                break;
            }
            full(level, row_len(self.size, level.saturating_add(1)), row)?;
            hash = root_of(row);
            row.clear();
        }
        Ok(())
    }

    /// The root: the perfect subtrees of the right edge, folded from the right.
    pub fn root(&self) -> Hash {
        let mut folded: Option<Hash> = None;
        for row in &self.rows {
            let mut rest = row.as_slice();
            for bit in 0..8 {
                let chunk_len = 1 << bit;
                if row.len() & chunk_len == 0 {
                    continue;
                }
                let (left, chunk) = rest.split_at(rest.len() - chunk_len);
                let hash = root_of(chunk);
                folded = Some(folded.map_or(hash, |right| node_hash(&hash, &right)));
                rest = left;
            }
        }
        folded.unwrap_or_else(|| root_of(&[]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn build(entries: &[Vec<u8>]) -> (Tree, Vec<(u8, u64, Vec<Hash>)>) {
        let (mut tree, mut tiles) = (Tree::new(), Vec::new());
        for entry in entries {
            tree.push::<Infallible>(leaf_hash(entry), &mut |level, index, hashes| {
                tiles.push((level, index, hashes.to_vec()));
                Ok(())
            })
            .unwrap();
        }
        (tree, tiles)
    }

    /// RFC 6962 §2.1 word for word, over entries.
    fn naive(entries: &[Vec<u8>]) -> Hash {
        match entries.len() {
            0 => sha256(b""),
            1 => leaf_hash(&entries[0]),
            n => {
                let mut k = 1;
                while k * 2 < n {
                    k *= 2;
                }
                node_hash(&naive(&entries[..k]), &naive(&entries[k..]))
            }
        }
    }

    #[test]
    fn agrees_with_the_certificate_transparency_vectors() {
        let inputs =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let entries: Vec<Vec<u8>> = inputs.iter().map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap()).collect();
        for (size, root) in roots.iter().enumerate() {
            let (tree, _) = build(&entries[..size]);
            assert_eq!(HEXLOWER.encode(&tree.root()), *root, "size {size}");
        }
    }

    #[test]
    fn levels_fill_as_tlog_tiles_says() {
        // The example of the specification: 70,000 entries.
        let mut tree = Tree::new();
        let mut full = [0_u64; 3];
        for i in 0..70_000_u32 {
            tree.push::<Infallible>(leaf_hash(&i.to_be_bytes()), &mut |level, index, hashes| {
                assert_eq!(index, full[usize::from(level)]);
                assert_eq!(hashes.len(), 256);
                full[usize::from(level)] += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(full, [273, 1, 0]);
        assert_eq!((tree.row(0).len(), tree.row(1).len(), tree.row(2).len()), (112, 17, 1));
        let rows = (0..tree.levels()).map(|level| tree.row(level).to_vec()).collect();
        assert_eq!(Tree::from_rows(70_000, rows), Some(tree));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_root_is_the_naive_one(sizes in 0_usize..1500, seed: u8) {
            let entries: Vec<Vec<u8>> =
                (0..sizes).map(|i| vec![seed; i % 7].into_iter().chain(i.to_be_bytes()).collect()).collect();
            let (tree, tiles) = build(&entries);
            prop_assert_eq!(tree.root(), naive(&entries));
            for (level, index, hashes) in tiles {
                let span = 256_usize.pow(u32::from(level));
                for (i, hash) in hashes.iter().enumerate() {
                    let start = (usize::try_from(index).unwrap() * 256 + i) * span;
                    prop_assert_eq!(*hash, naive(&entries[start..start + span]));
                }
            }
        }

        #[test]
        fn rows_of_another_size_are_refused(size in 0_u64..100_000, other in 0_u64..100_000) {
            prop_assume!(size != other);
            let rows = |size: u64| (0..3).map(|l| vec![[0; 32]; (row_len(size, l) % 256) as usize]).collect::<Vec<_>>();
            prop_assert!(Tree::from_rows(size, rows(size)).is_some());
            prop_assert!(Tree::from_rows(size, rows(other)).is_none() || rows(size) == rows(other));
        }
    }
}
