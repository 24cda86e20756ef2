//! Equipment and suppliers: seen, registered, signed for.

pub(crate) mod sql;

use crate::{
    acts::plain,
    model::{BENEFICIARIES_MAX, Equipment, EquipmentSecret, NAME_CHARS_MAX, NewEquipment, Supplier},
    people,
    rows::RawSecret,
    service::{Answer, InterventionError, InterventionService, Signed, Wrong},
    terms::Terms,
    warrant::{Chain, Pinned, SignatureKind, SignatureRow, verify_equipment},
};
use data_encoding::BASE64;
use identity::{Authenticated, signed::TermsToSign};
use journal::{Applied, Effect, WriteTx};
use policy::{CreateSupplier, RegisterEquipment, SeeEquipment};
use sql::{EquipmentBody, EquipmentRow};
use store::{ReadConnection, StoreError};
use types::{AccountId, Door, EquipmentId, EstablishmentId, Role, Secret, SupplierId};
use vault::{Keys, MonthKeys, SealOnly, VaultError, hpke, random};
use zeroize::Zeroizing;

/// A secret at most: a private key of any kind fits.
const SECRET_BYTES_MAX: usize = 16 * 1024;
/// The family of the pair that secrets are sealed to.
const FAMILY: &str = "equipment";
const INFO: &[u8] = b"poterne equipment secret 1";

/// A new supplier.
pub(crate) struct InsertSupplier(pub String);

impl Effect<CreateSupplier> for InsertSupplier {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CreateSupplier>) -> Result<Applied<()>, StoreError> {
        let ids = (tx.action().supplier, tx.action().establishment);
        people::sql::insert_supplier(tx.connection(), ids, &self.0).await.map(Applied::done)
    }
}

/// A new version of an equipment. Refused when another came between.
pub(crate) struct Put {
    pub row: EquipmentRow,
    pub sealed: Vec<u8>,
}

impl Effect<RegisterEquipment> for Put {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, RegisterEquipment>) -> Result<Applied<bool>, StoreError> {
        let put = sql::put_equipment(tx.connection(), &self.row, self.sealed.clone()).await?;
        Ok(if put { Applied::done(true) } else { Applied::refused(false) })
    }
}

/// Seals what opens an equipment to the relays' key, for this equipment alone.
pub(crate) fn seal_secret(keys: &SealOnly, id: EquipmentId, secret: &EquipmentSecret) -> Result<Vec<u8>, VaultError> {
    let (kind, text) = match secret {
        EquipmentSecret::Password(text) => (1, text),
        EquipmentSecret::PrivateKey(text) => (2, text),
    };
    let raw = Zeroizing::new(minicbor::to_vec(RawSecret { kind, text: text.expose().clone() }).unwrap_or_default());
    hpke::seal(&keys.standing(FAMILY)?.public, INFO, id.as_bytes(), &raw)
}

/// Opens what [`seal_secret`] sealed: the relays' side.
pub(crate) fn open_secret(keys: &MonthKeys, id: EquipmentId, sealed: &[u8]) -> Result<EquipmentSecret, VaultError> {
    let clear = hpke::open(&keys.private(FAMILY)?, INFO, id.as_bytes(), sealed)?;
    let mut raw: RawSecret = minicbor::decode(&clear).map_err(|_| VaultError::DoesNotOpen)?;
    let text = Secret::new(std::mem::take(&mut raw.text));
    match raw.kind {
        1 => Ok(EquipmentSecret::Password(text)),
        2 => Ok(EquipmentSecret::PrivateKey(text)),
        _ => Err(VaultError::DoesNotOpen),
    }
}

