//! Whether what stands in the database was really signed. Pure: rows in, a [`Warrant`] or the exact reason out.
//!
//! Nothing here believes a row. The terms are rebuilt from the rows, so that a changed row no longer fits its signature;
//! each signature is verified by a key whose enrolment was signed by an administrator's key, and so on up to the keys
//! pinned in the node's configuration; who answers for an equipment is signed too.

use crate::{
    model::{Protocol, Right, State, Technician},
    rehearsal::Rehearsed,
    terms::{EquipmentTerms, InterventionTerms, Nonce, Terms},
};
use identity::{
    passkey::Assertion,
    vouching::{self, NotTrusted, PasskeyRow, PinnedKey},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};
use types::{AccountId, Cidr, ClientAddress, EquipmentId, EstablishmentId, InterventionId, Role, Time};

/// What a node trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// By its configuration: the first keys.
    pub first: Arc<vouching::Pinned>,
    /// What a probe rehearses at present, and the keys that count for it and for nothing else.
    pub rehearsed: Option<Arc<Rehearsed>>,
}

/// Somebody's signature over some terms, as a row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// What for.
    pub kind: SignatureKind,
    /// Of the terms.
    pub nonce: Nonce,
    /// Whose it is said to be.
    pub account: AccountId,
    /// What his passkey answered.
    pub assertion: Assertion,
}

impl SignatureRow {
    /// One whose sealed part does not open here: somebody without the keys wrote or moved it. It fits nothing.
    pub(crate) fn unreadable(kind: SignatureKind, nonce: Nonce, account: AccountId) -> Self {
        let assertion = Assertion {
            credential: Vec::new(),
            client_data_json: Vec::new(),
            authenticator_data: Vec::new(),
            signature: Vec::new(),
        };
        Self { kind, nonce, account, assertion }
    }

    /// No passkey has an empty identifier.
    pub(crate) fn is_readable(&self) -> bool {
        !self.assertion.credential.is_empty()
    }
}

/// What a signature on an intervention is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// Its approval.
    Approve,
    /// A later end.
    Extend {
        /// The new end.
        until: Time,
    },
    /// "Do not interrupt".
    Hold {
        /// Until when.
        until: Time,
        /// Whether it was lifted since.
        released: bool,
    },
}

/// An intervention with all that was signed for it, as the rows have it. Nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where it stands.
    pub state: State,
    /// What was asked for, on which equipment: rebuilt from the rows.
    pub terms: InterventionTerms,
    /// Under the equipment.
    pub equipment_signature: Option<SignatureRow>,
    /// Under the intervention.
    pub signatures: Vec<SignatureRow>,
    /// The passkeys that signed, those that vouched for them, and so on.
    pub passkeys: Vec<PasskeyRow>,
}

/// The pinned keys as they stand, with what is rehearsed. Clones are handles.
#[derive(Clone)]
pub struct Pins {
    first: vouching::Pins,
    rehearsed: Arc<RwLock<Option<Arc<Rehearsed>>>>,
}

impl Pins {
    /// Those of the configuration.
    pub fn new(pinned: vouching::Pinned) -> Self {
        Self { first: vouching::Pins::new(pinned), rehearsed: Arc::default() }
    }

    /// Those that count for whatever is signed: no rehearsal's.
    pub fn first(&self) -> &vouching::Pins {
        &self.first
    }

    /// As they stand now.
    pub fn now(&self) -> Pinned {
        let rehearsed = self.rehearsed.read().unwrap_or_else(PoisonError::into_inner).clone();
        Pinned { first: self.first.now(), rehearsed }
    }

    /// Adds one: whoever calls has written it into the configuration first.
    pub fn add(&self, key: PinnedKey) {
        self.first.add(key);
    }

    /// Takes up what a probe rehearses, in the place of anything before; nothing, and it is forgotten.
    pub(crate) fn rehearse(&self, rehearsed: Option<Arc<Rehearsed>>) {
        *self.rehearsed.write().unwrap_or_else(PoisonError::into_inner) = rehearsed;
    }
}

