//! Accounts follow the hospital's directory (acces-web DT6, GA4; segur IAM.91): who arrives there is given an account that
//! waits for a link, who changes there changes here, who leaves there comes in no more and what he has open ends.
//!
//! The directory takes away by itself; it gives nothing that a person has not given. An account of somebody new, or whose
//! role now decides over others, waits for a link, which somebody draws and, for such a role, a second person confirms.

mod behind;

pub use behind::Behind;

use crate::{
    AccountError,
    accounts::{
        effects::Changed,
        model::{Attributes, NewInvitation, Profile},
        sql::{self, Moved, Whole},
    },
    ending::{Ending, Reserve, perform_ending},
    enrol::lent::RESERVED_ADMINISTRATOR,
    hasher::Hasher,
    model::{AccountBond, AccountSecrets, Life, state_column},
    provider::Silent,
    sql::{AccountInsert, insert_account},
    staff::{Staff, StaffMember},
};
use identity::{decides_over_others, system_actor};
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use policy::{Facts, FollowArrival, FollowChange, Policies};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use store::{Store, StoreError};
use types::{AccountId, AccountState, EstablishmentId, IdentityProof, LifeReason, Role, SystemActor, Time};
use vault::{Keys, Purpose, random};

/// So many may leave at once in any case.
const LEAVING_FREE: usize = 5;
/// Accounts read at once.
const PAGE: i64 = 1_000;
/// New accounts of one round; the others come with the next.
const ARRIVALS_MAX: usize = 500;

/// Why somebody was left as he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// His login is another account's.
    LoginTaken,
    /// His login or name cannot be taken.
    BadName,
    /// He is the last administrator.
    LastAdministrator,
    /// An administrator suspended him, and his role now decides over others.
    Suspended,
    /// Somebody changed the account meanwhile.
    Meanwhile,
    /// His account's row does not open, or contradicts itself: nobody comes in by it.
    Unreadable,
    /// More arrived than one round takes.
    Later,
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Accounts made, which wait for a link.
    pub arrived: usize,
    /// Names, logins and roles that changed, and people who are back.
    pub changed: usize,
    /// Accounts that no longer come in.
    pub left: usize,
    /// Who was left as he is, and why.
    pub held: BTreeMap<Held, usize>,
}

/// Why a round did nothing, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The directory did not say: nobody has left for that.
    #[error("the hospital's directory does not say: {0}")]
    Silent(#[from] Silent),
    /// Too many would leave at once: somebody must look.
    #[error("{leaving} of {of} accounts would lose their access at once; nobody's was changed")]
    TooManyLeave {
        /// How many would.
        leaving: usize,
        /// Of how many in use.
        of: usize,
    },
    /// A store, a key or the journal does not answer.
    #[error("accounts cannot follow the directory at present: {0}")]
    Unavailable(String),
}

impl From<StoreError> for FollowError {
    fn from(error: StoreError) -> Self {
        FollowError::Unavailable(error.to_string())
    }
}

impl From<vault::VaultError> for FollowError {
    fn from(error: vault::VaultError) -> Self {
        FollowError::Unavailable(error.to_string())
    }
}

impl From<policy::Denied> for FollowError {
    fn from(error: policy::Denied) -> Self {
        FollowError::Unavailable(error.to_string())
    }
}

/// Follows the directory for some establishments.
pub struct Following {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    hasher: Hasher,
    staff: Arc<dyn Staff>,
    establishments: Vec<EstablishmentId>,
    leaving_percent_max: u32,
}

/// An account of the directory as it is.
struct Known {
    row: Whole,
    secrets: AccountSecrets,
    state: AccountState,
    /// The directory itself suspended it.
    by_directory: bool,
}

/// What an account becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Becoming {
    role: Role,
    state: AccountState,
    reason: Option<LifeReason>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Stays,
    Held(Held),
    /// Names aside, it becomes this.
    Becomes(Becoming),
}

/// What somebody's account becomes, by what the directory says of him. A role that decides over others is never in use by
/// that alone: the account then waits for a link, which it takes two people to give.
fn step(role: Role, state: AccountState, by_directory: bool, place: Option<Role>) -> Step {
    use AccountState::{Active, Blocked, Closed, Invited, Suspended};
    let becomes = |role, state, reason| Step::Becomes(Becoming { role, state, reason });
    let is_given = |to: Role| to != role && decides_over_others(to);
    match (state, place) {
        // A person decided these, or the directory did and a person takes it back.
        (Blocked | Closed, _) | (Invited | Suspended, None) => Step::Stays,
        (Active, None) => becomes(role, Suspended, Some(LifeReason::Directory)),
        (Suspended, Some(to)) if !by_directory => match is_given(to) {
            true => Step::Held(Held::Suspended),
            false => becomes(to, Suspended, None),
        },
        (Active | Suspended, Some(to)) if is_given(to) => becomes(to, Invited, None),
        // What it took away from somebody who decides over others, a person gives back.
        (Suspended, Some(to)) if decides_over_others(to) => Step::Stays,
        (Active | Suspended, Some(to)) => becomes(to, Active, (state == Suspended).then_some(LifeReason::Back)),
        (Invited, Some(to)) => becomes(to, Invited, None),
    }
}

