//! The sign-in ceremony, as states that are consumed by their transitions.
//!
//! Between the two pages the state travels with the browser, tagged by the door's key (the caller seals it besides, so
//! that nobody reads from it whether the password was right). A wrong password is known only after the code was given:
//! unknown login, wrong password and wrong code look alike.

use crate::{
    Assurance, Credentials, DoorKey, NewSession, SessionLimits,
    credentials::{code_step, password_matches},
    passkey::{Assertion, BadAssertion, PasskeyPublic, RelyingParty, verify_assertion},
    session::{Opening, open},
};
use minicbor::{Decode, Encode};
use std::time::Duration;
use types::{AccountId, ClientAddress, EstablishmentId, Role, Secret, SessionId, Time};

/// A ceremony must be finished within this time.
const CEREMONY: Duration = Duration::from_secs(300);

/// A ceremony in state `S`.
pub struct SignIn<S> {
    address: ClientAddress,
    expires: Time,
    state: S,
}

/// Somebody asked to sign in.
pub struct Started(());

/// A password was given, rightly or not.
pub struct PasswordSeen {
    account: Option<AccountId>,
    password_right: bool,
}

/// Password and code were right, or a passkey signed.
pub struct Verified {
    account: AccountId,
    code: CodeUsed,
    assurance: Assurance,
}

/// What must be remembered of a code in the commit that opens the session, so that it serves once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeUsed {
    /// A code of this 30-second step.
    Step(u64),
    /// A spare code, which the caller found among the account's.
    Spare,
    /// A code of its printed sheet, which the caller found among those whose turn it is.
    Sheet,
    /// The challenge that a passkey signed, which the caller drew.
    Challenge([u8; 32]),
    /// The two envelopes of a break-glass account, which the caller compared with what is kept of them.
    Envelopes,
}

/// Password or code were wrong, or nobody has that login: which one is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the login, the password or the code is wrong")]
pub struct SignInRefused;

/// The parked state cannot be taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this sign-in was interrupted for too long, or was not started here")]
pub struct CeremonyLost;

impl SignIn<Started> {
    /// Somebody at `address` begins.
    pub fn start(address: ClientAddress, now: Time) -> Self {
        Self { address, expires: now + CEREMONY, state: Started(()) }
    }

    /// Takes the password. `known` is the account of that login with its credentials; without one the same work is done.
    /// Costs tens of milliseconds of CPU: call it off the async threads, a bounded number at a time.
    pub fn password(self, given: &Secret<String>, known: Option<(AccountId, &Credentials)>) -> SignIn<PasswordSeen> {
        let password_right = password_matches(given, known.map(|(_, credentials)| &credentials.password));
        let state = PasswordSeen { account: known.map(|(id, _)| id), password_right };
        SignIn { address: self.address, expires: self.expires, state }
    }
}

impl SignIn<Started> {
    /// Takes a passkey's signature of `challenge` in the place of password and code. `held` is the passkey as kept and
    /// whose it is.
    pub fn passkey(
        self,
        (rp, challenge): (&RelyingParty, [u8; 32]),
        (account, held): (AccountId, &PasskeyPublic),
        assertion: &Assertion,
    ) -> Result<SignIn<Verified>, BadAssertion> {
        let seen = verify_assertion(rp, &challenge, held, assertion)?;
        // An authenticator that counts has counted on since its enrolment; a copy of it made before has not.
        if held.sign_count > 0 && seen.sign_count <= held.sign_count {
            return Err(BadAssertion::Changed);
        }
        let state = Verified { account, code: CodeUsed::Challenge(challenge), assurance: Assurance::Passkey };
        Ok(SignIn { address: self.address, expires: self.expires, state })
    }
}

