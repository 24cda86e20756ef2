#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::super::tree::leaf_hash;
use super::*;
use proptest::prelude::*;
use std::{collections::HashMap, convert::Infallible};

/// RFC 6962 §2.1, word for word, over leaf hashes; what was computed once is remembered.
#[derive(Clone)]
struct Naive {
    leaves: Vec<Hash>,
    known: HashMap<(usize, usize), Hash>,
}

impl Naive {
    fn new(size: u64) -> Self {
        let leaves = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        Self { leaves, known: HashMap::new() }
    }

    fn k(len: usize) -> usize {
        let mut k = 1;
        while k * 2 < len {
            k *= 2;
        }
        k
    }

    fn mth(&mut self, from: usize, to: usize) -> Hash {
        match to - from {
            0 => sha256(b""),
            1 => self.leaves[from],
            len => {
                if let Some(hash) = self.known.get(&(from, to)) {
                    return *hash;
                }
                let middle = from + Self::k(len);
                let hash = node_hash(&self.mth(from, middle), &self.mth(middle, to));
                self.known.insert((from, to), hash);
                hash
            }
        }
    }

    fn path(&mut self, m: usize, from: usize, to: usize) -> Vec<Hash> {
        if to - from == 1 {
            return Vec::new();
        }
        let k = Self::k(to - from);
        let (mut path, beside) = if m < k {
            (self.path(m, from, from + k), self.mth(from + k, to))
        } else {
            (self.path(m - k, from + k, to), self.mth(from, from + k))
        };
        path.push(beside);
        path
    }

    fn subproof(&mut self, m: usize, from: usize, to: usize, whole: bool) -> Vec<Hash> {
        let len = to - from;
        if m == len {
            return if whole { Vec::new() } else { vec![self.mth(from, to)] };
        }
        let k = Self::k(len);
        let (mut path, beside) = if m <= k {
            (self.subproof(m, from, from + k, whole), self.mth(from + k, to))
        } else {
            (self.subproof(m - k, from + k, to, false), self.mth(from, from + k))
        };
        path.push(beside);
        path
    }

    fn root(&mut self, size: u64) -> Hash {
        self.mth(0, usize::try_from(size).unwrap())
    }
}

impl Hashes for Naive {
    type Error = Infallible;
    fn perfect(&mut self, height: u8, index: u64) -> Result<Hash, Infallible> {
        let from = usize::try_from(index << height).unwrap();
        Ok(self.mth(from, from + (1 << height)))
    }
}

/// Every way of spoiling a proof by one hash: a changed bit, a lost line, a doubled one, two exchanged, one more.
fn spoiled(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[path, &[[7; 32]]].concat(), [&[[7; 32]], path].concat()];
    for i in 0..path.len() {
        let mut bit = path.to_vec();
        bit[i][31] ^= 1;
        let mut lost = path.to_vec();
        lost.remove(i);
        let mut doubled = path.to_vec();
        doubled.insert(i, path[i]);
        all.extend([bit, lost, doubled]);
        if i > 0 {
            let mut exchanged = path.to_vec();
            exchanged.swap(i, i - 1);
            all.push(exchanged);
        }
    }
    all
}

#[test]
fn consistency_between_all_sizes_up_to_300_is_the_models() {
    let mut tree = Naive::new(300);
    for new in 0..=300_u64 {
        let new_root = tree.root(new);
        for old in 0..=new {
            let old_root = tree.root(old);
            let proof = consistency(&mut tree, old, new).unwrap().unwrap();
            let wanted = match old {
                0 => Vec::new(),
                _ => tree.subproof(usize::try_from(old).unwrap(), 0, usize::try_from(new).unwrap(), true),
            };
            assert_eq!(proof, wanted, "{old} to {new}");
            assert_eq!(check_consistency((old, &old_root), (new, &new_root), &proof), Ok(()), "{old} to {new}");
            if new > 40 && (old + new) % 13 != 0 {
                continue;
            }
            for bad in spoiled(&proof) {
                assert!(check_consistency((old, &old_root), (new, &new_root), &bad).is_err(), "{old} to {new}");
            }
            let other = [9; 32];
            assert!(old == 0 || check_consistency((old, &other), (new, &new_root), &proof).is_err());
            assert!(check_consistency((old, &other), (new, &other), &proof).is_err() || old == new && new > 0);
            // With nothing to prove from, any root is as good as another: the empty tree promises nothing.
            assert_eq!(check_consistency((old, &old_root), (new, &other), &proof).is_ok(), old == 0 && new > 0);
        }
        assert_eq!(consistency(&mut tree, new + 1, new).unwrap(), None);
        assert_eq!(check_consistency((new + 1, &new_root), (new, &new_root), &[]), Err(ProofError::Range));
    }
}