impl Following {
    /// With the keys of whoever manages accounts. More than five accounts, and more than this share of those in use, never
    /// lose their access in one round.
    pub fn new(
        (store, journal): (Store, Journal),
        policies: Arc<Policies>,
        keys: Keys,
        staff: Arc<dyn Staff>,
        (establishments, leaving_percent_max): (Vec<EstablishmentId>, u32),
    ) -> Self {
        let hasher = Hasher::default();
        Self { store, journal, policies, keys, hasher, staff, establishments, leaving_percent_max }
    }

    /// One round.
    pub async fn follow(&self) -> Result<Followed, FollowError> {
        let now = self.journal.now();
        let members = self.staff.members(now).await?;
        let by_key = self.coming_in(&members);
        let mut followed = Followed::default();
        let accounts = self.accounts(&mut followed).await?;
        let known: BTreeSet<&str> = accounts.iter().filter_map(|one| one.secrets.directory.as_deref()).collect();
        let arrivals: Vec<&StaffMember> =
            by_key.values().copied().filter(|one| !known.contains(one.key.as_str())).collect();
        let mut steps = Vec::new();
        for account in &accounts {
            let member = account.secrets.directory.as_deref().and_then(|key| by_key.get(key)).copied();
            match account.step(member) {
                Step::Stays => {}
                Step::Held(why) => followed.hold(why),
                Step::Becomes(becoming) => steps.push((account, member, becoming)),
            }
        }
        self.not_too_many(&accounts, &steps)?;
        for (account, member, becoming) in steps {
            self.change(account, member, becoming, &mut followed).await?;
        }
        let later = arrivals.len().saturating_sub(ARRIVALS_MAX);
        for member in arrivals.into_iter().take(ARRIVALS_MAX) {
            self.arrive(member, &mut followed).await?;
        }
        if later > 0 {
            followed.held.insert(Held::Later, later);
        }
        Ok(followed)
    }

