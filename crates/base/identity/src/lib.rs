//! Who is there: sign-in ceremonies, sessions, throttling rules. The only mint of [`Authenticated`].
//!
//! Pure: the caller brings the time, the random bytes, the stored records and the keys. Nothing here reads a clock, a
//! database or a socket.
//!
//! ```text
//! SignIn<Started> ──password──▶ SignIn<PasswordSeen> ──code──▶ SignIn<Verified> ──open──▶ NewSession
//!                                     │  park / unpark (between two requests)             │
//!                                                              stored session + token ──resume──▶ Authenticated
//! ```

mod authenticated;
mod credentials;
mod envelope;
mod life;
pub mod passkey;
mod password;
mod puzzle;
mod session;
mod session_rules;
mod sheet;
pub mod signed;
mod signin;
mod ssh;
mod throttle;
mod token;
pub mod vouching;

pub use authenticated::{Assurance, Authenticated, FRESH, door_actor, system_actor};
pub use credentials::{
    BadPassword, Credentials, PasswordHash, TotpSecret, code_fits, hash_again, hash_password, is_own_password,
    new_code_step,
};
pub use envelope::{ENVELOPE_CHARS_MAX, ENVELOPE_LETTERS, Envelope, EnvelopeCode, EnvelopeSlip};
pub use life::{
    BREAK_GLASS_ROLES, asks_two_people, decides_over_others, is_reason_for, may_become, review_days, takes_a_link_again,
};
pub use password::{
    BadPolicy, Because, PasswordPolicy, PolicyNumbers, Population, Strength, WeakPassword, check as check_password,
};
pub use puzzle::{PUZZLE_BITS, solve_puzzle, solves_puzzle};
pub use session::{
    DoorKey, NewSession, NotResumed, Resumed, SessionLimits, SessionTimes, SessionToken, StoredSession, TokenDigest,
    resume,
};
pub use session_rules::{AtOnce, BadSessionRules, SESSION_IDLE_SECONDS_MIN, SESSION_SECONDS_MAX, SessionRules};
pub use sheet::{SHEET_CODES, SHEET_WINDOW, SheetCode, may_have_sheet};
pub use signin::{CeremonyLost, CodeUsed, PasswordSeen, SignIn, SignInRefused, Started, Verified};
pub use ssh::{BadSshKey, EnrolledKey, SecondFactor, SshApproval, SshPublicKey, SshRecognized, recognize};
pub use throttle::{
    Failures, account_wait, network_of, network_wait, network_wait_in_a_spray, pair_wait, source_wait,
    source_wait_in_a_spray,
};
pub use token::{ApiToken, NotHonored, StoredToken, TokenTerms, honor_token, issue_token};
