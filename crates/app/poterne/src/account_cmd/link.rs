//! `account add --link`: nobody but its holder ever knows what opens the account (acces-web AA6).

use super::AddArgs;
use crate::{
    check::Format,
    config::Config,
    node::{Keep, post},
};
use anyhow::{Context, Result, bail};
use identity::decides_over_others;
use serde_json::json;
use signin::{DrawnLink, Enrolment, NewInvitation};
use std::collections::BTreeMap;
use types::{AccountId, Door, EstablishmentId, SupplierId};
use web::csrf::Origin;

/// What it takes beside the account.
pub(super) struct Way {
    /// Where the pages are that the link leads to.
    origin: Origin,
    /// All of those, for letters.
    origins: BTreeMap<Door, Origin>,
    desk: Option<Origin>,
}

/// A link to be handed over.
pub(super) struct Drawn {
    link: DrawnLink,
    origin: Origin,
}

impl Way {
    /// Or what the configuration lacks for it.
    pub fn new(args: &AddArgs, config: &Config) -> Result<Self> {
        if args.mail.is_some() && config.mail.is_none() {
            bail!(
                "this node sends no mail ([mail] is not there): leave --mail out, and hand the link over by another way"
            );
        }
        if args.mail.is_some() && decides_over_others(args.role) {
            bail!(
                "--mail: the link of an account of role {} leaves by no mail, since nobody signed for it: leave --mail out, and \
                 say the address at the desk later",
                args.role
            );
        }
        let elsewhere = config.desk.as_ref().map(|desk| desk.elsewhere.clone());
        let mut origins = elsewhere.unwrap_or_default();
        for (door, here) in [(Door::Portal, &config.portal), (Door::Suppliers, &config.suppliers)] {
            origins.extend(here.as_ref().map(|here| (door, here.origin.clone())));
        }
        let desk = config.desk.as_ref().map(|desk| desk.origin.clone());
        let desk = desk.or_else(|| config.approvals.as_ref().map(|approvals| approvals.desk_origin.clone()));
        let door = args.role.door();
        let origin = if door == Door::Desk { desk.clone() } else { origins.get(&door).cloned() };
        let origin = origin.with_context(|| {
            format!("this node does not know where the pages of the {door} are: run this on the node that has them")
        })?;
        Ok(Self { origin, origins, desk })
    }

    pub async fn invite(
        self,
        args: &AddArgs,
        (config, keep, enrolment): (&Config, &Keep, &Enrolment),
        (establishment, supplier): (EstablishmentId, Option<SupplierId>),
    ) -> Result<(AccountId, Drawn)> {
        let (attributes, proof) = args.person().context("--given-name, --family-name and --verified are missing")?;
        let (login, role, mail) = (args.login.clone(), args.role, args.mail.clone());
        let new = NewInvitation { login, attributes, role, supplier, proof, mail };
        let accounts = keep.accounts(&config.vault.master_key);
        if config.mail.is_some() {
            accounts.write_mail(post(&self.origins, self.desk.as_ref()));
        }
        let (account, link) = enrolment.invite(&accounts, establishment, new).await?;
        Ok((account, Drawn { link, origin: self.origin }))
    }
}

impl Drawn {
    pub fn said(&self, args: &AddArgs) {
        let Self { link, origin } = self;
        let address = format!("{origin}/fr/link/{}", link.secret.expose());
        let expires = jiff::Timestamp::from_second(link.expires.seconds()).unwrap_or_default().to_string();
        if args.format == Format::Json {
            return crate::said(&json!({
                "login": args.login, "link": address, "expires": expires, "mailed": link.mailed, "waits": link.waits,
            }));
        }
        let mailed = if link.mailed { "\nIt leaves by mail too." } else { "" };
        let waits = if link.waits {
            "\nIt serves once somebody confirmed it at the desk, on the account's page, and told the holder the code shown there."
        } else {
            ""
        };
        crate::said(&format!(
            "The account {} is created, and waits for its holder, who chooses what opens it.\n\
             Hand this link over by a safe way; it is shown once, and serves once.{mailed}{waits}\n\
             link            {address}\nuntil           {expires}",
            args.login
        ));
    }
}
