//! Checkpoints kept elsewhere, by a witness, an auditor or on paper, against the log as it is now.
//!
//! Whoever holds the node's key can write a log anew that verifies. What they cannot do is make it have the root of a
//! checkpoint that somebody else has kept: that takes another log with the same entries.

use crate::{
    log::{Checkpoint, NoteError, Verdict, WitnessKey, note::Note},
    retention::Start,
};
use std::{collections::BTreeSet, time::Duration};
use types::Time;

/// How far a witness's clock may be from the node's.
const CLOCKS_MAX: Duration = Duration::from_secs(86_400);

/// A signed checkpoint as it was kept; nothing of it is believed yet.
#[derive(Debug, Clone)]
pub struct KeptCheckpoint {
    /// Where it was read, for the answer.
    pub file: String,
    note: Result<(Note, Checkpoint), NoteError>,
}

impl KeptCheckpoint {
    /// Takes the bytes of a signed note.
    pub fn read(file: impl Into<String>, bytes: &[u8]) -> Self {
        let parsed = Note::parse(bytes).and_then(|note| Checkpoint::parse(&note.text).map(|head| (note, head)));
        Self { file: file.into(), note: parsed }
    }

    /// The log that it says it is of.
    pub fn origin(&self) -> Option<&str> {
        self.note.as_ref().ok().map(|(_, head)| head.origin.as_str())
    }

    fn size(&self) -> Option<u64> {
        self.note.as_ref().ok().map(|(_, head)| head.size)
    }
}

/// What became of one kept checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Where it was read.
    pub file: String,
    /// The number of entries that it counts, when it can be read at all.
    pub size: Option<u64>,
    /// Whether the log's first entries are those that it counts.
    pub ok: bool,
    /// All that it counts went with what lay before the minimum: it speaks neither for the log nor against it.
    pub gone: bool,
    /// What is wrong, in plain words.
    pub what: Option<String>,
    /// Which of the trusted witnesses cosigned it, and when, in seconds since 1970.
    pub cosigned_by: Vec<(String, u64)>,
}

/// The sizes whose roots the pass has to keep.
pub(crate) fn sizes(kept: &[KeptCheckpoint]) -> BTreeSet<u64> {
    kept.iter().filter_map(KeptCheckpoint::size).collect()
}

/// Judges every kept checkpoint, smallest first; and says which of the trusted witnesses vouches for nothing.
pub(crate) fn compare(
    kept: &[KeptCheckpoint],
    witnesses: &[WitnessKey],
    (verdict, start): (&Verdict, &Start),
) -> (Vec<Compared>, Vec<String>) {
    let mut in_order: Vec<&KeptCheckpoint> = kept.iter().collect();
    in_order.sort_by_key(|kept| kept.size());
    // Up to here the log is what somebody remembers.
    let mut agreed = 0;
    let mut compared = Vec::new();
    for kept in in_order {
        let mut cosigned_by = Vec::new();
        let judged = judge(kept, witnesses, verdict, agreed, &mut cosigned_by);
        let judged = judged.and_then(|speaks| in_time(kept, start, &cosigned_by).map(|()| speaks));
        if let (Ok(true), Some(size)) = (&judged, kept.size()) {
            agreed = size;
        }
        let (file, size, gone) = (kept.file.clone(), kept.size(), judged == Ok(false));
        compared.push(Compared { file, size, ok: judged.is_ok(), gone, what: judged.err(), cosigned_by });
    }
    let speak = |one: &&Compared| one.ok && !one.gone;
    let vouches = |witness: &&WitnessKey| {
        let mut good = compared.iter().filter(speak).flat_map(|one| &one.cosigned_by);
        good.any(|(name, _)| name == witness.name())
    };
    let silent = witnesses.iter().filter(|witness| !vouches(witness));
    let silent = silent
        .map(|witness| format!("no checkpoint that the witness {} cosigned agrees with this journal", witness.name()));
    let mut silent: Vec<String> = silent.collect();
    // Whoever holds the key could say that all went that anybody remembers.
    if !compared.is_empty() && compared.iter().all(|one| one.gone) {
        silent.push(
            "every checkpoint kept elsewhere counts only what went before the minimum: none can be compared".into(),
        );
    }
    (compared, silent)
}

/// What a witness saw when, against what the statement of the minimum says of its time.
fn in_time(kept: &KeptCheckpoint, start: &Start, cosigned_by: &[(String, u64)]) -> Result<(), String> {
    let (Some(begun), Some(size)) = (start.begun(), kept.size()) else { return Ok(()) };
    let moment = |seconds: u64| Time::from_micros(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000));
    for (witness, at) in cosigned_by.iter().map(|(witness, seconds)| (witness, moment(*seconds))) {
        if size <= begun.minimum.size && at > begun.raised.through.end() + CLOCKS_MAX {
            return Err(format!(
                "{witness} saw no more than {size} entries after {}, the last month that went: the minimum of {} counts younger ones",
                begun.raised.through, begun.minimum.size
            ));
        }
        if size > begun.minimum.stated_at && start.stated().is_some_and(|stated| stated > at + CLOCKS_MAX) {
            return Err(format!("{witness} saw the minimum stated before the moment that its statement bears"));
        }
    }
    Ok(())
}

/// Whether a kept checkpoint is what the log says; false for one that counts only what went.
fn judge(
    kept: &KeptCheckpoint,
    witnesses: &[WitnessKey],
    verdict: &Verdict,
    agreed: u64,
    cosigned_by: &mut Vec<(String, u64)>,
) -> Result<bool, String> {
    let (note, head) = kept.note.as_ref().map_err(ToString::to_string)?;
    let keys = verdict.keys.as_ref().ok_or("the key of the log is not known")?;
    keys.head_of(note).map_err(|error| error.to_string())?;
    for witness in witnesses {
        match witness.verify(note) {
            Ok(when) => cosigned_by.push((witness.name().to_owned(), when)),
            Err(NoteError::Unsigned) => {}
            Err(error) => return Err(format!("the cosignature of {}: {error}", witness.name())),
        }
    }
    let range = || match head.size.checked_sub(agreed + 1) {
        Some(0) => format!("entry {agreed} is not the one that was logged"),
        _ => format!("the first that differs is one of the entries {agreed} to {}", head.size.saturating_sub(1)),
    };
    match verdict.roots.get(&head.size) {
        Some(root) if *root == head.root => Ok(true),
        Some(_) => Err(format!(
            "the first {} entries are not those of this checkpoint, which the log's key signed: the journal was \
             rewritten or forked; {}",
            head.size,
            range()
        )),
        None if verdict.minimum.as_ref().is_some_and(|minimum| head.size < minimum.size) => Ok(false),
        None if verdict.bad.is_some() => {
            Err(format!("not reached: verification ended after {} of its {} entries", verdict.entries, head.size))
        }
        None => Err(format!(
            "the journal is truncated: it has {} entries, this checkpoint, which the log's key signed, counts {}",
            verdict.entries, head.size
        )),
    }
}
