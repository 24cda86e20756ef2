//! Accounts, for those who manage them. Administrators do everything; security officers see, suspend and confirm.

use crate::{
    handlers::{
        Asking, Before, Member, Named, Posted, back, failed, or_default,
        rights::{self, Came, Signable},
        sheets::sheets_by,
    },
    pages::{
        AccountCode, AccountCodeView, AccountFields, AccountLink, AccountLinkView, AccountNew, AccountNewView,
        AccountPage, AccountSigning, AccountStatePage, AccountStateView, AccountView, AccountsFields, AccountsList,
        AccountsView, AccountsWaiting, INVITED_ROLES, Readiness, Refusal, RightsPage, RightsView, sees_accounts,
        sees_rules,
    },
};
use axum::{http::StatusCode, response::Response};
use entrance::{Failure, Then, shown};
use interventions::{InterventionError, Supplier};
use serde::Deserialize;
use signin::{
    AccountError, AccountPage as Page, AccountQuery, AccountSeen, Attributes, DrawnLink, NewInvitation, RightGiven,
    SecondCode,
};
use types::{AccountId, AccountState, IdentityProof, LifeReason, LinkId, Role};
use web::layout::ErrorKind;

/// The longest text that is searched for.
const WORDS_CHARS_MAX: usize = 100;

pub(crate) fn sees(member: &Member) -> bool {
    sees_accounts(member.who.role)
}

pub(crate) fn manages(member: &Member) -> bool {
    member.who.role == Role::Administrator
}

/// Whether this role puts accounts in that state. The policies decide all the same.
fn may_put(member: &Member, to: AccountState) -> bool {
    manages(member) || (sees(member) && to == AccountState::Suspended)
}

/// What is absent and what is not for him have one answer, and that he asked is written down.
pub(crate) async fn refused(member: &Member, error: AccountError) -> Response {
    match error {
        AccountError::Denied | AccountError::Absent => member.turned_away("accounts").await,
        AccountError::Lacking(lacking) => member.asked_for(lacking),
        AccountError::Unavailable => member.failed(Failure::Shown(ErrorKind::JournalUnavailable), &error).await,
        _ => member.failed(Failure::Shown(ErrorKind::BadRequest), &error).await,
    }
}

/// What can be told on the account's page.
pub(crate) fn told(error: AccountError) -> Option<Refusal> {
    match error {
        AccountError::Life => Some(Refusal::AccountState),
        AccountError::NoSheet => Some(Refusal::NoSheet),
        AccountError::SheetByLink => Some(Refusal::SheetByLink),
        AccountError::Field("proof") => Some(Refusal::Proof),
        AccountError::Proof => Some(Refusal::FirmProof),
        AccountError::ByLink => Some(Refusal::ByLink),
        AccountError::ByEnvelopes => Some(Refusal::ByEnvelopes),
        AccountError::Field("words") => Some(Refusal::Words),
        AccountError::Full => Some(Refusal::Full),
        AccountError::AddressByLink => Some(Refusal::AddressByLink),
        AccountError::Field("mail") => Some(Refusal::Address),
        AccountError::Oneself => Some(Refusal::Oneself),
        AccountError::Second => Some(Refusal::SecondPerson),
        AccountError::Unsigned => Some(Refusal::Unsigned),
        AccountError::Signature => Some(Refusal::Signature),
        AccountError::LastAdministrator => Some(Refusal::LastAdministrator),
        AccountError::Meanwhile => Some(Refusal::Meanwhile),
        AccountError::LockedHere => Some(Refusal::LockedHere),
        AccountError::Absent => Some(Refusal::NoLink),
        AccountError::Denied
        | AccountError::Lacking(_)
        | AccountError::Taken
        | AccountError::NameSigned
        | AccountError::NameOfDirectory
        | AccountError::Field(_)
        | AccountError::Unavailable => None,
    }
}