impl SignIn<Started> {
    /// Takes the first sealed envelope in the place of a password. `known` is the break-glass account of that login, and
    /// whether it is its code.
    pub fn first_envelope(self, known: Option<(AccountId, bool)>) -> SignIn<PasswordSeen> {
        let password_right = known.is_some_and(|(_, is_right)| is_right);
        let state = PasswordSeen { account: known.map(|(id, _)| id), password_right };
        SignIn { address: self.address, expires: self.expires, state }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Parked {
    #[cbor(n(0), with = "minicbor::bytes")]
    account: Vec<u8>,
    #[n(1)]
    password_right: bool,
    #[cbor(n(2), with = "minicbor::bytes")]
    source: [u8; 16],
    #[n(3)]
    expires: i64,
}

impl SignIn<PasswordSeen> {
    /// Bytes for the browser to bring back, tagged by the door's key. Seal them: they tell whether the password was right.
    pub fn park(self, key: &DoorKey) -> Vec<u8> {
        let parked = Parked {
            // Same length for nobody: the sealed size tells nothing.
            account: self.state.account.map_or([0; 16], |id| *id.as_bytes()).to_vec(),
            password_right: self.state.password_right && self.state.account.is_some(),
            source: self.address.source().octets(),
            expires: self.expires.micros(),
        };
        let body = minicbor::to_vec(&parked).unwrap_or_default();
        let mut bytes = key.tag("ceremony", &body).to_vec();
        bytes.extend(body);
        bytes
    }

    /// Takes up a ceremony parked by this door for somebody at the same source, in time.
    pub fn unpark(bytes: &[u8], key: &DoorKey, address: ClientAddress, now: Time) -> Result<Self, CeremonyLost> {
        let (tag, body) = bytes.split_at_checked(32).ok_or(CeremonyLost)?;
        if !key.tag_matches("ceremony", body, tag) {
            return Err(CeremonyLost);
        }
        let parked: Parked = minicbor::decode(body).map_err(|_| CeremonyLost)?;
        let expires = Time::from_micros(parked.expires);
        if now >= expires || parked.source != address.source().octets() {
            return Err(CeremonyLost);
        }
        let account = AccountId::try_from(parked.account.as_slice()).map_err(|_| CeremonyLost)?;
        let account = (account.as_bytes() != &[0; 16]).then_some(account);
        Ok(Self { address, expires, state: PasswordSeen { account, password_right: parked.password_right } })
    }

    /// The account whose credentials the next step needs, if the login exists.
    pub fn account(&self) -> Option<AccountId> {
        self.state.account
    }

    /// Says whether the password is right in the place of who keeps the account: for one whose password the hospital's
    /// directory keeps, and nobody else.
    pub fn password_vouched(mut self, is_right: bool) -> Self {
        self.state.password_right = is_right;
        self
    }

    /// Takes the code, and only now says whether both were right.
    pub fn code(
        self,
        given: &str,
        credentials: Option<&Credentials>,
        now: Time,
    ) -> Result<SignIn<Verified>, SignInRefused> {
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let step = credentials.and_then(|held| code_step(given, held, seconds));
        match (self.state.account, step) {
            (Some(account), Some(step)) if self.state.password_right && now < self.expires => {
                let state = Verified { account, code: CodeUsed::Step(step), assurance: Assurance::TwoFactors };
                Ok(SignIn { address: self.address, expires: self.expires, state })
            }
            _ => Err(SignInRefused),
        }
    }

    /// Takes a spare code in the place of the other one; `is_there` says whether the account has it.
    pub fn spare_code(self, is_there: bool, now: Time) -> Result<SignIn<Verified>, SignInRefused> {
        self.found(is_there, CodeUsed::Spare, now)
    }

    /// Takes a code of a printed sheet; `is_next` says whether it is one of the account's whose turn it is.
    pub fn sheet_code(self, is_next: bool, now: Time) -> Result<SignIn<Verified>, SignInRefused> {
        self.found(is_next, CodeUsed::Sheet, now)
    }

    fn found(self, is_there: bool, code: CodeUsed, now: Time) -> Result<SignIn<Verified>, SignInRefused> {
        match self.state.account {
            Some(account) if is_there && self.state.password_right && now < self.expires => {
                let state = Verified { account, code, assurance: Assurance::TwoFactors };
                Ok(SignIn { address: self.address, expires: self.expires, state })
            }
            _ => Err(SignInRefused),
        }
    }
}

impl SignIn<PasswordSeen> {
    /// Takes the second sealed envelope, of an account that signs in by two of them; `is_right` says whether it is its code.
    pub fn second_envelope(self, is_right: bool, now: Time) -> Result<SignIn<Verified>, SignInRefused> {
        match self.state.account {
            Some(account) if is_right && self.state.password_right && now < self.expires => {
                let state = Verified { account, code: CodeUsed::Envelopes, assurance: Assurance::Envelopes };
                Ok(SignIn { address: self.address, expires: self.expires, state })
            }
            _ => Err(SignInRefused),
        }
    }
}

impl SignIn<Verified> {
    /// Whose sign-in succeeded.
    pub fn account(&self) -> AccountId {
        self.state.account
    }

    /// Which code, to be remembered in the commit that opens the session.
    pub fn code_used(&self) -> CodeUsed {
        self.state.code
    }

    /// Where from.
    pub fn address(&self) -> ClientAddress {
        self.address
    }

    /// Opens the session, with an identifier and 32 secret bytes that the caller drew at random.
    pub fn open(
        self,
        (establishment, role): (EstablishmentId, Role),
        key: &DoorKey,
        limits: SessionLimits,
        random: (SessionId, [u8; 32]),
        now: Time,
    ) -> NewSession {
        let Verified { account, assurance, .. } = self.state;
        let opening = Opening { account, establishment, role, assurance };
        open(opening, key, limits, random, now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{TotpSecret, hash_password};
    use types::Door;

    const NOW: Time = Time::from_micros(59_000_000);

    fn here() -> ClientAddress {
        ClientAddress::new([192, 0, 2, 7].into())
    }

    fn credentials() -> Credentials {
        Credentials {
            password: hash_password(&Secret::new("un mot de passe long".into()), &[1; 16]).unwrap(),
            totp: TotpSecret::from_bytes(*b"12345678901234567890"),
            last_step: 0,
        }
    }

    fn attempt(password: &str, code: &str, known: bool) -> Result<CodeUsed, SignInRefused> {
        let held = credentials();
        let key = DoorKey::new(Door::Portal, &[7; 32]);
        let account = AccountId::from_bytes([5; 16]);
        let seen =
            SignIn::start(here(), NOW).password(&Secret::new(password.into()), known.then_some((account, &held)));
        let seen = SignIn::unpark(&seen.park(&key), &key, here(), NOW).unwrap();
        assert_eq!(seen.account(), known.then_some(account));
        seen.code(code, known.then_some(&held), NOW).map(|verified| verified.code_used())
    }

    #[test]
    fn both_must_be_right_and_the_refusal_is_one() {
        assert_eq!(attempt("un mot de passe long", "287082", true), Ok(CodeUsed::Step(1)));
        for (password, code, known) in [
            ("un mot de passe faux", "287082", true),
            ("un mot de passe long", "000000", true),
            ("un mot de passe long", "287082", false),
        ] {
            assert_eq!(attempt(password, code, known), Err(SignInRefused));
        }
    }

    #[test]
    fn a_spare_code_stands_in_for_the_other_and_for_nothing_else() {
        let held = credentials();
        let account = AccountId::from_bytes([5; 16]);
        let spare = |password: &str, known: bool, is_there: bool, now: Time| {
            let given = Secret::new(password.into());
            let seen = SignIn::start(here(), NOW).password(&given, known.then_some((account, &held)));
            seen.spare_code(is_there, now).map(|verified| (verified.account(), verified.code_used()))
        };
        assert_eq!(spare("un mot de passe long", true, true, NOW), Ok((account, CodeUsed::Spare)));
        assert_eq!(spare("un mot de passe long", true, false, NOW), Err(SignInRefused));
        assert_eq!(spare("un mot de passe faux", true, true, NOW), Err(SignInRefused));
        assert_eq!(spare("un mot de passe long", false, true, NOW), Err(SignInRefused));
        assert_eq!(spare("un mot de passe long", true, true, NOW + CEREMONY), Err(SignInRefused));
    }

    #[test]
    fn a_code_of_a_sheet_stands_in_for_the_other_and_for_nothing_else() {
        let held = credentials();
        let account = AccountId::from_bytes([5; 16]);
        let sheet = |password: &str, known: bool, is_next: bool, now: Time| {
            let given = Secret::new(password.into());
            let seen = SignIn::start(here(), NOW).password(&given, known.then_some((account, &held)));
            seen.sheet_code(is_next, now).map(|verified| (verified.account(), verified.code_used()))
        };
        assert_eq!(sheet("un mot de passe long", true, true, NOW), Ok((account, CodeUsed::Sheet)));
        for (password, known, is_next, now) in [
            ("un mot de passe long", true, false, NOW),
            ("un mot de passe faux", true, true, NOW),
            ("un mot de passe long", false, true, NOW),
            ("un mot de passe long", true, true, NOW + CEREMONY),
        ] {
            assert_eq!(sheet(password, known, is_next, now), Err(SignInRefused), "{password} {known} {is_next}");
        }
    }

    #[test]
    fn both_envelopes_must_be_right() {
        let account = AccountId::from_bytes([5; 16]);
        let tried = |known: Option<bool>, second: bool, now: Time| {
            let seen = SignIn::start(here(), NOW).first_envelope(known.map(|first| (account, first)));
            seen.second_envelope(second, now).map(|verified| (verified.account(), verified.code_used()))
        };
        assert_eq!(tried(Some(true), true, NOW), Ok((account, CodeUsed::Envelopes)));
        for (known, second) in [(Some(true), false), (Some(false), true), (Some(false), false), (None, true)] {
            assert_eq!(tried(known, second, NOW), Err(SignInRefused), "{known:?} {second}");
        }
        assert_eq!(tried(Some(true), true, NOW + CEREMONY), Err(SignInRefused));
    }

    #[test]
    fn a_parked_ceremony_is_bound_to_door_source_and_time() {
        let key = DoorKey::new(Door::Portal, &[7; 32]);
        let parked = || SignIn::start(here(), NOW).password(&Secret::new(String::new()), None).park(&key);
        let elsewhere = ClientAddress::new([192, 0, 2, 8].into());
        let later = NOW + CEREMONY;
        assert!(SignIn::unpark(&parked(), &key, here(), NOW).is_ok());
        assert!(SignIn::unpark(&parked(), &key, elsewhere, NOW).is_err());
        assert!(SignIn::unpark(&parked(), &key, here(), later).is_err());
        assert!(SignIn::unpark(&parked(), &DoorKey::new(Door::Desk, &[7; 32]), here(), NOW).is_err());
        let mut changed = parked();
        if let Some(last) = changed.last_mut() {
            *last ^= 1;
        }
        assert!(SignIn::unpark(&changed, &key, here(), NOW).is_err());
        assert!(SignIn::unpark(&[], &key, here(), NOW).is_err());
    }
}
