//! Who acts, in what role, through which door, and for what purpose.

use crate::AccountId;
use std::{fmt, str::FromStr};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every value, in a stable order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word used in files, policies, the journal and the API.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($word => Ok($name::$variant),)* _ => Err(()) }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an account is for. One account, one role, one establishment.
    Role {
        /// A patient, for his own record.
        Patient = "patient",
        /// Somebody with a mandate to act for a patient; signs in as himself.
        Relative = "relative",
        /// A health professional from outside.
        Professional = "professional",
        /// A supplier's technician.
        Technician = "technician",
        /// A supplier's manager.
        SupplierManager = "supplier_manager",
        /// Approves and follows interventions on his equipment.
        Beneficiary = "beneficiary",
        /// The hospital's on-call person.
        OnCall = "on_call",
        /// The hospital's security officer.
        SecurityOfficer = "security_officer",
        /// Administers accounts and settings.
        Administrator = "administrator",
        /// Reads raw traces, and has no other right.
        TraceController = "trace_controller",
        /// Data protection officer.
        Dpo = "dpo",
        /// Outside auditor.
        Auditor = "auditor",
    }
}

words! {
    /// What listens. Each door has its own host, cookie and keys.
    Door {
        /// Patients and outside professionals.
        Portal = "portal",
        /// Suppliers' people and auditors.
        Suppliers = "suppliers",
        /// The hospital's staff.
        Desk = "desk",
        /// Published internal applications.
        Publish = "publish",
        /// SSH, screens, TCP.
        Relays = "relays",
        /// Pro Santé Connect proxy.
        Psc = "psc",
    }
}

words! {
    /// Who acts before anybody is known, and for jobs.
    SystemActor {
        /// The node itself: start, stop, recovery.
        Node = "system.node",
        /// A door answering somebody not yet known.
        Door = "system.door",
        /// The command line, run by whoever holds the node's files.
        Operator = "system.operator",
        /// The demonstration filling itself.
        Demo = "system.demo",
        /// What the hospital's directory says of its people, followed.
        Directory = "system.directory",
        /// The probes that ask the running system whether a rule holds.
        Prober = "system.prober",
    }
}

words! {
    /// What a token of the interfaces may ask for, at most; the policies decide within it.
    TokenScope {
        /// See interventions.
        InterventionsRead = "interventions:read",
        /// Ask for, decide, open, extend, cut and close interventions.
        InterventionsWrite = "interventions:write",
        /// See sessions and recordings.
        SessionsRead = "sessions:read",
        /// Cut sessions.
        SessionsCut = "sessions:cut",
        /// See equipment.
        EquipmentRead = "equipment:read",
        /// Register suppliers and equipment.
        EquipmentWrite = "equipment:write",
        /// Search traces.
        TracesRead = "traces:read",
        /// See rules and their proofs.
        RulesRead = "rules:read",
        /// See accounts.
        AccountsRead = "accounts:read",
    }
}

words! {
    /// Why personal data is asked for (acces-web DT1).
    Purpose {
        /// One's own record.
        OwnRecord = "own_record",
        /// For a represented person.
        Representation = "representation",
        /// Caring for a patient.
        Care = "care",
        /// Signing in and out.
        SignIn = "sign_in",
        /// Keeping the service running.
        Operation = "operation",
        /// A supplier's work on equipment.
        Maintenance = "maintenance",
        /// The hospital's staff approving, watching and cutting.
        Oversight = "oversight",
        /// Controlling conformity: traces, rules.
        Control = "control",
    }
}

impl Role {
    /// The door of pages that an account of this role signs in at.
    pub const fn door(self) -> Door {
        match self {
            Role::Patient | Role::Relative | Role::Professional => Door::Portal,
            Role::Technician | Role::SupplierManager | Role::Auditor => Door::Suppliers,
            Role::Beneficiary
            | Role::OnCall
            | Role::SecurityOfficer
            | Role::Administrator
            | Role::TraceController
            | Role::Dpo => Door::Desk,
        }
    }

    /// Every door that an account of this role comes in by.
    pub const fn doors(self) -> &'static [Door] {
        match self.door() {
            Door::Portal => &[Door::Portal],
            Door::Suppliers if matches!(self, Role::Technician) => &[Door::Suppliers, Door::Relays],
            Door::Suppliers => &[Door::Suppliers],
            _ => &[Door::Desk],
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person's account.
    Account(AccountId),
    /// A named part of the system.
    System(SystemActor),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Account(id) => write!(f, "account:{id}"),
            Actor::System(actor) => f.write_str(actor.as_str()),
        }
    }
}