    /// Those who come in at one of our establishments, by what never changes of them.
    fn coming_in<'a>(&self, members: &'a [StaffMember]) -> HashMap<&'a str, &'a StaffMember> {
        let here = |member: &&StaffMember| {
            member.is_usable && member.place.is_some_and(|(place, _)| self.establishments.contains(&place))
        };
        members.iter().filter(here).map(|member| (member.key.as_str(), member)).collect()
    }

    fn not_too_many(
        &self,
        accounts: &[Known],
        steps: &[(&Known, Option<&StaffMember>, Becoming)],
    ) -> Result<(), FollowError> {
        let of = accounts.iter().filter(|account| account.state == AccountState::Active).count();
        let loses =
            |account: &Known, becoming: &Becoming| account.state == AccountState::Active && account.ends(*becoming);
        let leaving = steps.iter().filter(|(account, _, becoming)| loses(account, becoming)).count();
        let share = of.saturating_mul(usize::try_from(self.leaving_percent_max).unwrap_or(100)) / 100;
        if leaving > share.max(LEAVING_FREE) {
            return Err(FollowError::TooManyLeave { leaving, of });
        }
        Ok(())
    }

    /// All accounts of the directory.
    async fn accounts(&self, followed: &mut Followed) -> Result<Vec<Known>, FollowError> {
        let mut found = Vec::new();
        for establishment in &self.establishments {
            let mut after = None;
            loop {
                let mut connection = self.store.read().await?;
                let rows = sql::accounts(&mut connection, (*establishment, None, false), after, PAGE).await?;
                drop(connection);
                let Some(last) = rows.last() else { break };
                after = Some(last.account.id);
                for row in rows {
                    let Ok((secrets, state)) = row.account.secrets(&self.keys).and_then(|read| {
                        let state = read.state()?;
                        Ok((read, state))
                    }) else {
                        followed.hold(Held::Unreadable);
                        continue;
                    };
                    if secrets.directory.is_none() {
                        continue;
                    }
                    let directory = Some(LifeReason::Directory.as_str());
                    let by_directory = secrets.life.as_ref().is_some_and(|life| life.reason.as_deref() == directory);
                    found.push(Known { row, secrets, state, by_directory });
                }
            }
        }
        Ok(found)
    }

    /// Somebody new. His account opens nothing: nobody knows its password, and no link leads to it yet.
    async fn arrive(&self, member: &StaffMember, followed: &mut Followed) -> Result<(), FollowError> {
        let Some((establishment, role)) = member.place else { return Ok(()) };
        let now = self.journal.now();
        let Ok(new) = invitation(member, role) else {
            followed.hold(Held::BadName);
            return Ok(());
        };
        let account = AccountId::from_bytes(random()?);
        let hash = self.hasher.nobodys_password().await;
        let hash = hash.ok_or_else(|| FollowError::Unavailable("a password could not be hashed".to_owned()))?;
        let life = Life::new(AccountState::Invited, now, None);
        let mut secrets = AccountSecrets::new(new.login.clone(), display_name(&new.attributes), &hash, life)?;
        (secrets.directory, secrets.password_since) = (Some(member.key.clone()), None);
        let bond = AccountBond { id: &account, establishment: &establishment, role, supplier: None };
        let arrival = Arrival {
            login_token: self.keys.token(Purpose::LoginTokens, &[new.login.as_bytes()])?,
            sealed: bond.seal(&self.keys, &secrets)?,
            profile: Profile::new(&new.attributes, new.proof, now).seal(&self.keys, (account, establishment))?,
        };
        let who = system_actor(SystemActor::Directory, Some(establishment), now);
        let action = FollowArrival { establishment, account, role };
        let authorized = self.policies.decide(&who, action, &Facts::default(), now)?;
        match self.journal.perform(authorized, arrival).await {
            Ok(()) => followed.arrived += 1,
            Err(JournalError::Store(StoreError::Conflict)) => followed.hold(Held::LoginTaken),
            Err(error) => return Err(FollowError::Unavailable(error.to_string())),
        }
        Ok(())
    }

    /// Makes an account what it becomes. What it has open ends in the same commit, and in memory right after it.
    async fn change(
        &self,
        known: &Known,
        member: Option<&StaffMember>,
        mut becoming: Becoming,
        followed: &mut Followed,
    ) -> Result<(), FollowError> {
        let now = self.journal.now();
        if member.is_none() && becoming.state == AccountState::Suspended {
            becoming = self.departure(known, becoming).await?;
        }
        // A name that cannot be taken keeps nobody what he is to lose.
        let named = member.map(|member| invitation(member, becoming.role)).transpose().unwrap_or_else(|_| {
            followed.hold(Held::BadName);
            None
        });
        let written = match self.write(known, named, becoming, now).await? {
            Written::LoginTaken => {
                followed.hold(Held::LoginTaken);
                self.write(known, None, becoming, now).await?
            }
            written => written,
        };
        match written {
            Written::Is(Changed::Done)
                if known.state == AccountState::Active && becoming.state != AccountState::Active =>
            {
                followed.left += 1;
            }
            Written::Is(Changed::Done) => followed.changed += 1,
            Written::Is(Changed::Last) => followed.hold(Held::LastAdministrator),
            Written::Is(Changed::Absent | Changed::Meanwhile | Changed::Full) => followed.hold(Held::Meanwhile),
            Written::Nothing | Written::LoginTaken => {}
        }
        Ok(())
    }

    async fn write(
        &self,
        known: &Known,
        named: Option<NewInvitation>,
        becoming: Becoming,
        now: Time,
    ) -> Result<Written, FollowError> {
        let account = &known.row.account;
        let Some(put) = self.put(known, named, becoming, now)? else { return Ok(Written::Nothing) };
        let detail = match becoming.reason {
            Some(reason) => format!("{}: {reason} ({})", becoming.state, becoming.role),
            None => format!("{} ({})", becoming.state, becoming.role),
        };
        let establishment = account.establishment;
        let who = system_actor(SystemActor::Directory, Some(establishment), now);
        let action = FollowChange { establishment, account: account.id, detail };
        let authorized = self.policies.decide(&who, action, &Facts::default(), now)?;
        match perform_ending(&self.journal, authorized, put, Reserve::Taken).await {
            Ok(changed) => Ok(Written::Is(changed)),
            Err(JournalError::Store(StoreError::Conflict)) => Ok(Written::LoginTaken),
            Err(error) => Err(FollowError::Unavailable(error.to_string())),
        }
    }

    /// What is written of an account that becomes something else, under another name perhaps. Nothing, if all is as it was.
    fn put(
        &self,
        known: &Known,
        named: Option<NewInvitation>,
        becoming: Becoming,
        now: Time,
    ) -> Result<Option<Put>, FollowError> {
        let account = &known.row.account;
        let sealed = known.row.profile.as_deref();
        let opened = sealed.map(|sealed| Profile::open(&self.keys, account, sealed)).transpose()?;
        let (mut profile, mut secrets) = (opened.unwrap_or_default(), account.secrets(&self.keys)?);
        let (ends, mut is_renamed) = (known.ends(becoming), false);
        if let Some(NewInvitation { login, attributes, .. }) = named {
            let name = display_name(&attributes);
            is_renamed = login != secrets.login || name != secrets.display_name;
            (secrets.login, secrets.display_name) = (login, name);
            (profile.given_name, profile.family_name) = (attributes.given_name, attributes.family_name);
        }
        if !is_renamed && !ends {
            return Ok(None);
        }
        if becoming.state != known.state {
            let life = Life::new(becoming.state, now, None);
            secrets.life = Some(Life { reason: becoming.reason.map(|reason| reason.as_str().to_owned()), ..life });
        }
        if ends {
            secrets.link = None;
        }
        let anew = becoming.state == AccountState::Invited && known.state != AccountState::Invited;
        if anew {
            // What served for one role does not serve for one that decides over others.
            secrets.totp = random()?;
            secrets.renewals = Some(secrets.renewals.unwrap_or(0).saturating_add(1));
        }
        let bond = AccountBond { role: becoming.role, ..account.bond() };
        let moved = Moved {
            role: becoming.role,
            state: state_column(becoming.state),
            login_token: self.keys.token(Purpose::LoginTokens, &[secrets.login.as_bytes()])?,
            sealed: bond.seal(&self.keys, &secrets)?,
            profile: profile.seal(&self.keys, (account.id, account.establishment))?,
        };
        let was = (account.version, account.active && account.role == Role::Administrator);
        let is_administrator = becoming.state == AccountState::Active && becoming.role == Role::Administrator;
        let nobodys = self.keys.token(Purpose::LoginTokens, &[RESERVED_ADMINISTRATOR.as_bytes()])?;
        Ok(Some(Put { was, is_administrator, nobodys, moved, ends, anew }))
    }

    /// Whoever is in no group that comes in is suspended; whoever is not in the directory any more is blocked.
    async fn departure(&self, known: &Known, becoming: Becoming) -> Result<Becoming, FollowError> {
        let Some(key) = known.secrets.directory.as_deref() else { return Ok(becoming) };
        match self.staff.find(key, self.journal.now()).await {
            Ok(None) => Ok(Becoming { state: AccountState::Blocked, reason: Some(LifeReason::Departure), ..becoming }),
            Ok(Some(_)) => Ok(becoming),
            // That he is in no group that comes in was a whole answer: what is not known of him keeps him nothing, and keeps
            // nobody else waiting.
            Err(silent) => {
                tracing::warn!(%silent, "the directory does not say whether somebody is still there");
                Ok(becoming)
            }
        }
    }
}

