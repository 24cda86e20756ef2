//! A right that gives rights takes two people's signatures (segur SC.SSI/IAM.91): whoever draws a link for an account
//! that decides over others, and whoever confirms it, sign the same terms with their passkeys. They are verified
//! before the link is drawn, when it is confirmed, and again by the door at which it is taken, from the rows as they
//! stand then.
//!
//! Where no administrator's key is pinned, nobody's passkey can be vouched for: two people confirm, and nobody signs.
//! Where one is, nothing turns it off.

pub(crate) mod model;

use super::{
    AccountError, Accounts, FIRST_LINK_LIFE,
    model::{DrawnLink, LinkSecrets, NewInvitation, SecondCode, address},
    sql::Whole,
};
use crate::{
    SignInService,
    enrol::lent::RESERVED_LOGINS,
    links::LinkError,
    model::{AccountRow, AccountSecrets},
    passkeys::challenge_digest,
    sql::account_by_id,
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use identity::{
    Authenticated, decides_over_others,
    passkey::Assertion,
    signed::{Nonce, TermsToSign},
    vouching::{Chain, Pinned, Pins},
};
use journal::Refusal;
use model::{
    Given, LacksKey, LinkSigned, RightGiven, RightSigned, RightTerms, RightToSign, SignedBy, Unsigned, Verifier,
    signs_second,
};
use policy::{ConfirmLink, DrawLink, Facts, InviteAccount};
use std::sync::Arc;
use store::{Store, StoreError};
use types::{AccountId, AccountState, ClientAddress, EstablishmentId, Event, IdentityProof, LinkId, Role, Time};
use vault::{Keys, Purpose, VaultError, random};
use vouched::nonce;

/// A link about to be drawn: what names it, and since when. Signed, both follow from the nonce that was drawn when the
/// terms were shown, so that what is signed is what is drawn, and nothing waits in between.
pub(super) struct Named {
    pub id: LinkId,
    pub drawn: Time,
    nonce: Option<Nonce>,
}

impl Named {
    fn signed(keys: &Keys, nonce: Nonce) -> Result<Self, VaultError> {
        let id = LinkId::from_bytes(derived(keys, b"link-id", &nonce)?);
        Ok(Self { id, drawn: nonce::end(&nonce) - nonce::GOOD_FOR, nonce: Some(nonce) })
    }

    /// What makes the nonce serve once, for the commit that draws the link.
    pub(super) fn spends(&self, keys: &Keys) -> Result<Option<([u8; 32], Time)>, StoreError> {
        self.nonce.map(|drawn| Ok((challenge_digest(keys, &drawn)?, nonce::end(&drawn)))).transpose()
    }
}

fn derived(keys: &Keys, what: &[u8], nonce: &Nonce) -> Result<[u8; 16], VaultError> {
    let token = keys.token(Purpose::LinksAndCodes, &[what, nonce])?;
    Ok(token.first_chunk().copied().unwrap_or_default())
}

/// What a nonce is drawn for: an account that is there, or the one that it names.
#[derive(Clone, Copy)]
enum For {
    Account(AccountId),
    Invitation,
}

fn bound<'a>(me: &'a AccountId, of: &'a For) -> Vec<&'a [u8]> {
    match of {
        For::Account(account) => vec![b"right", me.as_bytes(), account.as_bytes()],
        For::Invitation => vec![b"invite", me.as_bytes()],
    }
}

/// A signature with the nonce that it answers.
pub(crate) struct Signing {
    nonce: Nonce,
    assertion: Assertion,
}

/// Whether the node itself gives the probes' own administrator its means, for the time of a probe: nobody signs that.
pub(super) fn is_lent(who: &Authenticated, secrets: &AccountSecrets) -> bool {
    who.account().is_none() && secrets.is_lent()
}

/// What whoever signs is shown of an account.
fn terms_of(
    row: &AccountRow,
    secrets: &AccountSecrets,
    (id, expires, mail): (LinkId, Time, Option<&str>),
    proof: IdentityProof,
) -> RightTerms {
    RightTerms {
        establishment: row.establishment,
        account: row.id,
        login: secrets.login.clone(),
        name: secrets.display_name.clone(),
        role: row.role,
        link: id,
        renewal: secrets.renewals.unwrap_or(0),
        proof,
        mail: mail.or(secrets.mail.as_deref()).map(str::to_owned),
        expires,
    }
}

/// The terms of a link, rebuilt from what stands here.
fn terms_of_link(row: &AccountRow, secrets: &AccountSecrets, kept: &LinkSecrets) -> Result<RightTerms, Unsigned> {
    let signed = kept.signed.as_ref().ok_or(Unsigned::Missing)?;
    let proof = signed.proof.parse().map_err(|()| Unsigned::Forged)?;
    Ok(terms_of(row, secrets, (kept.id(), Time::from_micros(kept.expires), kept.mail.as_deref()), proof))
}

/// The keys by which signatures are verified, where a right of that role takes signatures.
pub(crate) fn asked_of(pins: Option<&Pins>, (role, place): (Role, EstablishmentId)) -> Option<Arc<Pinned>> {
    let pinned = pins.filter(|_| decides_over_others(role))?.now();
    pinned.vouches_at(place).then_some(pinned)
}

/// Whether both signatures of a link hold, of people who are in charge still.
async fn verified(
    (store, keys): (&Store, &Keys),
    pinned: &Pinned,
    (terms, signed): (&RightTerms, &LinkSigned),
    whole: bool,
) -> Result<Result<(), Unsigned>, StoreError> {
    let signers: Vec<&SignedBy> = [Some(&signed.first), signed.second.as_ref()].into_iter().flatten().collect();
    let mut connection = store.read().await?;
    let wanted = signers.iter().map(|by| by.assertion.credential.clone()).collect();
    let rows = vouched::passkeys(&mut connection, keys, wanted).await?;
    for by in &signers {
        // The sealed state counts, not the column beside it.
        let stands = match account_by_id(&mut connection, by.account()).await? {
            Some(row) => {
                // What the node's own probes sign in with is calculated from its master key: it stands for nobody.
                let secrets = row.secrets(keys)?;
                row.establishment == terms.establishment
                    && secrets.state()? == AccountState::Active
                    && !secrets.login.starts_with(RESERVED_LOGINS)
            }
            None => false,
        };
        if !stands {
            return Ok(Err(Unsigned::Gone));
        }
    }
    drop(connection);
    let verifier = Verifier::new(pinned, &rows, (terms, &signed.nonce));
    Ok(if whole { verifier.both(signed) } else { verifier.first(signed) })
}

impl Accounts {
    /// With the keys that signatures are verified by. Told once.
    pub fn verify_by(&self, pins: Pins) {
        let _ = self.0.pins.set(pins);
    }

    fn asks(&self, role: Role, place: EstablishmentId) -> Option<Arc<Pinned>> {
        asked_of(self.0.pins.get(), (role, place))
    }

    /// Whether giving an account of that role takes two people's signatures, for somebody who manages accounts.
    pub fn takes_signatures(&self, who: &Authenticated, role: Role) -> bool {
        who.establishment().is_some_and(|place| self.asks(role, place).is_some())
    }

    /// What whoever opens an account signs, where its role takes signatures.
    pub async fn invitation_terms(
        &self,
        who: &Authenticated,
        new: NewInvitation,
    ) -> Result<Option<RightToSign>, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let (place, me) = who.establishment().zip(who.account()).ok_or(AccountError::Denied)?;
        let new = new.checked()?;
        let Some(pinned) = self.asks(new.role, place) else { return Ok(None) };
        let nonce = nonce::draw(&parts.keys, &bound(&me, &For::Invitation), now)?;
        let terms = self.invited(place, &new, &nonce)?;
        let action = InviteAccount { account: terms.account, role: new.role };
        drop(parts.policies.decide(who, action, &Facts::default(), now)?);
        let login = parts.keys.token(Purpose::LoginTokens, &[new.login.as_bytes()])?;
        let mut connection = parts.store.read().await?;
        if crate::sql::account_by_login(&mut connection, &login).await?.is_some() {
            return Err(AccountError::Taken);
        }
        drop(connection);
        self.to_sign((&pinned, me), terms, (&nonce, None)).await.map(Some)
    }

    fn invited(&self, place: EstablishmentId, new: &NewInvitation, drawn: &Nonce) -> Result<RightTerms, AccountError> {
        let named = Named::signed(&self.0.keys, *drawn)?;
        Ok(RightTerms {
            establishment: place,
            account: AccountId::from_bytes(derived(&self.0.keys, b"account-id", drawn)?),
            login: new.login.clone(),
            name: new.display_name(),
            role: new.role,
            link: named.id,
            renewal: 0,
            proof: new.proof,
            mail: new.mail.clone(),
            expires: named.drawn + FIRST_LINK_LIFE,
        })
    }

    /// Opens an account as [`Accounts::invite`] does, with the signature of whoever opens it.
    pub async fn invite_signed(
        &self,
        who: &Authenticated,
        new: NewInvitation,
        signed: RightSigned,
    ) -> Result<(AccountId, DrawnLink), AccountError> {
        let (place, me) = who.establishment().zip(who.account()).ok_or(AccountError::Denied)?;
        let new = new.checked()?;
        let pinned = self.asks(new.role, place).ok_or(AccountError::Meanwhile)?;
        let signing = self.signing((who, me), For::Invitation, signed).await?;
        let terms = self.invited(place, &new, &signing.nonce)?;
        // Before anything is there: what does not fit leaves no account behind.
        self.first_fits((who, me), &pinned, &terms, &signing).await?;
        self.invite_as(who, (terms.account, new), Some(signing)).await
    }

    /// What whoever draws a link signs, where the account's role takes signatures.
    pub async fn draw_terms(
        &self,
        who: &Authenticated,
        account: AccountId,
        (proof, mail): (IdentityProof, Option<&str>),
    ) -> Result<Option<RightToSign>, AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?.account;
        let Some(pinned) = self.asks(row.role, row.establishment) else { return Ok(None) };
        let me = who.account().ok_or(AccountError::Denied)?;
        let action = DrawLink { account, terms: String::new() };
        drop(parts.policies.decide(who, action, &Facts::default(), now)?);
        if me == account {
            return Err(AccountError::Oneself);
        }
        let secrets = row.secrets(&parts.keys)?;
        Self::by_envelopes(&secrets)?;
        let span = self.span(row.role, secrets.state()?, false)?;
        if span.delay.is_some() && !proof.is_substantial() {
            return Err(AccountError::Proof);
        }
        let mail = mail.map(address).transpose()?.flatten();
        let nonce = nonce::draw(&parts.keys, &bound(&me, &For::Account(account)), now)?;
        let named = Named::signed(&parts.keys, nonce)?;
        let terms = terms_of(&row, &secrets, (named.id, named.drawn + span.whole(), mail.as_deref()), proof);
        self.to_sign((&pinned, me), terms, (&nonce, None)).await.map(Some)
    }

    /// Draws a link as [`Accounts::draw_link_to`] does, with the signature of whoever draws it.
    pub async fn draw_signed_link(
        &self,
        who: &Authenticated,
        account: AccountId,
        what: (IdentityProof, Option<&str>),
        signed: RightSigned,
    ) -> Result<DrawnLink, AccountError> {
        let me = who.account().ok_or(AccountError::Denied)?;
        let signing = self.signing((who, me), For::Account(account), signed).await?;
        self.draw_link_as(who, account, what, Some(signing)).await
    }

    /// What whoever confirms the link that `seen` names signs, where the account's role takes signatures: the very
    /// terms of whoever drew it.
    pub async fn confirm_terms(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: LinkId,
    ) -> Result<Option<RightToSign>, AccountError> {
        let parts = &self.0;
        let row = self.row_for(who, account).await?;
        let Some(pinned) = self.asks(row.account.role, row.account.establishment) else { return Ok(None) };
        let (_, kept) = self.link(&row, seen)?;
        let now = parts.journal.now();
        let action = ConfirmLink { account, terms: String::new() };
        drop(parts.policies.decide(who, action, &Facts::default(), now)?);
        let me = who.account().ok_or(AccountError::Denied)?;
        if Some(me) == kept.by() || me == account {
            return Err(AccountError::Second);
        }
        if !kept.waits || now >= Time::from_micros(kept.expires) {
            return Err(AccountError::Absent);
        }
        let secrets = row.account.secrets(&parts.keys)?;
        let terms = terms_of_link(&row.account, &secrets, &kept).map_err(|_| AccountError::Unsigned)?;
        let signed = kept.signed.as_ref().ok_or(AccountError::Unsigned)?;
        // Nobody is asked to put his name beside one that does not hold.
        if let Err(why) = verified((&parts.store, &parts.keys), &pinned, (&terms, signed), false).await? {
            return self.misfit(who, why).await;
        }
        let first = Some(signed.first.account());
        self.to_sign((&pinned, me), terms, (&signed.nonce, first)).await.map(Some)
    }

    /// Confirms a link as [`Accounts::confirm_link`] does, with the signature of whoever confirms it.
    pub async fn confirm_signed_link(
        &self,
        who: &Authenticated,
        account: AccountId,
        seen: LinkId,
        assertion: &Assertion,
    ) -> Result<SecondCode, AccountError> {
        self.confirm_link_as(who, account, seen, Some(assertion)).await
    }

    /// The link about to be drawn, if it is as it should be: signed where that is asked.
    pub(super) fn named(
        &self,
        (who, row, secrets): (&Authenticated, &AccountRow, &AccountSecrets),
        signing: Option<&Signing>,
    ) -> Result<Named, AccountError> {
        let asks = self.asks(row.role, row.establishment).filter(|_| !is_lent(who, secrets));
        match (asks, signing) {
            (None, None) => Ok(Named { id: LinkId::from_bytes(random()?), drawn: self.0.journal.now(), nonce: None }),
            (Some(_), Some(signing)) => Ok(Named::signed(&self.0.keys, signing.nonce)?),
            (Some(_), None) => Err(AccountError::Unsigned),
            // Keys were pinned when the terms were shown, and are not now.
            (None, Some(_)) => Err(AccountError::Meanwhile),
        }
    }

    /// Puts the signature of whoever draws a link under it, verified. Gives what the trace says of it.
    pub(super) async fn first_signs(
        &self,
        who: &Authenticated,
        (row, secrets): (&AccountRow, &AccountSecrets),
        kept: &mut LinkSecrets,
        (proof, signing): (IdentityProof, Option<Signing>),
    ) -> Result<String, AccountError> {
        let asks = self.asks(row.role, row.establishment).filter(|_| !is_lent(who, secrets));
        let Some(pinned) = asks else { return Ok(String::new()) };
        let signing = signing.ok_or(AccountError::Unsigned)?;
        let me = who.account().ok_or(AccountError::Denied)?;
        let what = (kept.id(), Time::from_micros(kept.expires), kept.mail.as_deref());
        let terms = terms_of(row, secrets, what, proof);
        kept.signed = Some(self.first_fits((who, me), &pinned, &terms, &signing).await?);
        Ok(with_passkey(&signing.assertion))
    }

    /// Puts the signature of whoever confirms a link beside the first, both verified. Gives what the trace says of it.
    pub(super) async fn second_signs(
        &self,
        who: &Authenticated,
        row: &Whole,
        kept: &mut LinkSecrets,
        assertion: Option<&Assertion>,
    ) -> Result<String, AccountError> {
        let parts = &self.0;
        let Some(pinned) = self.asks(row.account.role, row.account.establishment) else { return Ok(String::new()) };
        let (me, assertion) = (who.account().ok_or(AccountError::Denied)?, assertion.ok_or(AccountError::Unsigned)?);
        let secrets = row.account.secrets(&parts.keys)?;
        let terms = terms_of_link(&row.account, &secrets, kept).map_err(|_| AccountError::Unsigned)?;
        let mut signed = kept.signed.clone().ok_or(AccountError::Unsigned)?;
        signed.second = Some(SignedBy::new(me, assertion));
        if let Err(why) = verified((&parts.store, &parts.keys), &pinned, (&terms, &signed), true).await? {
            return self.misfit(who, why).await;
        }
        kept.signed = Some(signed);
        Ok(with_passkey(assertion))
    }

    /// By whose signatures the means that an account has now were given; nothing of roles that decide over nobody.
    pub(super) async fn right_given(
        &self,
        row: &AccountRow,
        secrets: &AccountSecrets,
    ) -> Result<Option<RightGiven>, AccountError> {
        let parts = &self.0;
        if !decides_over_others(row.role) || secrets.envelopes.is_some() || secrets.is_lent() {
            return Ok(None);
        }
        let Some(pinned) = self.asks(row.role, row.establishment) else { return Ok(Some(RightGiven::Confirmed)) };
        let Some(given) = secrets.given.as_ref().filter(|given| given.is_of(secrets)) else {
            return Ok((secrets.state()? != AccountState::Invited).then_some(RightGiven::Unsigned));
        };
        let Some(second) = &given.signed.second else { return Ok(Some(RightGiven::Unsigned)) };
        let mut connection = parts.store.read().await?;
        let wanted = [&given.signed.first, second].map(|by| by.assertion.credential.clone());
        let rows = vouched::passkeys(&mut connection, &parts.keys, wanted.to_vec()).await?;
        drop(connection);
        let holds = given.terms(row).is_some_and(|terms| {
            Verifier::new(&pinned, &rows, (&terms, &given.signed.nonce)).both(&given.signed).is_ok()
        });
        Ok(Some(RightGiven::Signed { first: given.signed.first.account(), second: second.account(), holds }))
    }

    /// A signature as the page gave it, if its nonce was drawn here, for this person and this act, lately.
    async fn signing(
        &self,
        (who, me): (&Authenticated, AccountId),
        of: For,
        signed: RightSigned,
    ) -> Result<Signing, AccountError> {
        let (keys, now) = (&self.0.keys, self.0.journal.now());
        let bytes = HEXLOWER.decode(signed.nonce.as_bytes()).ok();
        let nonce = bytes.and_then(|bytes| Nonce::try_from(bytes).ok());
        match nonce.filter(|drawn| nonce::is_good(keys, drawn, &bound(&me, &of), now)) {
            Some(nonce) => Ok(Signing { nonce, assertion: signed.assertion }),
            None => self.refused_signature(who, "the nonce is not good (any more)").await,
        }
    }

    async fn first_fits(
        &self,
        (who, me): (&Authenticated, AccountId),
        pinned: &Pinned,
        terms: &RightTerms,
        signing: &Signing,
    ) -> Result<LinkSigned, AccountError> {
        let parts = &self.0;
        let first = SignedBy::new(me, &signing.assertion);
        let signed = LinkSigned { nonce: signing.nonce, proof: terms.proof.as_str().to_owned(), first, second: None };
        match verified((&parts.store, &parts.keys), pinned, (terms, &signed), false).await? {
            Ok(()) => Ok(signed),
            Err(why) => self.misfit(who, why).await,
        }
    }

    async fn misfit<T>(&self, who: &Authenticated, why: Unsigned) -> Result<T, AccountError> {
        self.refused_signature(who, &why.to_string()).await
    }

    async fn refused_signature<T>(&self, who: &Authenticated, why: &str) -> Result<T, AccountError> {
        let refusal = Refusal { target: "signature".to_owned(), reason: why.to_owned() };
        self.0.journal.refuse(who, Event::Refused, &refusal).await?;
        Err(AccountError::Signature)
    }

    async fn to_sign(
        &self,
        (pinned, me): (&Pinned, AccountId),
        right: RightTerms,
        (nonce, first): (&Nonce, Option<AccountId>),
    ) -> Result<RightToSign, AccountError> {
        let parts = &self.0;
        let mut connection = parts.store.read().await?;
        let mine = vouched::passkeys_of(&mut connection, me).await?;
        let rows = vouched::passkeys(&mut connection, &parts.keys, mine.clone()).await?;
        drop(connection);
        let chain = Chain::new(pinned, right.establishment, &rows);
        let signs = |one: &Vec<u8>| chain.trusted(one).is_ok_and(|row| row.account == me && signs_second(row.role));
        let lacks = if mine.is_empty() { LacksKey::None } else { LacksKey::Vouch };
        let credentials: Vec<Vec<u8>> = mine.into_iter().filter(signs).collect();
        let lacks = credentials.is_empty().then_some(lacks);
        let (bytes, challenge) = (right.bytes(nonce), right.challenge(nonce));
        let terms = TermsToSign { bytes, challenge, nonce: HEXLOWER.encode(nonce), credentials };
        Ok(RightToSign { right, terms, lacks, first })
    }
}