#[test]
fn inclusion_in_all_sizes_up_to_300_is_the_models() {
    let mut tree = Naive::new(300);
    for size in 1..=300_u64 {
        let root = tree.root(size);
        for index in 0..size {
            let leaf = tree.leaves[usize::try_from(index).unwrap()];
            let proof = inclusion(&mut tree, index, size).unwrap().unwrap();
            let wanted = tree.path(usize::try_from(index).unwrap(), 0, usize::try_from(size).unwrap());
            assert_eq!(proof, wanted, "{index} in {size}");
            assert_eq!(check_inclusion(index, &leaf, size, &root, &proof), Ok(()), "{index} in {size}");
            if size > 40 && (index + size) % 13 != 0 {
                continue;
            }
            for bad in spoiled(&proof) {
                assert!(check_inclusion(index, &leaf, size, &root, &bad).is_err(), "{index} in {size}");
            }
            assert!(check_inclusion(index, &[9; 32], size, &root, &proof).is_err());
            let beside = if index > 0 { index - 1 } else { index + 1 };
            assert!(check_inclusion(beside, &leaf, size, &root, &proof).is_err());
        }
        assert_eq!(inclusion(&mut tree, size, size).unwrap(), None);
        assert_eq!(check_inclusion(size, &[0; 32], size, &root, &[]), Err(ProofError::Range));
    }
}

#[test]
fn proofs_come_from_the_tiles_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let size = 70_001_u64;
    let mut tree = Naive::new(size);
    // The tiles by their definition: hash i of level L is the root of 256^L leaves.
    for level in 0..3_u8 {
        let span = 256_usize.pow(u32::from(level));
        let row: Vec<Hash> = (0..tree.leaves.len() / span).map(|i| tree.mth(i * span, (i + 1) * span)).collect();
        for (index, hashes) in row.chunks(256).enumerate() {
            let tile = Tile::at(Kind::Hashes(level), index as u64, size).unwrap();
            let path = folder.path().join(tile.path());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, hashes.concat()).unwrap();
        }
    }
    let root = tree.root(size);
    let mut tiles = TileHashes::new(folder.path(), size);
    for old in [1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 69_888, 70_000] {
        let proof = consistency(&mut tiles, old, size).unwrap().unwrap();
        assert_eq!(proof, consistency(&mut tree, old, size).unwrap().unwrap(), "{old}");
        assert_eq!(check_consistency((old, &tree.root(old)), (size, &root), &proof), Ok(()));
        let proof = inclusion(&mut tiles, old, size).unwrap().unwrap();
        let leaf = tree.leaves[usize::try_from(old).unwrap()];
        assert_eq!(check_inclusion(old, &leaf, size, &root, &proof), Ok(()));
    }
    assert!(tiles.held.len() <= TILES_HELD_MAX);
    // A tile cut short, and one that is missing, are named.
    let partial = Tile::at(Kind::Hashes(0), 273, size).unwrap().path();
    let whole = std::fs::read(folder.path().join(&partial)).unwrap();
    std::fs::write(folder.path().join(&partial), [0; 31]).unwrap();
    assert_eq!(consistency(&mut TileHashes::new(folder.path(), size), 3, size).unwrap_err().file, partial);
    std::fs::write(folder.path().join(&partial), whole).unwrap();
    std::fs::remove_file(folder.path().join("tile/1/000")).unwrap();
    assert_eq!(inclusion(&mut TileHashes::new(folder.path(), size), 3, size).unwrap_err().file, "tile/1/000");
}

