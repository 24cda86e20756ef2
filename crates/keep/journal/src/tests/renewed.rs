//! A renewal of the signing key that a stop came after: the next start says it, once; and retention goes on as it was decided.

use super::*;
use crate::{
    log::{LogConfig, Signer, renew},
    retention::Change,
};
use vault::{Holder, Purpose};

impl Fixture<'_> {
    /// Closes, does something to the folder, opens again.
    async fn restarted_after(self, between: impl FnOnce(&Signers)) -> Self {
        let Self { database, folder, policies, clock, store, journal } = self;
        journal.close().await.unwrap();
        store.close().await;
        between(&Signers(folder.path().join("master.key")));
        let (store, journal) = Self::open(database, &folder, &clock).await;
        Self { database, folder, policies, clock, store, journal }
    }
}

/// The keys that a node derives for its journal.
struct Signers(PathBuf);

impl Signers {
    fn after(&self, renewals: u64) -> Signer {
        let master = MasterKey::load(&self.0).unwrap();
        let number = renewals.to_be_bytes();
        let parts: &[&[u8]] = if renewals == 0 { &[b"node"] } else { &[b"node", &number] };
        let seed = master.keys_for(Holder::Journal).token(Purpose::JournalSigning, parts).unwrap();
        Signer::from_seed("node", &seed).unwrap()
    }
}

async fn a_renewal_that_a_stop_came_after_is_said_by_the_next_start(database: &TestDatabase) {
    let fixture = Fixture::new(database).await;
    let change = Change::Retention { family: Family::Technical, months: 30 };
    assert_eq!(fixture.ask((1, 1), change).await, Ok(()));
    assert_eq!(fixture.confirm((1, 2)).await, Ok(()));
    let log = fixture.origin();
    let fixture = fixture
        .restarted_after(|signers| {
            let config = LogConfig::new(log.clone(), signers.after(0));
            assert_eq!(renew(&config, &signers.after(1)).unwrap().after, *signers.after(1).vkey());
        })
        .await;
    let said = |traces: Vec<Trace>| traces.iter().filter(|trace| trace.event == Event::JournalKeyRenewed).count();
    assert_eq!(said(fixture.traces()), 1);
    fixture.clock.advance(400 * 86_400);
    let book = fixture.journal.keeping().await.unwrap().book;
    assert_eq!(book.retention_months(Family::Technical, fixture.clock.now()), 30, "what was decided stays decided");
    let fixture = fixture.restarted_after(|_| ()).await;
    assert_eq!(said(fixture.traces()), 1, "said once");
    let first = Signers(fixture.folder.path().join("master.key"));
    assert!(verify(&log, Some(first.after(0).vkey()), None).ok());
}
both!(a_renewal_that_a_stop_came_after_is_said_by_the_next_start);