/// Why there is no warrant: the exact reason, for the desk and the trace, never for a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWarrant {
    /// Not decided, refused, withdrawn, closed, cut or lapsed.
    #[error("the intervention is {0}")]
    State(State),
    /// Before its window.
    #[error("the window has not begun")]
    TooEarly,
    /// Past its window.
    #[error("the window is over")]
    TooLate,
    /// Nobody signed what the equipment is.
    #[error("nobody has signed for the equipment")]
    EquipmentUnsigned,
    /// The equipment's address, key, login, beneficiaries or quorum are not those that were signed.
    #[error("the equipment is not what was signed (address, host key, login, who answers for it)")]
    EquipmentForged,
    /// Who signed for the equipment is no administrator of its establishment.
    #[error("the equipment was not signed by an administrator")]
    EquipmentSigner,
    /// Fewer approvals than it takes.
    #[error("{given} of {needed} approvals were given")]
    Quorum {
        /// By how many people.
        given: u8,
        /// How many it takes.
        needed: u8,
    },
    /// Somebody who does not answer for the equipment.
    #[error("somebody signed who does not answer for the equipment")]
    NotBeneficiary,
    /// An approval whose signature does not fit: forged, of another intervention, or the terms were changed since.
    #[error("an approval does not fit what stands here (forged, of another intervention, or changed since)")]
    ApprovalForged,
    /// An extension whose signature does not fit.
    #[error("an extension does not fit what stands here")]
    ExtensionForged,
    /// A "do not interrupt" whose signature does not fit.
    #[error("a \"do not interrupt\" does not fit what stands here")]
    HoldForged,
    /// The passkey that signed is somebody else's.
    #[error("a passkey signed that is not the signer's")]
    OthersKey,
    /// The passkey that signed does not count.
    #[error(transparent)]
    Key(#[from] NotTrusted),
}

/// Proof that an intervention was approved, in these very terms, by those who answer for the equipment. Made by this
/// module only.
#[derive(Debug)]
pub struct Warrant {
    intervention: InterventionId,
    window_end: Time,
    hold_until: Option<Time>,
    rights: Vec<Right>,
    technicians: Vec<Technician>,
    sources: Vec<Cidr>,
    equipment: WarrantedEquipment,
}

/// The equipment of a warrant, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarrantedEquipment {
    /// Which.
    pub id: EquipmentId,
    /// In which version.
    pub version: u64,
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub protocol: Protocol,
    /// Where.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The only key that it may show.
    pub host_key: String,
    /// The login on the machine.
    pub account: String,
}

/// How an intervention stands by its signatures alone, whatever its state and the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Distinct people who approved.
    pub approvals: u8,
    /// How many it takes.
    pub quorum: u8,
    /// First moment past the window, with the extensions in force.
    pub window_end: Time,
    /// The last "do not interrupt" that was not lifted: it keeps what runs.
    pub hold_until: Option<Time>,
    /// The same, signed by as many as the approval takes: past the window it lets somebody in again.
    pub reentry_until: Option<Time>,
}

impl Standing {
    /// Whether enough have approved.
    pub fn is_approved(&self) -> bool {
        self.approvals >= self.quorum
    }
}

impl Evidence {
    /// Verifies every signature: what the signatures say, or the first that does not fit.
    pub fn standing(&self, pinned: &Pinned) -> Result<Standing, NoWarrant> {
        let chain = self.chain(pinned);
        self.equipment(&chain)?;
        for row in &self.signatures {
            self.fits(&chain, row)?;
        }
        let quorum = self.terms.equipment.quorum.max(1);
        let approved: BTreeSet<AccountId> = self.of_kind(|kind| matches!(kind, SignatureKind::Approve)).collect();
        Ok(Standing {
            approvals: u8::try_from(approved.len()).unwrap_or(u8::MAX),
            quorum,
            window_end: self.window_end(quorum),
            hold_until: self.holds().map(|(_, until)| until).max(),
            reentry_until: signed_by(quorum, self.holds()),
        })
    }

    /// Verifies one signature that is about to be kept.
    pub fn admits(&self, pinned: &Pinned, row: &SignatureRow) -> Result<(), NoWarrant> {
        let chain = self.chain(pinned);
        self.equipment(&chain)?;
        self.fits(&chain, row)
    }

    fn chain<'a>(&'a self, pinned: &'a Pinned) -> Chain<'a> {
        let rehearsed = pinned.rehearsed.as_deref().filter(|one| one.is(&self.terms));
        Chain { rehearsed, ..Chain::new(pinned, self.terms.establishment, &self.passkeys) }
    }