#[test]
fn the_written_form_is_read_back_and_nothing_else() {
    let signer = super::super::Signer::from_seed("example.test/log", &[7; 32]).unwrap();
    let note = super::super::Checkpoint { origin: "example.test/log".into(), size: 9, root: [1; 32] }.sign(&signer);
    for path in [vec![], vec![[1; 32], [2; 32]], vec![[3; 32]; LINES_MAX]] {
        let proof = InclusionProof { index: 8, path, note: note.clone() };
        let text = proof.text();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 8\n"), "{text}");
        assert_eq!(InclusionProof::parse(&text), Ok(proof));
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert!(InclusionProof::parse(&text[..cut]).is_err(), "cut at {cut}");
        }
        for bad in ["index 08", "index +8", "index  8", "index", "extra AAAA\nindex 8"] {
            assert!(InclusionProof::parse(&text.replace("index 8", bad)).is_err(), "{bad}");
        }
    }
    let long = InclusionProof { index: 8, path: vec![[3; 32]; LINES_MAX + 1], note };
    assert_eq!(InclusionProof::parse(&long.text()), Err(ProofError::Length));
    let short = write_lines(&[[3; 32]]).replacen("Aw", "Ax", 1) + "\n";
    assert!(read_lines(&short).is_ok_and(|(path, rest)| path != [[3; 32]] && rest.is_empty()));
    for bad in ["", "AAAA\n\n", "!\n\n", &short.replace('=', ""), &short.replace("M=", "N=")] {
        assert_eq!(read_lines(bad), Err(ProofError::Form), "{bad:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn larger_trees_agree_with_the_model(size in 1_u64..20_000, a: u64, b: u64) {
        let mut tree = Naive::new(size);
        let root = tree.root(size);
        let (old, index) = (1 + a % size, b % size);
        let old_root = tree.root(old);
        let proof = consistency(&mut tree, old, size).unwrap().unwrap();
        prop_assert_eq!(
            &proof, &tree.subproof(usize::try_from(old).unwrap(), 0, usize::try_from(size).unwrap(), true));
        prop_assert!(proof.len() <= LINES_MAX);
        prop_assert_eq!(check_consistency((old, &old_root), (size, &root), &proof), Ok(()));
        let leaf = tree.leaves[usize::try_from(index).unwrap()];
        let path = inclusion(&mut tree, index, size).unwrap().unwrap();
        prop_assert_eq!(check_inclusion(index, &leaf, size, &root, &path), Ok(()));
        for bad in spoiled(&proof) {
            prop_assert!(check_consistency((old, &old_root), (size, &root), &bad).is_err());
        }
    }

    #[test]
    fn any_sizes_and_any_hashes_end(old: u64, size: u64, index: u64, hash: Hash, lines in 0_usize..70, text: String) {
        let path = vec![hash; lines];
        let _ = check_consistency((old, &hash), (size, &hash), &path);
        let _ = check_inclusion(index, &hash, size, &hash, &path);
        let _ = InclusionProof::parse(&text);
        let _ = read_lines(&text);
        prop_assert_eq!(read_lines(&(write_lines(&path[..lines.min(LINES_MAX)]) + "\n")).unwrap().0.len(), lines.min(LINES_MAX));
    }
}

#[test]
fn a_line_has_one_spelling() {
    let other = BASE64.encode(&[7; 1]) + &BASE64.encode(&[7; 31]) + "\n\n";
    assert_eq!(read_lines(&other), Err(ProofError::Form));
    assert_eq!(read_lines(&(BASE64.encode(&[7; 32]) + "\n\n")), Ok((vec![[7; 32]], "")));
}
