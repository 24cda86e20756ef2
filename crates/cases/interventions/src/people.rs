//! People as interventions need them, and the signatures under their passkeys' enrolments.

pub(crate) mod sql;

use crate::{
    service::{Answer, InterventionService, Signed},
    terms::Terms,
    warrant::{Chain, enrol_terms},
};
use identity::{
    Authenticated,
    signed::TermsToSign,
    vouching::{PasskeyRow, Vouch},
};
use policy::VouchPasskey;
use types::AccountId;

/// A technician of one's own supplier, to be named in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleague {
    /// Whose account.
    pub account: AccountId,
    /// His name.
    pub name: String,
    /// Whether he has a key for SSH: without one he cannot be named.
    pub has_key: bool,
}

impl InterventionService {
    /// The technicians of one's own supplier, by name. Those who are of no supplier see none.
    pub async fn colleagues(&self, who: &Authenticated) -> Answer<Vec<Colleague>> {
        drop(self.seeing(who).await?);
        let (establishment, _) = self.at(who)?;
        let Some(supplier) = self.me(who).await?.supplier else { return Ok(Vec::new()) };
        let mut connection = self.read().await?;
        let people = sql::technicians_of(&mut connection, &self.parts().keys, (establishment, supplier)).await?;
        let mut colleagues = Vec::with_capacity(people.len());
        for person in people {
            let has_key = !sql::fingerprints(&mut connection, person.account).await?.is_empty();
            colleagues.push(Colleague { account: person.account, name: person.name, has_key });
        }
        colleagues.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(colleagues)
    }

    /// The establishment's beneficiaries, by name, for those of the hospital who see equipment.
    pub async fn beneficiaries(&self, who: &Authenticated) -> Answer<Vec<(AccountId, String)>> {
        let (establishment, inside) = self.seeing_equipment(who).await?;
        if !inside {
            return Ok(Vec::new());
        }
        let mut connection = self.read().await?;
        let people = sql::beneficiaries(&mut connection, &self.parts().keys, establishment).await?;
        let mut named: Vec<_> = people.into_iter().map(|person| (person.account, person.name)).collect();
        named.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(named)
    }

    /// What an administrator signs to vouch for somebody's passkey.
    pub async fn vouch_terms(&self, who: &Authenticated, credential: &[u8]) -> Answer<TermsToSign> {
        let (me, row, terms) = self.vouching(who, credential).await?;
        self.to_sign(me, &terms, &bound(&me, &row)).await
    }

    /// Verifies an administrator's signature under the enrolment of somebody's passkey, and that his own leads to a pinned
    /// key. Gives the account and the evidence for `signin` to keep beside the passkey; each warrant verifies it again.
    pub async fn vouch_evidence(
        &self,
        who: &Authenticated,
        credential: &[u8],
        signed: Signed,
    ) -> Answer<(AccountId, Vec<u8>)> {
        let (me, row, terms) = self.vouching(who, credential).await?;
        let (nonce, assertion) = self.signature(me, &terms, &bound(&me, &row), signed)?;
        let signer = assertion.credential.clone();
        let mut connection = self.read().await?;
        let mut rows = vouched::passkeys(&mut connection, &self.parts().keys, vec![signer.clone()]).await?;
        drop(connection);
        rows.retain(|one| one.passkey.credential != row.passkey.credential);
        let own = rows.iter().any(|one| one.passkey.credential == signer && one.account == me);
        let vouch = Vouch { nonce, assertion };
        let (account, establishment, evidence) = (row.account, row.establishment, vouch.to_bytes());
        rows.push(PasskeyRow { vouch: Some(vouch), ..row });
        let pinned = self.parts().pinned.now();
        let chain = Chain::new(&pinned, establishment, &rows);
        match chain.trusted(credential) {
            Ok(_) if own => Ok((account, evidence)),
            Ok(_) => self.bad_signature(who, "another's passkey signed").await,
            Err(why) => self.bad_signature(who, &why.to_string()).await,
        }
    }

    async fn vouching(&self, who: &Authenticated, credential: &[u8]) -> Answer<(AccountId, PasskeyRow, Terms)> {
        let (establishment, me) = self.at(who)?;
        let mut connection = self.read().await?;
        let rows = vouched::passkeys(&mut connection, &self.parts().keys, vec![credential.to_vec()]).await?;
        drop(connection);
        let found = rows.into_iter().find(|row| row.passkey.credential == credential);
        // Nobody vouches for himself.
        let Some(row) = found.filter(|row| row.establishment == establishment && row.account != me) else {
            return Err(self.not_found(who, "passkey", "absent, or one's own").await);
        };
        let credential = data_encoding::BASE64URL_NOPAD.encode(credential);
        drop(self.decide(who, VouchPasskey { account: row.account, credential }, &Self::about(None, None)).await?);
        let terms = enrol_terms(&row);
        Ok((me, row, terms))
    }
}

fn bound<'a>(me: &'a AccountId, row: &'a PasskeyRow) -> [&'a [u8]; 4] {
    [b"enrol", me.as_bytes(), &row.passkey.credential, row.account.as_bytes()]
}