    fn of_kind(&self, wanted: impl Fn(SignatureKind) -> bool) -> impl Iterator<Item = AccountId> {
        self.signatures.iter().filter(move |row| wanted(row.kind)).map(|row| row.account)
    }

    fn equipment(&self, chain: &Chain<'_>) -> Result<(), NoWarrant> {
        let row = self.equipment_signature.as_ref().ok_or(NoWarrant::EquipmentUnsigned)?;
        verify_equipment(chain, &self.terms.equipment, row)
    }

    fn fits(&self, chain: &Chain<'_>, row: &SignatureRow) -> Result<(), NoWarrant> {
        let intervention = || self.terms.clone();
        let (terms, misfit) = match row.kind {
            SignatureKind::Approve => (Terms::Approve(intervention()), NoWarrant::ApprovalForged),
            SignatureKind::Extend { until } => {
                (Terms::Extend { intervention: intervention(), until }, NoWarrant::ExtensionForged)
            }
            SignatureKind::Hold { until, .. } => {
                (Terms::Hold { intervention: intervention(), until }, NoWarrant::HoldForged)
            }
        };
        if !row.is_readable() {
            return Err(misfit);
        }
        if !self.terms.equipment.beneficiaries.contains(&row.account) {
            return Err(NoWarrant::NotBeneficiary);
        }
        let key = chain.key_of(row)?;
        if key.role != Role::Beneficiary {
            return Err(NoWarrant::NotBeneficiary);
        }
        chain.verify(&terms, &row.nonce, key, &row.assertion, misfit)
    }

    /// An extension is in force once as many people have signed it, or a later one, as the approval takes.
    fn window_end(&self, quorum: u8) -> Time {
        let extensions = self.signatures.iter().filter_map(|row| match row.kind {
            SignatureKind::Extend { until } => Some((row.account, until)),
            _ => None,
        });
        signed_by(quorum, extensions).map_or(self.terms.until, |end| end.max(self.terms.until))
    }

    fn holds(&self) -> impl Iterator<Item = (AccountId, Time)> {
        self.signatures.iter().filter_map(|row| match row.kind {
            SignatureKind::Hold { until, released: false } => Some((row.account, until)),
            _ => None,
        })
    }
}

/// The latest moment that as many distinct people as the quorum have signed for, or a later one.
fn signed_by(quorum: u8, signed: impl Iterator<Item = (AccountId, Time)>) -> Option<Time> {
    let mut latest: BTreeMap<AccountId, Time> = BTreeMap::new();
    for (account, until) in signed {
        let end = latest.entry(account).or_insert(until);
        *end = until.max(*end);
    }
    let mut ends: Vec<Time> = latest.into_values().collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    ends.get(usize::from(quorum).saturating_sub(1)).copied()
}

/// Verifies the signature under an equipment, by the keys of its establishment.
pub(crate) fn verify_equipment(
    chain: &Chain<'_>,
    equipment: &EquipmentTerms,
    row: &SignatureRow,
) -> Result<(), NoWarrant> {
    let key = chain.key_of(row)?;
    if key.role != Role::Administrator {
        return Err(NoWarrant::EquipmentSigner);
    }
    let terms = Terms::Equipment(equipment.clone());
    chain.verify(&terms, &row.nonce, key, &row.assertion, NoWarrant::EquipmentForged)
}