/// Back to the account's page, with what became of it.
pub(crate) async fn acted(member: &Member, account: AccountId, done: Result<(), AccountError>) -> Response {
    let Err(error) = done else { return back(member, &format!("/accounts/{account}"), None) };
    // The account itself may be absent, or nobody's that he sees: then there is no page to go back to.
    match member.visit.state.accounts().one(&member.who.authenticated, account).await {
        Ok(_) => match told(error) {
            Some(refusal) => back(member, &format!("/accounts/{account}"), Some(refusal)),
            None => refused(member, error).await,
        },
        Err(error) => refused(member, error).await,
    }
}

pub(crate) fn account(named: &Named) -> AccountId {
    named.id(AccountId::from_bytes)
}

async fn suppliers(member: &Member) -> Result<Vec<Supplier>, InterventionError> {
    member.visit.state.interventions().suppliers(&member.who.authenticated).await
}

/// What waits for this reader.
pub(crate) async fn waiting(member: &Member) -> Result<AccountsWaiting, AccountError> {
    let me = member.who.account;
    let links = to_confirm(member, &AccountQuery::default()).await?.accounts;
    let others = |seen: &&AccountSeen| seen.account != me && seen.link.as_ref().is_some_and(|link| link.by != Some(me));
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let links = count(links.iter().filter(others).count());
    if !manages(member) {
        return Ok(AccountsWaiting { links, due: 0 });
    }
    let query = AccountQuery { due: true, ..AccountQuery::default() };
    let due = member.visit.state.accounts().list(&member.who.authenticated, &query).await?.accounts;
    Ok(AccountsWaiting { links, due: count(due.iter().filter(|seen| seen.account != me).count()) })
}

