//! What is due goes: announced in the journal first, then destroyed, then said to be gone.

use super::{Begun, Book, Ledger, Month, Prospect, Purged, Sealed, Standing, Statement, due::Pair, prune::prospect_of};
use crate::{
    Journal, JournalError,
    entry::{Body, Header, header, split},
    log::{Bad, Passes, VKey, load_checkpoint, load_vkey, read_entries, verify},
    seal::Opening,
    trace::target_of,
};
use policy::{Authorized, Declaration};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use types::{Event, Extras, Family, SystemActor, Time};
use vault::KeptPair;

/// How far the clock may go from the machine's own count, since the journal was opened, for anything to be destroyed.
const DRIFT_MAX: Duration = Duration::from_secs(3600);
/// How much later than it was judged a statement may be written.
const LATER_MAX: Duration = Duration::from_secs(60);
/// Keys destroyed in one turn: the next turn goes on.
const TURN_MAX: usize = 64;
/// Journals under one folder that are looked at.
const ORIGINS_MAX: usize = 64;
/// The ground that a purge names.
pub(super) const BASIS: &str = "retention term reached, no legal hold (acces-web TR1, clausier O-6.5)";

/// A month of a family, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyMonth {
    /// The pair's name: `<family>-<yyyy-mm>`.
    pub pair: String,
    /// Its family.
    pub family: Family,
    /// Its month.
    pub month: Month,
    /// Where its entries lie, journal by journal.
    pub sealed: Vec<Sealed>,
    /// Months of retention: the longest of anything that was sealed to it.
    pub months: u16,
    /// The first moment at which it may go.
    pub term: Time,
    /// How it stands.
    pub standing: Standing,
}

/// What is kept, what is in force and what waits.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// At what moment.
    pub at: Time,
    /// The settings, holds and proposals.
    pub book: Book,
    /// What is recorded beyond the minimum.
    pub extras: Extras,
    /// The months, oldest first.
    pub months: Vec<FamilyMonth>,
    /// From which entry on the journal is kept, and how far that may go.
    pub minimum: Prospect,
    /// The clock moved against the machine's own count: nothing goes before the node is started again.
    pub clock_moved: bool,
    /// A journal beside this one cannot be read, so what it decided and sealed is not in this; nothing goes meanwhile.
    pub unread: bool,
    /// Why something was asked, in the words of whoever asked; for those that can be read still.
    pub reasons: BTreeMap<super::ProposalId, String>,
}

/// The accounts of all the journals that seal to the same pairs.
#[derive(Debug, Default)]
pub(crate) struct Ledgers {
    pub own: Ledger,
    pub(super) others: BTreeMap<String, Ledger>,
}

/// What a journal holds of retention.
pub(crate) struct Keeper {
    ledgers: Arc<Mutex<Ledgers>>,
    pub(super) folder: PathBuf,
    pub(super) vkey: VKey,
    began: (Time, Instant),
    /// What is recorded beyond the minimum, asked for each trace: [`Extras::bits`].
    extras: AtomicU8,
    /// What the minimum could not be raised to although months and keys allow it: not tried again each hour.
    pub(super) raise_tried: AtomicU64,
}

impl Keeper {
    /// Over the folder `journal/`, at the moment of its opening, with the key that signs this node's.
    pub(crate) fn new(folder: PathBuf, vkey: VKey, now: Time, extras: Extras) -> Self {
        let extras = AtomicU8::new(extras.bits());
        let raise_tried = AtomicU64::new(0);
        Self { ledgers: Arc::default(), folder, vkey, began: (now, Instant::now()), extras, raise_tried }
    }

    pub(crate) fn set_extras(&self, extras: Extras) {
        self.extras.store(extras.bits(), Ordering::SeqCst);
    }

    pub(super) fn clock_moved(&self, now: Time) -> bool {
        let (began, counted) = (self.began.0, self.began.1.elapsed());
        let expected = began + counted;
        now.since(expected).max(expected.since(now)) > DRIFT_MAX
    }
}

