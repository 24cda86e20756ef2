//! What the node lends its own probes: an administrator's account that is blocked but while they look, and the desk where it
//! administers.

use super::{Ground, proving::FAMILY_NAME};
use crate::probes::{
    Fault,
    office::{Key, Lends, Office, Parts},
    restricted::Inside,
    sealed::Kept,
    target::Target,
    traces::Journaled,
};
use dossier::BoxFuture;
use signin::{Accounts, Enrolment, Lent, RESERVED_ADMINISTRATOR};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use types::{AccountId, ClientAddress, EstablishmentId, Secret, SystemActor};
use wire::proxy::Says;

/// How long another node's turn is waited for, and how often it is looked at.
const WAIT: Duration = Duration::from_secs(8);
const AGAIN: Duration = Duration::from_secs(1);
/// No turn takes longer: whoever has had the account since before stopped in between.
const TURN: Duration = Duration::from_secs(60);

/// How the administrator is called.
const GIVEN_NAME: &str = "Sonde";

struct NodeLends {
    enrolment: Enrolment,
    accounts: Accounts,
    establishment: EstablishmentId,
}

/// The office, at the desk; or why the probes cannot come to it.
pub(super) fn office(
    ground: &Ground<'_>,
    actor: SystemActor,
    (desk, inside): (Option<&Target>, Option<&Inside>),
    (kept, journal): (Arc<Kept>, Arc<dyn Journaled>),
) -> anyhow::Result<Result<Arc<Office>, &'static str>> {
    let Some(desk) = desk else { return Ok(Err("this node has no desk")) };
    let target = match inside {
        None => desk.clone(),
        Some(inside) if inside.proxies.as_ref().is_some_and(|proxies| proxies.says() == Says::ProxyProtocol) => {
            return Ok(Err("the desk administers apart, behind proxies that announce whom they bring"));
        }
        // This machine comes there from that very address.
        Some(inside) => {
            let own = ClientAddress::new(inside.address.ip());
            if !inside.networks.iter().any(|network| network.contains(own)) {
                return Ok(Err("the desk administers apart, where this machine may not come"));
            }
            Target { address: inside.address, through: inside.address, ..desk.clone() }
        }
    };
    let lends = NodeLends {
        enrolment: ground.keep.enrolling(ground.master, actor).0,
        // They write to nobody.
        accounts: ground.keep.accounts(ground.master),
        establishment: ground.first()?.0,
    };
    let (policy, clock) = (ground.administrators_passwords, ground.clock());
    Ok(Ok(Office::new(Parts { target, lends: Arc::new(lends), policy, kept, journal, clock })))
}

impl Lends for NodeLends {
    fn lend(&self) -> BoxFuture<'_, Result<Key, Fault>> {
        Box::pin(async {
            let (began, name) = (Instant::now(), (GIVEN_NAME, FAMILY_NAME));
            loop {
                match self.enrolment.lend(&self.accounts, self.establishment, (name, TURN)).await {
                    Ok(Lent::Link(account, link)) => {
                        return Ok(Key { account, login: RESERVED_ADMINISTRATOR.to_owned(), secret: link.secret });
                    }
                    Ok(Lent::InUse) if began.elapsed() < WAIT => sleep(AGAIN).await,
                    Ok(Lent::InUse) => return Err(Fault::unreachable("another node's probes have the administrator")),
                    Err(error) => return Err(Fault::unreachable(error)),
                }
            }
        })
    }

    fn take_back(&self, account: AccountId) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            let back = self.enrolment.take_back(&self.accounts, self.establishment, account).await;
            back.map_err(|error| Fault::unreachable(format!("the probes' administrator is not blocked: {error}")))
        })
    }

    fn managed(&self, login: &'static str) -> BoxFuture<'_, Result<Secret<String>, Fault>> {
        Box::pin(async move {
            let whose = (login, (GIVEN_NAME, FAMILY_NAME));
            let link = self.enrolment.lend_managed(&self.accounts, self.establishment, whose).await;
            link.map(|link| link.secret).map_err(|error| Fault::unreachable(format!("{login} is not there: {error}")))
        })
    }

    fn keeps_hashed(&self, account: AccountId) -> BoxFuture<'_, Result<bool, Fault>> {
        Box::pin(async move { self.enrolment.keeps_hashed(account).await.map_err(Fault::unreachable) })
    }
}
