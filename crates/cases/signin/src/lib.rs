//! Signing in and out: means of identification, accounts, sessions kept.
//!
//! Thin for now: local accounts with a password and a one-time code, server-side sessions, growing delays; keys for SSH with
//! a code, passkeys, tokens for programs. The ceremonies' rules are `identity`'s; this crate brings the records, the keys,
//! the traces and the bounds.

mod accounts;
mod alarms;
mod allow;
mod approvals;
mod at_once;
mod attempts;
mod codes;
mod defences;
mod disown;
mod ending;
mod enrol;
mod envelopes;
mod following;
mod hasher;
mod links;
mod means;
mod model;
mod opening;
mod outbox;
mod own;
mod pace;
mod passkeys;
mod provider;
mod puzzles;
mod rehash;
mod rights;
mod rules;
mod service;
mod sessions;
mod sheets;
mod sql;
mod ssh;
mod staff;
mod steps;
#[cfg(test)]
mod tests;
mod tokens;

pub use accounts::signed::model::{LacksKey, RightGiven, RightSigned, RightTerms, RightToSign};
pub use accounts::{
    Accounts, FIRST_LINK_LIFE, RENEWAL_LINK_LIFE, Standing,
    break_glass::{
        BREAK_GLASS_MAX, BREAK_GLASS_USES_MAX, ENVELOPE_WAIT, ENVELOPES_LIFE, RENEW_AFTER,
        model::{
            BREAK_GLASS_WORDS_CHARS_MAX, BREAK_GLASS_WORDS_CHARS_MIN, BreakGlassReview, BreakGlassSeen, BreakGlassUse,
            DrawnEnvelope, EnvelopeWaits, EnvelopesSeen, EnvelopesServe, NewBreakGlass,
        },
    },
    model::{
        ACCOUNTS_SHOWN_MAX, AccountError, AccountPage, AccountQuery, AccountSeen, AccountSheet, Attributes, DrawnLink,
        LOGIN_CHARS_MAX, LinkSeen, NewInvitation, SecondCode,
    },
    sheets::{
        SHEET_ENDS_SOON, SHEET_FEW, SHEET_LIFE, SHEET_WAIT,
        model::{DrawnSheet, SheetSeen, SheetsSeen},
    },
};
pub use accounts::{reminders::REMINDED_EVERY, renewal::RENEWAL_DELAY};
pub use alarms::{ALARM_MAILED_EVERY, ALARMS_KEPT, Alarms};
pub use approvals::{
    SshAnswered,
    model::{APPROVAL_LIFE, SshAnswer, SshAsked, SshWaiting},
};
pub use at_once::{OtherSession, PRESENT};
pub use defences::{Alarm, AlarmKind, Defences, SCATTER_NETWORKS, SPRAY_LOGINS, WIDE_SPRAY_LOGINS};
pub use enrol::lent::{Lent, NOBODYS_NUMBER, RESERVED_ADMINISTRATOR, RESERVED_GUARD, RESERVED_INVITED};
pub use enrol::{EnrolError, Enrolment, NewAccount, Prepared};
pub use envelopes::{BREAK_GLASS_SESSION_SECONDS_MAX, BreakGlassReason};
pub use following::{Behind, FollowError, Followed, Following, Held};
pub use links::{Chosen, LinkError, LinkWelcome};
pub use means::{
    EVIDENCE_BYTES_MAX, Means, MeansError, PasskeyOptions, Registration,
    model::{
        BadLabel, EnrolledPasskey, LABEL_CHARS_MAX, OwnMeans, PASSKEYS_MAX, PasskeySeen, SSH_KEYS_MAX, SshKeySeen,
        TOKENS_MAX,
    },
};
pub use model::{LastSignIn, PastSignIn, SignedIn};
pub use outbox::{
    LETTER_LIFE, Outbox,
    model::{About, Letter, LinkTold, Post},
};
pub use own::{OwnAccount, OwnError, OwnLink, OwnSession, SPARE_CODES};
pub use passkeys::{PasskeyAsked, PasskeyRefused};
pub use policy::EndedBecause;
pub use provider::{Answering, Provider, Shown, Silent};
pub use puzzles::{PUZZLE_WAIT, Puzzle, Solved};
pub use rights::{AccountRights, standing_of, supposed};
pub use rules::{RulesSeen, SessionRulesError};
pub use service::{FirstStepError, Opened, SecondStepError, SessionFault, SignInService, SignInSettings, Terminal};
pub use sessions::Honored;
pub use ssh::{SshRefused, SshSeen, SshSignIn};
pub use staff::{Staff, StaffMember};
pub use tokens::{ApiTokens, NewToken, TOKEN_SECONDS_MAX, TOKEN_SOURCES_MAX, TokenHolder, TokenSeen, TokenSettings};