/// The passkeys of an establishment and what vouches for them; and, for the rehearsed terms alone, the rehearsal's.
pub(crate) struct Chain<'a> {
    vouched: vouching::Chain<'a>,
    /// Set where the terms are the rehearsed ones, to the letter.
    rehearsed: Option<&'a Rehearsed>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(pinned: &'a Pinned, establishment: EstablishmentId, rows: &'a [PasskeyRow]) -> Self {
        Self { vouched: vouching::Chain::new(&pinned.first, establishment, rows), rehearsed: None }
    }

    /// For the signature under an equipment.
    pub(crate) fn of_equipment(pinned: &'a Pinned, terms: &EquipmentTerms, rows: &'a [PasskeyRow]) -> Self {
        let rehearsed = pinned.rehearsed.as_deref().filter(|one| one.is_on(terms));
        Self { rehearsed, ..Self::new(pinned, terms.establishment, rows) }
    }

    /// The trusted key that a signature is by.
    pub(crate) fn key_of(&self, row: &SignatureRow) -> Result<&'a PasskeyRow, NoWarrant> {
        // A rehearsal's keys prolong nothing, hold nothing and vouch for nobody.
        let rehearsed = self.rehearsed.filter(|_| row.kind == SignatureKind::Approve);
        let key = match rehearsed.and_then(|one| one.key(&row.assertion.credential)) {
            Some(key) => key,
            None => self.trusted(&row.assertion.credential)?,
        };
        if key.account == row.account { Ok(key) } else { Err(NoWarrant::OthersKey) }
    }

    /// A passkey whose enrolment leads to a pinned key.
    pub(crate) fn trusted(&self, credential: &[u8]) -> Result<&'a PasskeyRow, NoWarrant> {
        Ok(self.vouched.trusted(credential)?)
    }

    fn verify(
        &self,
        terms: &Terms,
        nonce: &Nonce,
        key: &PasskeyRow,
        assertion: &Assertion,
        misfit: NoWarrant,
    ) -> Result<(), NoWarrant> {
        if self.vouched.signs(&terms.challenge(nonce), key, assertion) { Ok(()) } else { Err(misfit) }
    }
}

/// What is signed under an enrolment.
pub(crate) fn enrol_terms(row: &PasskeyRow) -> Terms {
    Terms::Enrol(row.enrol_terms())
}

impl Warrant {
    /// Verifies all of it, at a moment.
    pub fn verify(evidence: &Evidence, pinned: &Pinned, now: Time) -> Result<Self, NoWarrant> {
        if !matches!(evidence.state, State::Planned | State::Open) {
            return Err(NoWarrant::State(evidence.state));
        }
        let standing = evidence.standing(pinned)?;
        if !standing.is_approved() {
            return Err(NoWarrant::Quorum { given: standing.approvals, needed: standing.quorum });
        }
        if now < evidence.terms.from {
            return Err(NoWarrant::TooEarly);
        }
        // Whoever lost his connection in the middle of what must not be interrupted comes back. One signature keeps what
        // runs; it does not stand for the others' where somebody comes in.
        let admitted = standing.reentry_until.is_some_and(|hold| now < hold);
        if now >= standing.window_end && !admitted {
            return Err(NoWarrant::TooLate);
        }
        let terms = &evidence.terms;
        let technician = |one: &crate::terms::TechnicianTerms| Technician {
            account: one.account,
            name: one.name.clone(),
            fingerprints: one.fingerprints.clone(),
        };
        Ok(Self {
            intervention: terms.id,
            window_end: standing.window_end,
            hold_until: standing.hold_until,
            rights: terms.rights.clone(),
            technicians: terms.technicians.iter().map(technician).collect(),
            sources: terms.sources.clone(),
            equipment: WarrantedEquipment {
                id: terms.equipment.id,
                version: terms.equipment.version,
                name: terms.equipment.name.clone(),
                protocol: terms.equipment.protocol,
                host: terms.equipment.host.clone(),
                port: terms.equipment.port,
                host_key: terms.equipment.host_key.clone(),
                account: terms.equipment.account.clone(),
            },
        })
    }

    /// Which intervention.
    pub fn intervention(&self) -> InterventionId {
        self.intervention
    }

    /// First moment past the window, with the extensions in force.
    pub fn window_end(&self) -> Time {
        self.window_end
    }

    /// "Do not interrupt", until then.
    pub fn hold_until(&self) -> Option<Time> {
        self.hold_until
    }

    /// Whether the right was approved.
    pub fn allows(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// What may be done.
    pub fn rights(&self) -> &[Right] {
        &self.rights
    }

    /// Who may work.
    pub fn technicians(&self) -> &[Technician] {
        &self.technicians
    }

    /// Whether this account may come with this key.
    pub fn admits(&self, account: AccountId, fingerprint: &str) -> bool {
        self.technicians.iter().any(|one| one.account == account && one.fingerprints.iter().any(|f| f == fingerprint))
    }

    /// Whether one may come from there.
    pub fn admits_source(&self, address: ClientAddress) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|range| range.contains(address))
    }

    /// Where to connect.
    pub fn equipment(&self) -> &WarrantedEquipment {
        &self.equipment
    }
}

#[cfg(test)]
#[path = "tests/warrant.rs"]
mod tests;