impl Followed {
    fn hold(&mut self, why: Held) {
        *self.held.entry(why).or_default() += 1;
    }
}

impl Known {
    /// Somebody in the directory of another establishment is nobody of this one.
    fn step(&self, member: Option<&StaffMember>) -> Step {
        let account = &self.row.account;
        let place = member.and_then(|member| member.place).filter(|(place, _)| *place == account.establishment);
        step(account.role, self.state, self.by_directory, place.map(|(_, role)| role))
    }

    /// Whether what is open ends with it.
    fn ends(&self, becoming: Becoming) -> bool {
        becoming.role != self.row.account.role || becoming.state != self.state
    }
}

fn display_name(attributes: &Attributes) -> String {
    format!("{} {}", attributes.given_name, attributes.family_name).trim().to_owned()
}

/// What the directory says of somebody, judged as what somebody types is.
fn invitation(member: &StaffMember, role: Role) -> Result<NewInvitation, AccountError> {
    // Not everybody has a first name there; an account is somebody's all the same.
    let given_name = if member.given_name.is_empty() { &member.login } else { &member.given_name };
    let (given_name, family_name) = (given_name.clone(), member.family_name.clone());
    let attributes = Attributes { given_name, family_name, ..Attributes::default() };
    let (login, proof) = (member.login.clone(), IdentityProof::Employer);
    NewInvitation { login, attributes, role, supplier: None, proof, mail: None }.checked()
}

struct Arrival {
    login_token: [u8; 32],
    sealed: Vec<u8>,
    profile: Vec<u8>,
}

