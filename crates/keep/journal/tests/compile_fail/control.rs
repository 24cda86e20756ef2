// The honest way, step by step: what the other programs of this folder try to shorten.
use identity::Authenticated;
use journal::{Applied, Effect, Journal, JournalError, Traced, Withheld, WriteTx};
use policy::{Authorized, CreateEstablishment, Denied, Facts, Policies, ReadRecord};
use store::StoreError;
use types::{ObjectRef, Time};

struct Nothing;
impl Effect<CreateEstablishment> for Nothing {
    type Output = ();
    async fn apply(&self, _: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<()>, StoreError> {
        Ok(Applied::done(()))
    }
}

fn decide(policies: &Policies, who: &Authenticated, action: ReadRecord, now: Time) -> Result<Authorized<ReadRecord>, Denied> {
    policies.decide(who, action, &Facts::default(), now)
}

async fn effect(journal: &Journal, yes: Authorized<CreateEstablishment>) -> Result<(), JournalError> {
    let traced: Traced<CreateEstablishment> = journal.open_trace(yes).await?;
    journal.write(traced, Nothing).await
}

async fn read(journal: &Journal, yes: Authorized<ReadRecord>, rows: Vec<(ObjectRef, u8)>) -> Result<Vec<u8>, JournalError> {
    let withheld = Withheld::objects(yes.scope(), rows).map_err(|stray| JournalError::Malformed(stray.to_string()))?;
    journal.release(yes, withheld).await
}

fn main() {
    let _ = (decide, effect, read);
}
