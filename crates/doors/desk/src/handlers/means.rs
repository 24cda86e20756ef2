//! One's own means of identification, and the passkeys of others.

use crate::{
    handlers::{
        Asking, Before, Member, Named, Posted, SignatureForm, acted, back, challenge, failed, or_default, told,
    },
    pages::{Enrolling, Means, MeansView, Passkey, PasskeyView, Passkeys, PasskeysView, Refusal},
    state::DeskState,
};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use entrance::{Failure, Then, shown};
use serde::Deserialize;
use signin::{EnrolledPasskey, MeansError, NewToken, PasskeyOptions, PasskeySeen, Registration};
use std::{collections::BTreeSet, time::Duration};
use types::{Role, TokenId, TokenScope};
use web::layout::ErrorKind;

/// What a role's programs may sensibly ask for; the policies decide all the same.
fn scopes(role: Role) -> Vec<TokenScope> {
    use TokenScope::*;
    match role {
        Role::Beneficiary => vec![InterventionsRead, InterventionsWrite, SessionsRead, SessionsCut, EquipmentRead],
        Role::OnCall => vec![InterventionsRead, InterventionsWrite, SessionsRead, SessionsCut, EquipmentRead],
        Role::SecurityOfficer => {
            vec![
                InterventionsRead,
                InterventionsWrite,
                SessionsRead,
                SessionsCut,
                EquipmentRead,
                RulesRead,
                AccountsRead,
            ]
        }
        Role::Administrator => {
            vec![InterventionsRead, SessionsRead, EquipmentRead, EquipmentWrite, RulesRead, AccountsRead]
        }
        Role::TraceController => vec![TracesRead],
        Role::Dpo => vec![RulesRead],
        _ => Vec::new(),
    }
}

async fn refused(member: &Member, path: &str, error: MeansError) -> Response {
    let refusal = match &error {
        MeansError::Lacking(lacking) => return member.asked_for(*lacking),
        MeansError::Denied | MeansError::Absent => {
            return member.failed(Failure::Shown(ErrorKind::NotFound), &error).await;
        }
        MeansError::Unavailable => {
            return member.failed(Failure::Shown(ErrorKind::JournalUnavailable), &error).await;
        }
        MeansError::Taken => Refusal::Taken,
        MeansError::Full => Refusal::Full,
        MeansError::Lost => Refusal::Lost,
        MeansError::Label(_) => Refusal::Label,
        MeansError::Passkey(_) => Refusal::Signature,
        MeansError::SshKey(_) | MeansError::Token(_) | MeansError::Evidence => Refusal::Invalid,
    };
    back(member, path, Some(refusal))
}

pub(crate) async fn own(member: Member, before: Asking<Before>) -> Response {
    match view(&member).await {
        Ok(view) => {
            let view = MeansView { refusal: or_default(before).refusal(), ..view };
            shown(member.visit.lang, &Means::new(member.chrome(), view))
        }
        Err(error) => refused(&member, "/", error).await,
    }
}

async fn view(member: &Member) -> Result<MeansView, MeansError> {
    let (state, who) = (&member.visit.state, &member.who.authenticated);
    let mut own = state.means().own(who).await?;
    own.passkeys.iter_mut().for_each(|one| one.vouched = confirmed(state, one));
    let stale = !member.is_fresh();
    let begun = if stale { Err(MeansError::Full) } else { state.means().begin_passkey(who).await };
    let enrolling = match begun {
        Ok(options) => Some(enrolling(&options)),
        // Who may not add one still sees and takes away what he has.
        Err(MeansError::Full | MeansError::Denied | MeansError::Lacking(_)) => None,
        Err(error) => return Err(error),
    };
    let tokens = state.tokens().list(who).await?;
    let scopes = scopes(member.who.role);
    Ok(MeansView { passkeys: own.passkeys, tokens, enrolling, scopes, stale, issued: None, refusal: None })
}

fn enrolling(options: &PasskeyOptions) -> Enrolling {
    let exclude: Vec<String> = options.exclude.iter().map(|one| BASE64URL_NOPAD.encode(one)).collect();
    Enrolling {
        challenge: BASE64URL_NOPAD.encode(&options.challenge),
        rp: options.rp.id.clone(),
        user: BASE64URL_NOPAD.encode(options.user.as_bytes()),
        exclude: exclude.join(","),
    }
}

#[derive(Deserialize)]
pub(crate) struct Enrolled {
    label: String,
    client_data_json: String,
    attestation_object: String,
}

/// What the browser gave; what is not base64url reads as empty, and fits nothing.
pub(crate) fn registration(client_data_json: &str, attestation_object: &str) -> Registration {
    let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
    Registration { client_data_json: bytes(client_data_json), attestation_object: bytes(attestation_object) }
}

pub(crate) async fn enrol(Posted { member, form }: Posted<Enrolled>) -> Response {
    if let Some(again) = member.proves_again(Then::Means) {
        return again;
    }
    let registration = registration(&form.client_data_json, &form.attestation_object);
    let who = &member.who.authenticated;
    match member.visit.state.means().finish_passkey(who, &registration, &form.label).await {
        Ok(_) => back(&member, "/means", None),
        Err(error) => refused(&member, "/means", error).await,
    }
}

