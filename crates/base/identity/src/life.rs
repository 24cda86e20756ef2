//! The life of an account (acces-web GA4): which state leads to which, and which accounts one person alone does not give.

use types::{AccountState, LifeReason, Role};

/// Whether an account in state `from` may be put in state `to` by somebody who manages accounts. What leads out of
/// `Invited` is the holder's own choice of his means; nothing leads out of `Closed`.
pub fn may_become(from: AccountState, to: AccountState) -> bool {
    use AccountState::{Active, Blocked, Closed, Invited, Suspended};
    matches!(
        (from, to),
        (Active, Suspended | Blocked | Closed)
            | (Suspended, Active | Blocked | Closed)
            | (Blocked, Active | Closed)
            | (Invited, Blocked | Closed)
    )
}

/// Whether a reason is one for putting an account in that state.
pub fn is_reason_for(reason: LifeReason, state: AccountState) -> bool {
    use LifeReason::{Absence, Asked, Back, ContractEnd, Death, Departure, Needless, Suspicion};
    match state {
        AccountState::Suspended => matches!(reason, Absence | Suspicion | Asked),
        AccountState::Blocked => matches!(reason, Departure | Death | ContractEnd | Suspicion | Asked),
        AccountState::Closed => matches!(reason, Departure | Death | ContractEnd | Needless | Asked),
        AccountState::Active => matches!(reason, Back),
        AccountState::Invited => false,
    }
}

/// Whether an account in that state is given back to its holder by a link, like a new one: one person alone would otherwise
/// reopen what decides over others.
pub fn takes_a_link_again(role: Role, from: AccountState) -> bool {
    decides_over_others(role) && matches!(from, AccountState::Suspended | AccountState::Blocked)
}

/// Whether a role decides over others: who has it gives rights, opens interventions, reads raw traces or confirms. One person alone gives
/// nobody such an account, nor new means for one.
pub fn decides_over_others(role: Role) -> bool {
    match role {
        Role::Administrator | Role::SecurityOfficer | Role::TraceController | Role::Beneficiary => true,
        Role::Patient
        | Role::Relative
        | Role::Professional
        | Role::Technician
        | Role::SupplierManager
        | Role::OnCall
        | Role::Dpo
        | Role::Auditor => false,
    }
}

/// Whether new means of an account take two people: it decides over others, or opens somebody's record.
pub fn asks_two_people(role: Role) -> bool {
    decides_over_others(role) || matches!(role, Role::Patient | Role::Relative | Role::Professional)
}

/// What a break-glass account may be for: to see, watch and cut at night. Nobody is known by an envelope: it gives no account
/// that decides over others' rights, and none that must sign.
pub const BREAK_GLASS_ROLES: [Role; 2] = [Role::OnCall, Role::SecurityOfficer];

/// Days after which an account is to be looked at again: suppliers' people change often.
pub fn review_days(role: Role) -> u32 {
    match role {
        Role::Technician | Role::SupplierManager | Role::Auditor => 31,
        _ => 365,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_states() {
        let mut table = Vec::new();
        for &from in AccountState::ALL {
            let to: Vec<_> =
                AccountState::ALL.iter().filter(|to| may_become(from, **to)).map(|to| to.as_str()).collect();
            table.push(format!("{from}: {}", to.join(" ")));
        }
        assert_eq!(
            table,
            [
                "invited: blocked closed",
                "active: suspended blocked closed",
                "suspended: active blocked closed",
                "blocked: active closed",
                "closed: ",
            ]
        );
    }

    #[test]
    fn each_state_that_may_be_reached_has_a_reason_and_no_other_has() {
        for &state in AccountState::ALL {
            let reachable = AccountState::ALL.iter().any(|from| may_become(*from, state));
            let reasons = LifeReason::ALL.iter().filter(|reason| is_reason_for(**reason, state)).count();
            assert_eq!(reachable, reasons > 0, "{state}");
        }
    }
}
