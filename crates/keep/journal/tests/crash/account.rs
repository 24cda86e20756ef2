//! What the killed processes said, and the comparison with what is found.

use crate::{load, node};
use journal::{
    Kind, Outcome, Trace,
    log::{
        Checkpoint, VKey, read_entries,
        tree::{Tree, leaf_hash},
    },
    read_markers, read_traces, verify,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    convert::Infallible,
    fs,
    path::Path,
};
use types::Event;
use vault::MonthKeys;

/// All that was acknowledged in a folder, and every checkpoint that was seen in it.
#[derive(Default)]
pub struct Account {
    noted: Vec<String>,
    effects: Vec<(Outcome, String)>,
    cuts: Vec<u64>,
    checkpoints: BTreeMap<u64, [u8; 32]>,
    vkey: Option<VKey>,
    counted: u64,
}

impl Account {
    /// One line of a process.
    pub fn acknowledge(&mut self, line: &str) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["noted", token] => self.noted.push(token.to_owned()),
            ["done", trace] => self.effects.push((Outcome::Done, trace.to_owned())),
            ["refused", trace] => self.effects.push((Outcome::Refused, trace.to_owned())),
            ["cut", number] => self.cuts.push(number.parse().unwrap()),
            _ => return,
        }
        self.counted += 1;
    }

    /// How many acknowledgements came since this was asked last.
    pub fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.counted)
    }

    /// A checkpoint that was published: from now on it binds the log. The key is the one that the folder had first.
    pub fn keep(&mut self, folder: &Path, note: &[u8]) {
        let file = node::log(folder).join("vkey");
        let vkey = self.vkey.get_or_insert_with(|| fs::read_to_string(file).unwrap().trim().parse().unwrap());
        let checkpoint = Checkpoint::open(note, vkey).expect("a published checkpoint is whole and signed");
        let before = self.checkpoints.insert(checkpoint.size, checkpoint.root);
        assert!(before.is_none_or(|root| root == checkpoint.root), "two roots of size {}", checkpoint.size);
    }

    /// Whether the log, as the kill left it, holds an act without outcome.
    pub fn has_open_intents(&mut self, folder: &Path) -> bool {
        let report = verify(&node::log(folder), None, None);
        report.intents_open > 0
    }

    /// Opens, which recovers; then holds the journal to all that was ever acknowledged in this folder.
    pub fn settle(&mut self, folder: &Path, clean: bool, what: &str) {
        let log = node::log(folder);
        self.keep(folder, &fs::read(log.join("checkpoint")).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (markers, rows) = runtime.block_on(async {
            let (store, journal) = node::open(folder).await;
            for number in &self.cuts {
                assert!(journal.is_revoked(load::session(*number)), "{what}: cut {number} is forgotten");
            }
            let markers = read_markers(&store).await.unwrap().remove(node::ORIGIN).unwrap_or_default();
            let rows: Vec<(String,)> = sqlx::query_as("SELECT name FROM establishments")
                .fetch_all(&mut *store.read().await.unwrap())
                .await
                .unwrap();
            if clean {
                journal.close().await.unwrap();
            }
            store.close().await;
            (markers, rows)
        });
        drop(runtime);
        self.keep(folder, &fs::read(log.join("checkpoint")).unwrap());
        let report = verify(&log, self.vkey.as_ref(), Some(&markers));
        assert!(report.ok(), "{what}: {report:?}");
        assert_eq!(report.intents_open, 0, "{what}");
        self.compare_roots(&log, what);
        let months = MonthKeys::new(&folder.join("vault"), &node::master(folder)).unwrap();
        let traces = read_traces(&log, &months, 0..report.verdict.entries).unwrap();
        self.compare_notes(&traces, what);
        self.compare_acts(&traces, &rows, what);
    }

    /// The tree over the entries goes through every root that was ever published; and no entry is there twice.
    fn compare_roots(&self, log: &Path, what: &str) {
        let (mut tree, mut leaves) = (Tree::new(), HashSet::new());
        let mut left = self.checkpoints.clone();
        left.remove(&0);
        for read in read_entries(log, 0..u64::MAX).unwrap() {
            let (index, entry) = read.unwrap();
            let leaf = leaf_hash(&entry);
            assert!(leaves.insert(leaf), "{what}: entry {index} is there twice");
            let Ok(()) = tree.push(leaf, &mut |_, _, _| Ok::<_, Infallible>(()));
            if let Some(root) = left.remove(&tree.size()) {
                assert_eq!(tree.root(), root, "{what}: the checkpoint of {} entries is contradicted", tree.size());
            }
        }
        assert!(left.is_empty(), "{what}: of {} entries, fewer than a checkpoint said: {left:?}", tree.size());
    }

    fn compare_notes(&self, traces: &[Trace], what: &str) {
        let mut found: HashMap<&str, u32> = HashMap::new();
        for trace in traces.iter().filter(|trace| trace.event == Event::RelayAlarm) {
            let detail = trace.detail.as_deref().unwrap();
            *found.entry(detail.split_once(' ').unwrap().0).or_default() += 1;
        }
        for token in &self.noted {
            assert_eq!(found.get(token.as_str()), Some(&1), "{what}: entry {token}, acknowledged");
        }
        assert!(found.values().all(|times| *times == 1), "{what}: an entry is there twice");
    }

    /// Each row names its trace and what became of it: the outcomes say the same, and of nothing else that it was done.
    fn compare_acts(&self, traces: &[Trace], rows: &[(String,)], what: &str) {
        let mut outcomes: HashMap<String, BTreeSet<&str>> = HashMap::new();
        for trace in traces.iter().filter(|trace| trace.event == Event::EstablishmentCreated) {
            let said = outcomes.entry(trace.trace.to_string()).or_default();
            match (trace.kind, trace.outcome) {
                (Kind::Intent, _) => {}
                (_, Some(Outcome::Done)) => drop(said.insert("done")),
                (_, Some(Outcome::Refused)) => drop(said.insert("refused")),
                (_, Some(Outcome::Failed | Outcome::Abandoned)) => drop(said.insert("nothing")),
                (_, other) => panic!("{what}: an outcome {other:?}"),
            }
        }
        let rows: HashMap<&str, &str> =
            rows.iter().map(|(name,)| name.split_once(' ').unwrap()).map(|(word, trace)| (trace, word)).collect();
        for (trace, said) in &outcomes {
            let right = rows.get(trace.as_str()).copied().unwrap_or("nothing");
            assert_eq!(said.iter().collect::<Vec<_>>(), [&right], "{what}: the outcome of {trace}");
        }
        for trace in rows.keys() {
            assert!(outcomes.contains_key(*trace), "{what}: the effect of {trace} has no trace");
        }
        for (outcome, trace) in &self.effects {
            let right = if *outcome == Outcome::Done { "done" } else { "refused" };
            assert_eq!(rows.get(trace.as_str()), Some(&right), "{what}: the effect of {trace}, acknowledged");
        }
    }
}