impl Ledgers {
    /// The accounts from entries that are verified, every one of them: nothing is destroyed on a file's word.
    pub(super) fn proven(
        folder: &Path,
        origin: &str,
        vkey: &VKey,
        each: &mut dyn FnMut(u64, &Header, bool),
    ) -> Result<Self, JournalError> {
        let own = verified(&folder.join(origin), Some(vkey), each)?;
        let others = origins(folder)?.into_iter().filter(|name| name != origin);
        let others = others.map(|name| Ok((name.clone(), verified(&folder.join(name), None, &mut |_, _, _| ())?)));
        Ok(Self { own, others: others.collect::<Result<_, JournalError>>()? })
    }

    fn catch_up_others(&mut self, folder: &Path, origin: &str) -> Result<(), JournalError> {
        for name in origins(folder)?.into_iter().filter(|name| name != origin) {
            let folder = folder.join(&name);
            follow(&folder, self.others.entry(name).or_default(), u64::MAX)?;
        }
        Ok(())
    }

    fn all<'a>(&'a self, origin: &'a str) -> impl Iterator<Item = (&'a str, &'a Ledger)> {
        std::iter::once((origin, &self.own)).chain(self.others.iter().map(|(name, ledger)| (name.as_str(), ledger)))
    }

    fn pair(&self, own: &str, name: &str) -> Option<(Pair, Vec<Sealed>)> {
        let mut pair = Pair::named(name)?;
        let mut sealed = Vec::new();
        for (origin, ledger) in self.all(own) {
            let Some(span) = ledger.span(name) else { continue };
            pair.families.extend(&span.families);
            pair.written = pair.written.max(Some(span.written));
            if origin == own {
                pair.age = Some(span.age);
            }
            sealed.push(Sealed { origin: origin.to_owned(), first: span.first, last: span.last, count: span.count });
        }
        Some((pair, sealed))
    }

    fn months(&self, origin: &str, kept: &[KeptPair], now: Time) -> Vec<FamilyMonth> {
        let book = &self.own.book;
        // What was decided in a journal that this one follows still keeps: the longest of them all wins.
        let others: Vec<_> = self.others.values().map(|other| &other.book).filter(|other| other.decides()).collect();
        let books = || std::iter::once(book).chain(others.iter().copied());
        let of = |(pair, sealed): (Pair, Vec<Sealed>)| FamilyMonth {
            months: books().map(|book| pair.months(book, now)).max().unwrap_or_default(),
            term: books().map(|book| pair.term(book, now)).max().unwrap_or(now),
            standing: match pair.standing(book, self.own.age(), now) {
                Standing::Due => {
                    let all = others.iter().map(|other| pair.standing(other, self.own.age(), now));
                    all.filter(|standing| *standing != Standing::Destroyed).find(|one| *one != Standing::Due)
                }
                other => Some(other),
            }
            .unwrap_or(Standing::Due),
            pair: pair.name,
            family: pair.family,
            month: pair.month,
            sealed,
        };
        let mut months: Vec<_> = kept.iter().filter_map(|one| self.pair(origin, &one.name)).map(of).collect();
        months.sort_by_key(|one| (one.month, one.family));
        months
    }
}

/// What a folder's journal says, without any key and beside a running node: for the command line.
pub fn keeping_of(journal: &Path, origin: &str, vault: &Path, now: Time) -> Result<Keeping, JournalError> {
    let mut ledgers = Ledgers::default();
    follow(&journal.join(origin), &mut ledgers.own, u64::MAX)?;
    ledgers.catch_up_others(journal, origin)?;
    let months = ledgers.months(origin, &KeptPair::in_folder(vault)?, now);
    let minimum = prospect_of(&ledgers, &journal.join(origin), now)?;
    let book = ledgers.own.book;
    let extras = book.extras();
    Ok(Keeping { at: now, book, extras, months, minimum, clock_moved: false, unread: false, reasons: BTreeMap::new() })
}

fn refused(bad: Bad) -> JournalError {
    JournalError::Log(bad.into())
}

