//! The life of an account: its states, and why it is in one.

use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// Where an account is in its life. What each leads to is `identity`'s.
    AccountState {
        /// Created; its holder has not yet chosen what he signs in with.
        Invited = "invited",
        /// In use.
        Active = "active",
        /// Held for a time: a long absence, a suspicion.
        Suspended = "suspended",
        /// Its holder is gone, or must not come in any more.
        Blocked = "blocked",
        /// Over for good.
        Closed = "closed",
    }
}

words! {
    /// Why an account's state was changed (acces-web GA4).
    LifeReason {
        /// Away for long.
        Absence = "absence",
        /// Something was noticed.
        Suspicion = "suspicion",
        /// Left.
        Departure = "departure",
        /// Died.
        Death = "death",
        /// The contract is over.
        ContractEnd = "contract_end",
        /// The holder asked.
        Asked = "asked",
        /// What it was for is no more, or it was a mistake.
        Needless = "needless",
        /// Back, or the doubt is gone.
        Back = "back",
        /// The hospital's directory says so: its account there is disabled, or in no group that comes in here.
        Directory = "directory",
    }
}

words! {
    /// How somebody's identity was verified before he was given an account, or the means of one again.
    IdentityProof {
        /// Face to face, with an identity document.
        InPerson = "in_person",
        /// Face to face, by somebody who knows him.
        Known = "known",
        /// By an identity provider at the substantial level or above.
        Provider = "provider",
        /// By his employer, who answers for it under a contract.
        Employer = "employer",
    }
}

impl IdentityProof {
    /// Whether whoever verified it had him before him: what is handed over is handed to him.
    pub const fn is_face_to_face(self) -> bool {
        matches!(self, Self::InPerson | Self::Known)
    }

    /// Whether it is firm enough to give an account that is in use other means: he was seen, or a provider answers for it
    /// at the substantial level. An employer's word opens an account; it does not move one.
    pub const fn is_substantial(self) -> bool {
        matches!(self, Self::InPerson | Self::Known | Self::Provider)
    }
}