/// Whether what is to be registered holds together.
pub(crate) async fn check(
    connection: &mut ReadConnection,
    keys: &Keys,
    establishment: EstablishmentId,
    (new, secret): (&NewEquipment, Option<&EquipmentSecret>),
) -> Answer<()> {
    let invalid = |wrong| Err(InterventionError::Invalid(wrong));
    if !is_name(&new.name) {
        return invalid(Wrong::Name);
    }
    if plain(&new.location, NAME_CHARS_MAX, false).is_none() {
        return invalid(Wrong::Text);
    }
    if !is_host(&new.host) || new.port == 0 {
        return invalid(Wrong::Address);
    }
    if !is_host_key(&new.host_key) {
        return invalid(Wrong::HostKey);
    }
    let text = secret.map(|secret| match secret {
        EquipmentSecret::Password(text) | EquipmentSecret::PrivateKey(text) => text.expose().len(),
    });
    if plain(&new.account, 64, false).is_none() || text.is_some_and(|n| n == 0 || n > SECRET_BYTES_MAX) {
        return invalid(Wrong::Secret);
    }
    let body = EquipmentBody::from(new);
    let many = body.beneficiaries.len();
    if many == 0 || many > BENEFICIARIES_MAX || new.quorum == 0 || usize::from(new.quorum) > many {
        return invalid(Wrong::Beneficiaries);
    }
    for account in body.beneficiaries {
        let person = people::sql::person(connection, keys, (establishment, account)).await?;
        if person.is_none_or(|person| person.role != Role::Beneficiary) {
            return invalid(Wrong::Beneficiaries);
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_host(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
    (1..=253).contains(&host.len()) && host.bytes().all(plain) && !host.starts_with('-')
}

/// `type base64`, and the base64 says the same type.
fn is_host_key(text: &str) -> bool {
    let Some((kind, blob)) = text.split_once(' ') else { return false };
    let Ok(blob) = BASE64.decode(blob.as_bytes()) else { return false };
    let length = blob.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize);
    let named = length.and_then(|length| blob.get(4..4 + length.min(64)));
    named == Some(kind.as_bytes()) && blob.len() <= 4096 && text.len() <= 6000
}

/// The signature under an equipment, verified by the chain of whoever signed.
pub(crate) async fn verified(
    connection: &mut ReadConnection,
    (keys, pinned): (&Keys, &Pinned),
    terms: &crate::terms::EquipmentTerms,
    row: &SignatureRow,
) -> Answer<Result<(), crate::NoWarrant>> {
    let wanted = vec![row.assertion.credential.clone()];
    let passkeys = vouched::passkeys(connection, keys, wanted).await?;
    Ok(verify_equipment(&Chain::of_equipment(pinned, terms, &passkeys), terms, row))
}

fn bound<'a>(me: &'a AccountId, id: &'a EquipmentId, version: &'a [u8; 8]) -> [&'a [u8]; 4] {
    [b"equipment", me.as_bytes(), id.as_bytes(), version]
}

impl InterventionService {
    /// The establishment's equipment, as far as the person's role shows it: suppliers' people see names and places only.
    pub async fn equipment(&self, who: &Authenticated) -> Answer<Vec<Equipment>> {
        let (establishment, inside) = self.seeing_equipment(who).await?;
        let (keys, pinned) = (&self.parts().keys, &self.parts().pinned.now());
        let mut connection = self.read().await?;
        let mut rows = sql::all_equipment(&mut connection, keys, establishment).await?;
        // What a probe reaches for a few seconds is no equipment of anybody's.
        rows.retain(|row| !pinned.rehearsed.as_ref().is_some_and(|one| one.is_on(&row.terms())));
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            let signed = verified(&mut connection, (keys, pinned), &row.terms(), &row.signature).await?.is_ok();
            shown.push(for_role(row.shown(signed), inside));
        }
        Ok(shown)
    }

    /// One equipment.
    pub async fn equipment_for(&self, who: &Authenticated, id: EquipmentId) -> Answer<Equipment> {
        let (establishment, inside) = self.seeing_equipment(who).await?;
        let (keys, pinned) = (&self.parts().keys, &self.parts().pinned.now());
        let mut connection = self.read().await?;
        let row = sql::equipment(&mut connection, keys, (establishment, id)).await?;
        let Some(row) = row else {
            drop(connection);
            return Err(self.not_found(who, &format!("equipment:{id}"), "absent").await);
        };
        let signed = verified(&mut connection, (keys, pinned), &row.terms(), &row.signature).await?.is_ok();
        Ok(for_role(row.shown(signed), inside))
    }

    /// The establishment's suppliers; suppliers' people see their own.
    pub async fn suppliers(&self, who: &Authenticated) -> Answer<Vec<Supplier>> {
        let (establishment, inside) = self.seeing_equipment(who).await?;
        let own = self.me(who).await?.supplier;
        let mut connection = self.read().await?;
        let mut all = people::sql::suppliers(&mut connection, establishment).await?;
        all.retain(|one| inside || Some(one.id) == own);
        Ok(all)
    }

    /// Whether the hospital's own people ask.
    pub(crate) async fn seeing_equipment(&self, who: &Authenticated) -> Answer<(EstablishmentId, bool)> {
        let (establishment, _) = self.at(who)?;
        drop(self.decide(who, SeeEquipment {}, &Self::about(None, None)).await?);
        Ok((establishment, who.door() == Some(Door::Desk)))
    }

    /// Registers a supplier.
    pub async fn register_supplier(&self, who: &Authenticated, name: &str) -> Answer<SupplierId> {
        let (establishment, _) = self.at(who)?;
        let supplier = SupplierId::from_bytes(random()?);
        let action = CreateSupplier { establishment, supplier };
        let authorized = self.decide(who, action, &Self::about(None, None)).await?;
        let name = plain(name, NAME_CHARS_MAX, false).ok_or(InterventionError::Invalid(Wrong::Name))?;
        self.parts().journal.perform(authorized, InsertSupplier(name)).await?;
        Ok(supplier)
    }

    /// What an administrator signs to register an equipment, or to change `id`. The identifier goes back with the
    /// signature.
    pub async fn equipment_terms(
        &self,
        who: &Authenticated,
        id: Option<EquipmentId>,
        new: &NewEquipment,
    ) -> Answer<(EquipmentId, TermsToSign)> {
        let (establishment, me) = self.at(who)?;
        let drawn = id.is_none();
        let id = id.map_or_else(|| random().map(EquipmentId::from_bytes), Ok)?;
        let (version, _) = self.next_version(establishment, id).await?;
        let action = RegisterEquipment { establishment, equipment: id, version };
        drop(self.decide(who, action, &Self::about(None, None)).await?);
        if !drawn && version == 1 {
            return Err(self.not_found(who, &format!("equipment:{id}"), "absent").await);
        }
        let mut connection = self.read().await?;
        check(&mut connection, &self.parts().keys, establishment, (new, None)).await?;
        drop(connection);
        let terms = Terms::Equipment(EquipmentBody::from(new).terms(id, version, establishment));
        let to_sign = self.to_sign(me, &terms, &bound(&me, &id, &version.to_be_bytes())).await?;
        Ok((id, to_sign))
    }

    /// Registers or changes an equipment; without a secret the one that is there stays, if address, host key and login do.
    pub async fn register_equipment(
        &self,
        who: &Authenticated,
        id: EquipmentId,
        new: NewEquipment,
        secret: Option<EquipmentSecret>,
        signed: Signed,
    ) -> Answer<()> {
        let (establishment, me) = self.at(who)?;
        let (version, held) = self.next_version(establishment, id).await?;
        let action = RegisterEquipment { establishment, equipment: id, version };
        let authorized = self.decide(who, action, &Self::about(None, None)).await?;
        // What cannot be read as an identifier is read as this one, which names nothing.
        if id == EquipmentId::from_bytes([0; 16]) {
            return Err(InterventionError::Invalid(Wrong::Equipment));
        }
        let (keys, pinned) = (&self.parts().keys, &self.parts().pinned.now());
        let mut connection = self.read().await?;
        check(&mut connection, keys, establishment, (&new, secret.as_ref())).await?;
        let body = EquipmentBody::from(&new);
        let secret = match (secret, held) {
            (Some(secret), _) => seal_secret(&self.parts().equipment_keys, id, &secret)?,
            // What opens one machine is never shown to another.
            (None, Some((opens, held))) if opens == Opens::of(&body) => held,
            (None, _) => return Err(InterventionError::Invalid(Wrong::Secret)),
        };
        let terms = body.terms(id, version, establishment);
        let bound_to = version.to_be_bytes();
        let signature = self.signature(me, &Terms::Equipment(terms.clone()), &bound(&me, &id, &bound_to), signed);
        let Ok((nonce, assertion)) = signature else {
            return self.bad_signature(who, "the nonce is not good (any more), or nobody signs here").await;
        };
        let signature = SignatureRow { kind: SignatureKind::Approve, nonce, account: me, assertion };
        if let Err(why) = verified(&mut connection, (keys, pinned), &terms, &signature).await? {
            return self.bad_signature(who, &why.to_string()).await;
        }
        drop(connection);
        let row = EquipmentRow { id, establishment, version, new: body, signature, secret };
        let sealed = row.seal(keys)?;
        self.written(self.parts().journal.perform(authorized, Put { row, sealed }).await?)
    }

    /// The version that comes next, and the secret that is there, with what it opens.
    async fn next_version(
        &self,
        establishment: EstablishmentId,
        id: EquipmentId,
    ) -> Answer<(u64, Option<(Opens, Vec<u8>)>)> {
        let mut connection = self.read().await?;
        let held = sql::equipment(&mut connection, &self.parts().keys, (establishment, id)).await?;
        Ok(held.map_or((1, None), |row| (row.version + 1, Some((Opens::of(&row.new), row.secret)))))
    }
}