fn follow(folder: &Path, ledger: &mut Ledger, entries: u64) -> Result<(), JournalError> {
    // Read anew where nothing was yet, or where what was taken down went meanwhile.
    let begun = Begun::read(folder).map_err(refused)?;
    if begun.as_ref().map_or(0, |begun| begun.minimum.size) != ledger.first() {
        *ledger = Ledger::of(begun);
    }
    for read in read_entries(folder, ledger.next..entries)? {
        let (index, entry) = read?;
        ledger.note(index, &entry).map_err(JournalError::Malformed)?;
    }
    Ok(())
}

/// What another journal recorded beyond the minimum, as far as its entries verify under its key.
pub(crate) fn extras_of(folder: &Path, vkey: &VKey) -> Extras {
    let (mut ledger, mut passes) = (Ledger::default(), Passes::default());
    let verdict = verify(folder, Some(vkey), &mut |index, entry| {
        if passes.begins(index) {
            ledger = Ledger::of(Begun::read(folder).map_err(|bad| bad.to_string())?);
        }
        ledger.note(index, entry)
    });
    let book = ledger.book;
    if let Some(bad) = verdict.bad {
        tracing::warn!(%bad, folder = %folder.display(), "what this journal decided is known as far as it verifies");
    }
    book.extras()
}

fn verified(
    folder: &Path,
    pinned: Option<&VKey>,
    each: &mut dyn FnMut(u64, &Header, bool),
) -> Result<Ledger, JournalError> {
    let (mut ledger, mut passes) = (Ledger::default(), Passes::default());
    let verdict = verify(folder, pinned, &mut |index, entry| {
        let begins = passes.begins(index);
        if begins {
            ledger = Ledger::of(Begun::read(folder).map_err(|bad| bad.to_string())?);
        }
        each(index, &header(entry)?, begins);
        ledger.note(index, entry)
    });
    let bad = verdict.bad.or_else(|| ledger.start().end().err()).map(|bad| bad.to_string());
    bad.map_or(Ok(ledger), |bad| Err(JournalError::Altered(bad)))
}

fn origins(folder: &Path) -> Result<Vec<String>, JournalError> {
    let told = |error: std::io::Error| JournalError::Malformed(format!("{}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        if entry.path().join("vkey").is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    // Beyond the bound something may be sealed to a pair unseen: nothing is known, so nothing goes.
    (names.len() <= ORIGINS_MAX).then_some(names).ok_or_else(|| JournalError::Malformed("too many journals".into()))
}

/// What the journal announced and a stop came before; and keys that came back from somewhere.
fn unfinished<'a>(book: &'a Book, kept: &[KeptPair]) -> Vec<&'a str> {
    let back = |name: &str| kept.iter().any(|one| one.name == name && one.present);
    let left = book.purged().keys().filter(|name| !book.is_destroyed(name) || back(name));
    left.map(String::as_str).collect()
}

impl Journal {
    /// Writes down an act whose effect is its own entry: a statement in clear, who made it sealed beside it. In force when
    /// this returns. What would change nothing is not written, and the inner error says why.
    pub async fn declare<A: Declaration>(
        &self,
        authorized: Authorized<A>,
    ) -> Result<Result<(), super::NotCounted>, JournalError> {
        let journal = self.clone();
        // An owned task: what is asked is not left half-way by whoever does not wait.
        self.own(async move { journal.declare_owned(authorized).await }).await.map_err(|_| JournalError::Fault)?
    }

