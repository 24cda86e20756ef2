//! The probe of terms turns on a month that went too early, or did not go.

use crate::probes::{
    Fault,
    terms::{MonthSeen, Months, Terms, TermsProbe},
};
use dossier::{BoxFuture, Probe as _, ProbeOutcome, probe_named};
use journal::retention::Standing;
use std::{sync::Arc, time::Duration};

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
        over: Duration::ZERO,
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

    let due = |hours: u64, clock_moved| {
        let mut seen = Months { clock_moved, ..months(&[gone, (Standing::Due, true)]) };
        seen.months[1].over = Duration::from_secs(hours * 3600 + 1);
        seen
    };
    for partly in [months(&kept), due(0, false), due(5, false), due(48, true)] {
        let outcome = asked(Ok(partly)).await;
        assert!(matches!(outcome, ProbeOutcome::Partial(_)), "{outcome}");
    }
    let outcome = asked(Ok(due(6, false))).await;
    assert!(matches!(&outcome, ProbeOutcome::Failed(what) if what.contains("6 hours ago")), "{outcome}");
    for unknown in [Ok(months(&[])), Err(Fault::unreachable("no journal"))] {
        assert!(matches!(asked(unknown).await, ProbeOutcome::CouldNotRun(_)));
    }
}