/// What the trace says of a signature: who signed is in it already.
fn with_passkey(assertion: &Assertion) -> String {
    format!(", signed with passkey {}", BASE64URL_NOPAD.encode(&assertion.credential))
}

impl SignInService {
    /// With the keys by which the signatures of links are verified. Told once.
    pub fn verifying(self, pins: Pins) -> Self {
        let _ = self.parts().pins.set(pins);
        self
    }

    /// Whether a link bears the signatures that its account's role takes. Whoever holds it is told no more than of one
    /// that does not serve; the trace says why.
    pub(crate) async fn bears_signatures(
        &self,
        (row, secrets): (&AccountRow, &AccountSecrets),
        kept: &LinkSecrets,
        address: ClientAddress,
    ) -> Result<(), LinkError> {
        let parts = self.parts();
        if kept.by().is_none() && secrets.is_lent() {
            return Ok(());
        }
        let Some(pinned) = asked_of(parts.pins.get(), (row.role, row.establishment)) else {
            // Signed where keys were pinned, and nothing here verifies it.
            return if kept.signed.is_none() { Ok(()) } else { Err(LinkError::Absent) };
        };
        // One that was drawn and confirmed before signatures were asked for waits for another.
        let Some(signed) = &kept.signed else { return Err(LinkError::Waits) };
        let why = match terms_of_link(row, secrets, kept) {
            Ok(terms) => verified((&parts.store, &parts.keys), &pinned, (&terms, signed), true).await?.err(),
            Err(why) => Some(why),
        };
        let Some(why) = why else { return Ok(()) };
        tracing::error!(%why, "a link does not bear the signatures that it takes");
        self.refused(address, &format!("a link's signatures: {why}")).await;
        Err(LinkError::Absent)
    }
}

/// What is kept with the account once its link served.
pub(crate) fn given(row: &AccountRow, secrets: &AccountSecrets, kept: &LinkSecrets) -> Option<Given> {
    let terms = terms_of_link(row, secrets, kept).ok()?;
    Some(Given::new(terms, kept.signed.clone()?))
}