    async fn declare_owned<A: Declaration>(
        &self,
        authorized: Authorized<A>,
    ) -> Result<Result<(), super::NotCounted>, JournalError> {
        let ledgers = self.caught_up().await?;
        self.in_force(authorized.expires(), authorized.subject().session, false)?;
        let (action, subject, purpose, _) = authorized.into_parts();
        let bytes = action.statement().ok_or(JournalError::Fault)?;
        let statement = Statement::decode(bytes).ok_or(JournalError::Fault)?;
        // Only people's own statements: what is purged, the node says.
        match statement {
            Statement::Proposed { .. } | Statement::Confirmed { .. } | Statement::Withdrawn { .. } => {}
            _ => return Err(JournalError::Fault),
        }
        // It is written a moment later: what would no longer count then is not written either.
        for at in [self.now(), self.now() + LATER_MAX] {
            if let Err(why) = ledgers.own.book.would_take(&statement, at) {
                return Ok(Err(why));
            }
        }
        let target = target_of(&action);
        let body = Body { target, detail: action.detail(), ..self.body_of(&subject, Some(purpose)) };
        self.append_statement(A::EVENT, &statement, &body).await?;
        let mut book = ledgers.own.book.clone();
        book.read(&statement.encode(), self.now());
        self.0.keeper.set_extras(book.extras());
        Ok(Ok(()))
    }

    /// What is recorded beyond the minimum.
    pub fn extras(&self) -> Extras {
        Extras::from_bits(self.0.keeper.extras.load(Ordering::SeqCst))
    }

    /// What is kept, what is in force and what waits.
    pub async fn keeping(&self) -> Result<Keeping, JournalError> {
        let (ledgers, unread) = match self.caught_up_with_others().await {
            Ok(ledgers) => (ledgers, false),
            Err(error) => {
                tracing::warn!(%error, "a journal beside this one cannot be read: what it decided is not shown");
                (self.caught_up().await?, true)
            }
        };
        let journal = self.clone();
        let read = move || {
            let now = journal.now();
            let months = ledgers.months(&journal.0.origin, &journal.0.seals.months().list()?, now);
            let book = ledgers.own.book.clone();
            let holds: Vec<_> = book.holds(now).map(|hold| hold.id).collect();
            let asked = book.proposals(now).map(|one| one.id).chain(holds);
            let reasons = asked.filter_map(|id| Some((id, journal.reason(&ledgers.own, &id)?))).collect();
            let clock_moved = journal.0.keeper.clock_moved(now);
            let minimum = ledgers.prospect(&journal.0.keeper.folder.join(&journal.0.origin), now)?;
            Ok(Keeping { at: now, book, extras: journal.extras(), months, minimum, clock_moved, unread, reasons })
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Fault)?
    }

    /// Why something was asked: the words are sealed as any others, and gone with their month.
    fn reason(&self, own: &Ledger, id: &super::ProposalId) -> Option<String> {
        let (at, key) = own.asked(id)?;
        let folder = self.0.keeper.folder.join(&self.0.origin);
        let entry = |index| split(&read_entries(&folder, index..index + 1).ok()?.next()?.ok()?.1).ok();
        let (sealed, key) = (entry(at)?, entry(key)?);
        let opening = Opening::of(&key.header_bytes, &key.body, self.0.seals.months()).ok()?;
        opening.body(sealed.header.number, &sealed.header_bytes, &sealed.body).ok()?.detail
    }

    /// Destroys the keys of the months that are due, and what a stop left half-done; says which went. The journal is
    /// verified first, whole: of one that was altered nothing goes.
    pub async fn purge_due(&self) -> Result<Vec<String>, JournalError> {
        let ledgers = self.caught_up_with_others().await?;
        let (now, kept) = (self.now(), self.0.seals.months().list()?);
        let is_due = |one: &FamilyMonth| one.standing == Standing::Due;
        let waits = ledgers.months(&self.0.origin, &kept, now).iter().any(is_due);
        if !waits && unfinished(&ledgers.own.book, &kept).is_empty() {
            return Ok(Vec::new());
        }
        // Nobody decides anything meanwhile: the accounts are held.
        let proven = self.proven().await?;
        self.finish(&proven.own.book, &kept).await?;
        let due: Vec<_> = proven.months(&self.0.origin, &kept, now).into_iter().filter(is_due).take(TURN_MAX).collect();
        if !due.is_empty() && self.0.keeper.clock_moved(now) {
            tracing::error!(
                months = due.len(),
                "the clock moved against the machine's own count: no trace is destroyed before the node is started again"
            );
            return Ok(Vec::new());
        }
        let mut gone = Vec::new();
        for one in due {
            self.announce(&one).await?;
            self.destroy(&one.pair).await?;
            gone.push(one.pair);
        }
        drop(ledgers);
        Ok(gone)
    }