impl Effect<FollowArrival> for Arrival {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, FollowArrival>) -> Result<Applied<()>, StoreError> {
        let FollowArrival { establishment, account, role } = *tx.action();
        let insert = AccountInsert {
            id: account,
            establishment,
            role,
            supplier: None,
            login_token: self.login_token,
            sealed: self.sealed.clone(),
            state: state_column(AccountState::Invited),
            profile: Some(self.profile.clone()),
        };
        insert_account(tx.connection(), insert).await?;
        Ok(Applied::done(()))
    }
}

/// What came of writing a change.
enum Written {
    Is(Changed),
    Nothing,
    /// Another account has that login.
    LoginTaken,
}

struct Put {
    /// The version that was read, and whether it was an administrator in use.
    was: (i64, bool),
    is_administrator: bool,
    /// The login of the administrator's account that is nobody's.
    nobodys: [u8; 32],
    moved: Moved,
    ends: bool,
    anew: bool,
}

impl Effect<FollowChange> for Put {
    type Output = Ending<Changed>;
    async fn apply(&self, tx: &mut WriteTx<'_, FollowChange>) -> Result<Applied<Ending<Changed>>, StoreError> {
        let (account, establishment) = (tx.action().account, tx.action().establishment);
        if self.was.1 && !self.is_administrator {
            let place = (establishment, Role::Administrator);
            if sql::others_in_use(tx.connection(), place, (account, &self.nobodys)).await? == 0 {
                // He comes in no more by the directory; what he has open ends all the same.
                let mut ended = sql::end_sessions(tx.connection(), account, None).await?;
                ended.extend(sql::end_tokens(tx.connection(), account).await?);
                return Ok(Applied::refused(Ending { outcome: Changed::Last, ended }));
            }
        }
        if !sql::move_account(tx.connection(), (account, self.was.0), &self.moved).await? {
            return Ok(Applied::refused(Ending::nothing(Changed::Meanwhile)));
        }
        let mut ended = Vec::new();
        if self.ends {
            sql::drop_link(tx.connection(), account).await?;
            ended = sql::end_sessions(tx.connection(), account, None).await?;
            ended.extend(sql::end_tokens(tx.connection(), account).await?);
        }
        if self.anew {
            sql::set_codes(tx.connection(), account, &[]).await?;
        }
        Ok(Applied::done(Ending { outcome: Changed::Done, ended }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccountState::{Active, Blocked, Closed, Invited, Suspended};

    #[test]
    fn the_directory_takes_away_and_never_gives_what_decides_over_others() {
        for &role in Role::ALL {
            for &state in AccountState::ALL {
                for by_directory in [false, true] {
                    for place in Role::ALL.iter().copied().map(Some).chain([None]) {
                        let Step::Becomes(becoming) = step(role, state, by_directory, place) else { continue };
                        let case = format!("{role} {state} {by_directory} {place:?} → {becoming:?}");
                        let decides = becoming.state == Active && decides_over_others(becoming.role);
                        assert!(!decides || (state == Active && becoming.role == role), "{case}");
                        assert!(becoming.state != Active || matches!(state, Active | Suspended), "{case}");
                        assert!(state != Suspended || by_directory || becoming.state == Suspended, "{case}");
                        assert!(!matches!(state, Blocked | Closed), "{case}");
                        assert_eq!(place.is_none(), becoming.reason == Some(LifeReason::Directory), "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn who_leaves_is_suspended_and_who_is_back_is_back() {
        let on_call = Role::OnCall;
        let becomes = |role, state, reason| Step::Becomes(Becoming { role, state, reason });
        assert_eq!(step(on_call, Active, false, None), becomes(on_call, Suspended, Some(LifeReason::Directory)));
        assert_eq!(step(on_call, Suspended, true, Some(on_call)), becomes(on_call, Active, Some(LifeReason::Back)));
        assert_eq!(step(on_call, Active, false, Some(Role::Dpo)), becomes(Role::Dpo, Active, None));
        let administrator = Role::Administrator;
        assert_eq!(step(on_call, Active, false, Some(administrator)), becomes(administrator, Invited, None));
        assert_eq!(step(on_call, Invited, false, Some(administrator)), becomes(administrator, Invited, None));
        assert_eq!(step(on_call, Suspended, false, Some(administrator)), Step::Held(Held::Suspended));
        assert_eq!(step(administrator, Suspended, true, Some(administrator)), Step::Stays);
        assert_eq!(step(administrator, Active, false, Some(on_call)), becomes(on_call, Active, None));
    }
}