/// The accounts whose link waits for a second person.
async fn to_confirm(member: &Member, query: &AccountQuery) -> Result<Page, AccountError> {
    let query = AccountQuery { linked: true, ..query.clone() };
    let mut page = member.visit.state.accounts().list(&member.who.authenticated, &query).await?;
    page.accounts.retain(|seen| seen.link.as_ref().is_some_and(|link| link.waits));
    Ok(page)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct After {
    after: String,
}

pub(crate) async fn list(member: Member, asked: Asking<AccountsFields>, after: Asking<After>) -> Response {
    if !sees(&member) {
        return member.turned_away("accounts").await;
    }
    let mut fields = or_default(asked);
    fields.q = fields.q.chars().filter(|one| !one.is_control()).take(WORDS_CHARS_MAX).collect();
    // A cursor that cannot be read is none of ours, and the first page is as good.
    let after: Option<AccountId> = or_default(after).after.parse().ok();
    let query = AccountQuery {
        role: fields.role.parse().ok(),
        state: fields.state.parse().ok(),
        due: fields.waits == "review",
        linked: false,
        words: fields.q.clone(),
        after,
    };
    let page = match fields.waits.as_str() {
        "link" => to_confirm(&member, &AccountQuery { after: None, ..query }).await,
        _ => member.visit.state.accounts().list(&member.who.authenticated, &query).await,
    };
    let page = match page {
        Ok(page) => page,
        Err(error) => return refused(&member, error).await,
    };
    let suppliers = match suppliers(&member).await {
        Ok(suppliers) => suppliers,
        Err(error) => return failed(&member, error).await,
    };
    let readiness = match member.visit.state.accounts().break_glass(&member.who.authenticated).await {
        Ok(all) => Readiness::of(&all, member.visit.state.now()),
        Err(error) => return refused(&member, error).await,
    };
    let view = AccountsView {
        readiness,
        rows: page.accounts,
        suppliers: suppliers.into_iter().map(|one| (one.id, one.name)).collect(),
        fields,
        more: page.more,
        is_further: after.is_some(),
        manages: manages(&member),
    };
    shown(member.visit.lang, &AccountsList::new(member.chrome(), view))
}

pub(crate) async fn form(member: Member) -> Response {
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    match suppliers(&member).await {
        Ok(suppliers) => form_page(&member, StatusCode::OK, AccountFields::default(), (suppliers, Vec::new())),
        Err(error) => failed(&member, error).await,
    }
}

fn form_page(
    member: &Member,
    status: StatusCode,
    fields: AccountFields,
    (suppliers, wrong): (Vec<Supplier>, Vec<&'static str>),
) -> Response {
    let suppliers = suppliers.into_iter().map(|one| (one.id, one.name)).collect();
    let chrome = member.visit.chrome(Some(&member.who), Some("/accounts/new"));
    let mails = member.visit.state.accounts().writes_mail();
    let page = AccountNew::new(chrome, AccountNewView { fields, suppliers, wrong, mails });
    web::layout::page(status, member.visit.lang, &page)
}

/// What was typed, or the fields that cannot be read. A supplier is one of this establishment's.
fn read(fields: &AccountFields, suppliers: &[Supplier]) -> Result<NewInvitation, Vec<&'static str>> {
    let role = fields.role.parse().ok().filter(|role| INVITED_ROLES.contains(role));
    let proof = fields.proof.parse::<IdentityProof>().ok();
    let supplier = suppliers.iter().map(|one| one.id).find(|id| id.to_string() == fields.supplier);
    let unknown = supplier.is_none() && !fields.supplier.is_empty();
    let wrong = [("role", role.is_none()), ("supplier", unknown), ("proof", proof.is_none())];
    let wrong: Vec<&'static str> = wrong.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    let (Some(role), Some(proof), []) = (role, proof, wrong.as_slice()) else { return Err(wrong) };
    let told = |text: &String| (!text.trim().is_empty()).then(|| text.clone());
    Ok(NewInvitation {
        login: fields.login.clone(),
        attributes: Attributes {
            given_name: fields.given_name.clone(),
            family_name: fields.family_name.clone(),
            profession: told(&fields.profession),
            rpps: told(&fields.rpps),
        },
        role,
        supplier,
        proof,
        mail: told(&fields.mail),
    })
}

pub(crate) async fn invite(Posted { member, form }: Posted<Signable<AccountFields>>) -> Response {
    let Signable { form, signature } = form;
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    let suppliers = match suppliers(&member).await {
        Ok(suppliers) => suppliers,
        Err(error) => return failed(&member, error).await,
    };
    let wrong = match read(&form, &suppliers) {
        Err(wrong) => wrong,
        Ok(new) => match rights::open(&member, new, &signature).await {
            Ok(Came::Done((account, link))) => return drawn(&member, account, link, "/accounts/new").await,
            Ok(Came::ToSign(right)) => return rights::page(&member, *right, AccountSigning::Open(form)),
            Err(AccountError::Signature) => vec!["signature"],
            Err(AccountError::Field(field)) => vec![field],
            Err(AccountError::Taken) => vec!["taken"],
            Err(error) => return refused(&member, error).await,
        },
    };
    form_page(&member, StatusCode::UNPROCESSABLE_ENTITY, form, (suppliers, wrong))
}

/// The link is shown in the answer itself, once, and nowhere else.
async fn drawn(member: &Member, account: AccountId, link: DrawnLink, path: &str) -> Response {
    let (state, lang) = (&member.visit.state, member.visit.lang);
    let seen = match state.accounts().one(&member.who.authenticated, account).await {
        Ok(sheet) => sheet.seen,
        Err(error) => return refused(member, error).await,
    };
    let door = seen.role.door();
    let origin = state.origin_of(door);
    let view = AccountLinkView {
        account,
        name: seen.display_name,
        login: seen.login,
        role: seen.role,
        address: format!("{}/{lang}/link/{}", origin.map_or("", |origin| origin.as_str()), link.secret.expose()),
        unknown: origin.is_none().then_some(door),
        expires: link.expires,
        waits: link.waits,
        mailed: link.mailed,
        opens: link.opens,
    };
    let chrome = member.visit.chrome(Some(&member.who), Some(path));
    shown(lang, &AccountLink::new(chrome, view))
}

pub(crate) async fn one(member: Member, named: Named, before: Asking<Before>) -> Response {
    if !sees(&member) {
        return member.turned_away("accounts").await;
    }
    let (service, who) = (member.visit.state.accounts(), &member.who.authenticated);
    let sheet = match service.one(who, account(&named)).await {
        Ok(sheet) => sheet,
        Err(error) => return refused(&member, error).await,
    };
    let supplier = match sheet.seen.supplier {
        None => None,
        Some(id) => match suppliers(&member).await {
            Ok(all) => all.into_iter().find(|one| one.id == id).map(|one| one.name),
            Err(error) => return failed(&member, error).await,
        },
    };
    let drawn_by = match sheet.seen.link.as_ref().and_then(|link| link.by) {
        None => None,
        // One whose account is not this establishment's is named by it.
        Some(by) => Some(service.one(who, by).await.map_or_else(|_| by.to_string(), |by| by.seen.display_name)),
    };
    let signers = match sheet.right {
        Some(RightGiven::Signed { first, second, .. }) => {
            let names = (rights::named(&member, first).await, rights::named(&member, second).await);
            match names {
                (Ok(first), Ok(second)) => Some((first, second)),
                (Err(error), _) | (_, Err(error)) => return refused(&member, error).await,
            }
        }
        _ => None,
    };
    let signs = service.takes_signatures(who, sheet.seen.role);
    let refusal = or_default(before).refusal();
    let sheets_by = sheets_by(&member, &sheet).await;
    let (me, manages) = (member.who.account, manages(&member));
    let (mails, delay) = (service.writes_mail(), service.renewal_delay());
    let view = AccountView { sheet, supplier, drawn_by, signs, signers, sheets_by, me, manages, mails, delay, refusal };
    shown(member.visit.lang, &AccountPage::new(member.chrome(), view))
}

/// What the account may do, and why.
pub(crate) async fn rights(member: Member, named: Named) -> Response {
    if !sees(&member) {
        return member.turned_away("accounts").await;
    }
    match member.visit.state.accounts().rights(&member.who.authenticated, account(&named)).await {
        Ok(rights) => {
            let view = RightsView { rights, reads_policies: sees_rules(member.who.role) };
            shown(member.visit.lang, &RightsPage::new(member.chrome(), view))
        }
        Err(error) => refused(&member, error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Verified {
    proof: String,
    /// Where its mail is to go, if that changes.
    mail: String,
}

pub(crate) async fn draw(named: Named, Posted { member, form }: Posted<Signable<Verified>>) -> Response {
    let Signable { form, signature } = form;
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    let account = account(&named);
    let Ok(proof) = form.proof.parse::<IdentityProof>() else { return without(&member, account, Refusal::Proof).await };
    match rights::draw(&member, account, (proof, &form.mail), &signature).await {
        Ok(Came::Done(link)) => drawn(&member, account, link, &format!("/accounts/{account}")).await,
        Ok(Came::ToSign(right)) => {
            rights::page(&member, *right, AccountSigning::Draw { account, proof, mail: form.mail })
        }
        Err(error) => acted(&member, account, Err(error)).await,
    }
}

/// Where an account's mail goes.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Readdressed {
    mail: String,
}

pub(crate) async fn readdress(named: Named, Posted { member, form }: Posted<Readdressed>) -> Response {
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    let account = account(&named);
    let changed = member.visit.state.accounts().change_address(&member.who.authenticated, account, &form.mail).await;
    acted(&member, account, changed).await
}

/// Back to the account's page, if there is one: what was sent cannot be read.
pub(crate) async fn without(member: &Member, account: AccountId, refusal: Refusal) -> Response {
    match member.visit.state.accounts().one(&member.who.authenticated, account).await {
        Ok(_) => back(member, &format!("/accounts/{account}"), Some(refusal)),
        Err(error) => refused(member, error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

/// The link that the page showed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    link: String,
}

impl Seen {
    fn link(&self) -> Result<LinkId, AccountError> {
        self.link.parse().map_err(|_| AccountError::Meanwhile)
    }
}

/// The code is shown in the answer itself, once, and nowhere else.
async fn told_code(member: &Member, account: AccountId, SecondCode(code): SecondCode) -> Response {
    let name = match member.visit.state.accounts().one(&member.who.authenticated, account).await {
        Ok(sheet) => sheet.seen.display_name,
        Err(error) => return refused(member, error).await,
    };
    let view = AccountCodeView { account, name, code: code.expose().clone() };
    let chrome = member.visit.chrome(Some(&member.who), Some(&format!("/accounts/{account}")));
    shown(member.visit.lang, &AccountCode::new(chrome, view))
}

pub(crate) async fn confirm(named: Named, Posted { member, form }: Posted<Signable<Seen>>) -> Response {
    let Signable { form, signature } = form;
    if !sees(&member) {
        return member.turned_away("accounts").await;
    }
    if let Some(again) = member.proves_again(Then::Accounts) {
        return again;
    }
    let account = account(&named);
    let link = match form.link() {
        Ok(link) => link,
        Err(error) => return acted(&member, account, Err(error)).await,
    };
    match rights::confirm(&member, account, link, &signature).await {
        Ok(Came::Done(code)) => told_code(&member, account, code).await,
        Ok(Came::ToSign(right)) => rights::second_page(&member, *right, (account, link)).await,
        Err(error) => acted(&member, account, Err(error)).await,
    }
}

pub(crate) async fn withdraw(named: Named, Posted { member, form }: Posted<Seen>) -> Response {
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    let account = account(&named);
    let done = match form.link() {
        _ if account == member.who.account => Err(AccountError::Oneself),
        Ok(link) => member.visit.state.accounts().withdraw_link(&member.who.authenticated, account, link).await,
        Err(error) => Err(error),
    };
    acted(&member, account, done).await
}

pub(crate) async fn review(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    if !manages(&member) {
        return member.turned_away("accounts").await;
    }
    let account = account(&named);
    let done = member.visit.state.accounts().review(&member.who.authenticated, account).await;
    acted(&member, account, done).await
}

/// The state that an address names, if this reader puts accounts in it.
fn asked_state(member: &Member, named: &Named) -> Option<AccountState> {
    named.to.parse().ok().filter(|to| *to != AccountState::Invited && may_put(member, *to))
}

pub(crate) async fn changing(member: Member, named: Named) -> Response {
    let Some(to) = asked_state(&member, &named) else { return member.turned_away("accounts").await };
    let account = account(&named);
    match member.visit.state.accounts().one(&member.who.authenticated, account).await {
        Ok(sheet) if sheet.may_become.contains(&to) => {
            let page = AccountStatePage::new(member.chrome(), AccountStateView { seen: sheet.seen, to });
            shown(member.visit.lang, &page)
        }
        Ok(_) if account == member.who.account => acted(&member, account, Err(AccountError::Oneself)).await,
        Ok(_) => acted(&member, account, Err(AccountError::Life)).await,
        Err(error) => refused(&member, error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Why {
    reason: String,
}

pub(crate) async fn change(named: Named, Posted { member, form }: Posted<Why>) -> Response {
    let Some(to) = asked_state(&member, &named) else { return member.turned_away("accounts").await };
    let account = account(&named);
    let Ok(reason) = form.reason.parse::<LifeReason>() else {
        return without(&member, account, Refusal::AccountState).await;
    };
    let done = member.visit.state.accounts().change_state(&member.who.authenticated, account, (to, reason)).await;
    acted(&member, account, done).await
}