/// The token is shown in the answer itself, once, and nowhere else.
pub(crate) async fn issue(Posted { member, form }: Posted<Vec<(String, String)>>) -> Response {
    if let Some(again) = member.proves_again(Then::Means) {
        return again;
    }
    let Some(new) = new_token(&member, &form) else { return back(&member, "/means", Some(Refusal::Invalid)) };
    match member.visit.state.tokens().issue(&member.who.authenticated, new).await {
        Ok((_, token)) => {
            let view = MeansView { issued: Some(token.expose().clone()), ..MeansView::default() };
            let chrome = member.visit.chrome(Some(&member.who), Some("/means"));
            shown(member.visit.lang, &Means::new(chrome, view))
        }
        Err(error) => refused(&member, "/means", error).await,
    }
}

fn new_token(member: &Member, form: &[(String, String)]) -> Option<NewToken> {
    let one = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let wanted = form.iter().filter(|(field, _)| field == "scope").map(|(_, value)| value.parse::<TokenScope>());
    let wanted = wanted.collect::<Result<BTreeSet<_>, _>>().ok()?;
    let offered = scopes(member.who.role);
    if !wanted.iter().all(|scope| offered.contains(scope)) {
        return None;
    }
    let days: u64 = one("days")?.parse().ok().filter(|days| (1..=365).contains(days))?;
    let sources = one("sources").unwrap_or_default().split_whitespace().map(str::parse).collect::<Result<_, _>>();
    Some(NewToken {
        label: one("label")?.to_owned(),
        scopes: wanted,
        expires: member.visit.state.now() + Duration::from_secs(days * 86_400),
        sources: sources.ok()?,
    })
}

#[derive(Deserialize)]
pub(crate) struct Plain {}

pub(crate) async fn revoke_token(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    let token = named.id(TokenId::from_bytes);
    match member.visit.state.tokens().revoke(&member.who.authenticated, token).await {
        Ok(()) => back(&member, "/means", None),
        Err(error) => refused(&member, "/means", error).await,
    }
}

pub(crate) async fn passkeys(member: Member, before: Asking<Before>) -> Response {
    match all_passkeys(&member).await {
        Ok(rows) => {
            let view = PasskeysView { rows, me: member.who.account, refusal: or_default(before).refusal() };
            shown(member.visit.lang, &Passkeys::new(member.chrome(), view))
        }
        Err(error) => refused(&member, "/", error).await,
    }
}

/// Whether a passkey signs: somebody vouched for it, or the configuration does.
pub(crate) fn confirmed(state: &DeskState, one: &PasskeySeen) -> bool {
    one.vouched || state.interventions().is_pinned(&one.public.credential)
}

/// Those of the establishment.
async fn all_passkeys(member: &Member) -> Result<Vec<EnrolledPasskey>, MeansError> {
    let state = &member.visit.state;
    let mut rows = state.means().passkeys(&member.who.authenticated).await?;
    rows.iter_mut().for_each(|row| row.passkey.vouched = confirmed(state, &row.passkey));
    Ok(rows)
}

/// The passkey that an address names, for those who see passkeys.
async fn named_passkey(member: &Member, named: &Named) -> Result<EnrolledPasskey, MeansError> {
    let credential = credential(named);
    let rows = all_passkeys(member).await?;
    rows.into_iter().find(|row| row.passkey.public.credential == credential).ok_or(MeansError::Absent)
}

fn credential(named: &Named) -> Vec<u8> {
    BASE64URL_NOPAD.decode(named.id.as_bytes()).unwrap_or_default()
}

pub(crate) async fn vouching(member: Member, named: Named) -> Response {
    let one = match named_passkey(&member, &named).await {
        Ok(one) => one,
        Err(error) => return refused(&member, "/passkeys", error).await,
    };
    let service = member.visit.state.interventions();
    match service.vouch_terms(&member.who.authenticated, &credential(&named)).await {
        Ok(to_sign) => {
            let view = PasskeyView { one, vouch: Some(challenge(&to_sign)) };
            shown(member.visit.lang, &Passkey::new(member.chrome(), view))
        }
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn vouch(named: Named, Posted { member, form }: Posted<SignatureForm>) -> Response {
    let (state, who) = (&member.visit.state, &member.who.authenticated);
    let credential = credential(&named);
    match state.interventions().vouch_evidence(who, &credential, form.read()).await {
        Ok((_, evidence)) => match state.means().vouch(who, &credential, &evidence).await {
            Ok(()) => back(&member, "/passkeys", None),
            Err(error) => refused(&member, "/passkeys", error).await,
        },
        Err(error) if told(&error).is_some() => acted(&member, "/passkeys", Err(error)).await,
        Err(error) => failed(&member, error).await,
    }
}

pub(crate) async fn revoking(member: Member, named: Named) -> Response {
    match named_passkey(&member, &named).await {
        Ok(one) => shown(member.visit.lang, &Passkey::new(member.chrome(), PasskeyView { one, vouch: None })),
        Err(error) => refused(&member, "/passkeys", error).await,
    }
}

pub(crate) async fn revoke(named: Named, Posted { member, .. }: Posted<Plain>) -> Response {
    match member.visit.state.means().revoke_passkey(&member.who.authenticated, &credential(&named)).await {
        Ok(()) => back(&member, "/passkeys", None),
        Err(error) => refused(&member, "/passkeys", error).await,
    }
}