/// What a secret was given for.
#[derive(PartialEq, Eq)]
struct Opens {
    host: String,
    port: u16,
    host_key: String,
    account: String,
}

impl Opens {
    fn of(body: &EquipmentBody) -> Self {
        let EquipmentBody { host, port, host_key, account, .. } = body.clone();
        Self { host, port, host_key, account }
    }
}

/// Suppliers' people need to know what there is, not where it is reached nor who answers for it.
fn for_role(mut equipment: Equipment, inside: bool) -> Equipment {
    if !inside {
        equipment.host = String::new();
        equipment.port = 0;
        equipment.host_key = String::new();
        equipment.account = String::new();
        equipment.beneficiaries = Vec::new();
    }
    equipment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hosts_and_keys() {
        assert!(is_name("scanner-2") && is_host("10.0.0.1") && is_host("fe80::1") && is_host("srv.hospital.test"));
        for bad in ["", "-a", "a-", "A", "a b", "a%b", "../x", &"a".repeat(41)] {
            assert!(!is_name(bad), "{bad}");
        }
        for bad in ["", "-oProxyCommand=x", "a b", "a;b", "a\nb"] {
            assert!(!is_host(bad), "{bad}");
        }
        let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[7; 32]].concat();
        let blob = BASE64.encode(&blob);
        assert!(is_host_key(&format!("ssh-ed25519 {blob}")));
        for bad in [format!("ssh-rsa {blob}"), blob.clone(), format!("ssh-ed25519  {blob}"), "ssh-ed25519 !".into()] {
            assert!(!is_host_key(&bad), "{bad}");
        }
    }
}
