//! The probe of terms turns on a month that went too early, or did not go.

use crate::probes::{
    Fault,
    terms::{MonthSeen, Months, Terms, TermsProbe},
};
use dossier::{BoxFuture, Probe as _, ProbeOutcome, probe_named};
use journal::retention::Standing;
use std::sync::Arc;

struct Told(Result<Months, Fault>);

impl Terms for Told {
    fn months(&self) -> BoxFuture<'_, Result<Months, Fault>> {
        Box::pin(async { self.0.clone() })
    }
}

async fn asked(told: Result<Months, Fault>) -> ProbeOutcome {
    TermsProbe::new(probe_named("trace-terms").unwrap(), Arc::new(Told(told))).run().await
}

fn months(of: &[(Standing, bool)]) -> Months {
    let named = of.iter().enumerate().map(|(at, (standing, opens))| MonthSeen {
        pair: format!("access-2026-{:02}", at + 1),
        standing: *standing,
        opens: *opens,
    });
    Months { months: named.collect(), whole: true, clock_moved: false }
}

#[tokio::test]
async fn the_probe_of_terms_turns_on_what_went_early_and_on_what_did_not_go() {
    let kept = [(Standing::Kept, true), (Standing::Held, true), (Standing::Unproven, true)];
    let gone = (Standing::Destroyed, false);
    let outcome = asked(Ok(months(&[gone, kept[0], kept[1], kept[2]]))).await;
    assert!(matches!(&outcome, ProbeOutcome::Proved(what) if what.starts_with("1 months")), "{outcome}");

    let outcome = asked(Ok(months(&[(Standing::Destroyed, true), kept[0]]))).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("still opens")), "{outcome}");
    for standing in [Standing::Kept, Standing::Held, Standing::Unproven, Standing::Due] {
        let outcome = asked(Ok(months(&[gone, (standing, false)]))).await;
        assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("does not open")), "{outcome}");
    }
    let broken = Months { whole: false, ..months(&[gone, kept[0]]) };
    assert!(matches!(asked(Ok(broken)).await, ProbeOutcome::Failed(_)));

    for partly in [months(&kept), months(&[gone, (Standing::Due, true)])] {
        let outcome = asked(Ok(partly)).await;
        assert!(matches!(outcome, ProbeOutcome::Partial(_)), "{outcome}");
    }
    for unknown in [Ok(months(&[])), Err(Fault::unreachable("no journal"))] {
        assert!(matches!(asked(unknown).await, ProbeOutcome::CouldNotRun(_)));
    }
}