    async fn announce(&self, one: &FamilyMonth) -> Result<(), JournalError> {
        let (size, root) = self.head();
        let purged = Purged {
            pair: one.pair.clone(),
            sealed: one.sealed.clone(),
            size,
            root,
            months: one.months,
            term_micros: one.term.micros(),
            basis: BASIS.to_owned(),
        };
        self.state_as_node(Event::JournalPurged, &Statement::Purged(purged)).await
    }

    /// What a stop left half-done, and keys that came back: asked for at the start.
    pub async fn finish_purges(&self) -> Result<(), JournalError> {
        let ledgers = self.caught_up().await?;
        let kept = self.0.seals.months().list()?;
        if !unfinished(&ledgers.own.book, &kept).is_empty() {
            self.finish(&self.proven().await?.own.book, &kept).await?;
        }
        drop(ledgers);
        self.finish_raises().await
    }

    async fn finish(&self, book: &Book, kept: &[KeptPair]) -> Result<(), JournalError> {
        for name in unfinished(book, kept) {
            if !book.is_destroyed(name) {
                self.destroy(name).await?;
            } else {
                tracing::warn!(pair = name, "a key whose purge is in the journal was there again: destroyed again");
                self.0.seals.months().destroy(name)?;
            }
        }
        Ok(())
    }

    pub(super) async fn proven(&self) -> Result<Ledgers, JournalError> {
        let journal = self.clone();
        let read = move || {
            let Keeper { folder, vkey, .. } = &journal.0.keeper;
            Ledgers::proven(folder, &journal.0.origin, vkey, &mut |_, _, _| ())
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Fault)?
    }

    async fn destroy(&self, pair: &str) -> Result<(), JournalError> {
        self.0.seals.months().destroy(pair)?;
        self.state_as_node(Event::KeyDestroyed, &Statement::Destroyed { pair: pair.to_owned() }).await?;
        tracing::info!(pair, "the traces of a month reached their term: their key is destroyed");
        Ok(())
    }

    pub(crate) async fn state_as_node(&self, event: Event, statement: &Statement) -> Result<(), JournalError> {
        let body = Body { author: SystemActor::Node.to_string(), ..Body::default() };
        self.append_statement(event, statement, &body).await
    }

    async fn append_statement(&self, event: Event, statement: &Statement, body: &Body) -> Result<(), JournalError> {
        self.append_stating(event, statement.encode(), body).await
    }

    /// The checkpoint's size and root; nothing before the first one.
    fn head(&self) -> (u64, [u8; 32]) {
        let folder = self.0.keeper.folder.join(&self.0.origin);
        let head = load_vkey(folder.as_path()).and_then(|vkey| load_checkpoint(folder.as_path(), &vkey));
        head.map_or((0, [0; 32]), |head| (head.size, head.root))
    }

    /// The journals' accounts up to now; whoever holds them decides alone.
    pub(super) async fn caught_up(&self) -> Result<OwnedMutexGuard<Ledgers>, JournalError> {
        let mut ledgers = Arc::clone(&self.0.keeper.ledgers).lock_owned().await;
        let (folder, entries) = (self.0.keeper.folder.join(&self.0.origin), self.entries());
        let read = move || follow(&folder, &mut ledgers.own, entries).map(|()| ledgers);
        tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Fault)?
    }

    pub(super) async fn caught_up_with_others(&self) -> Result<OwnedMutexGuard<Ledgers>, JournalError> {
        let mut ledgers = self.caught_up().await?;
        let (folder, origin) = (self.0.keeper.folder.clone(), self.0.origin.clone());
        let read = move || ledgers.catch_up_others(&folder, &origin).map(|()| ledgers);
        tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Fault)?
    }
}
