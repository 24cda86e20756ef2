//! The people of the second door: the hospital's staff, a supplier's people, an auditor; and what they work on. Data only.

use types::Role;

/// Somebody of the staff or of a supplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaffAccount {
    /// First name and last name, in lower case without accents.
    pub login: &'static str,
    /// As greeted on a page.
    pub display_name: &'static str,
    /// What the account is for.
    pub role: Role,
    /// The supplier it belongs to: an index in [`SUPPLIERS`].
    pub supplier: Option<usize>,
}

/// The suppliers.
pub const SUPPLIERS: &[&str] = &["Armor Imagerie", "Pharmatech Ouest"];

/// An equipment of the hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoEquipment {
    /// What technicians type after `%`.
    pub name: &'static str,
    /// Where it stands.
    pub location: &'static str,
    /// Who answers for it: logins.
    pub beneficiaries: &'static [&'static str],
}

/// The equipment that the demonstration's machine plays.
pub const EQUIPMENT: &[DemoEquipment] = &[
    DemoEquipment { name: "scanner-1", location: "Imagerie, salle 2, niveau 0", beneficiaries: &["nadia.ferrand"] },
    DemoEquipment {
        name: "automate-pharmacie",
        location: "Pharmacie à usage intérieur, niveau -1",
        beneficiaries: &["nadia.ferrand", "bruno.lemeur"],
    },
];

/// Who signs in at the desk and at the suppliers' door.
pub const STAFF: &[StaffAccount] = &[
    StaffAccount { login: "erwan.tanguy", display_name: "Erwan Tanguy", role: Role::Technician, supplier: Some(0) },
    StaffAccount {
        login: "lise.maillard",
        display_name: "Lise Maillard",
        role: Role::SupplierManager,
        supplier: Some(0),
    },
    // Of another supplier: sees nothing of the first one's.
    StaffAccount { login: "karim.oukaci", display_name: "Karim Oukaci", role: Role::Technician, supplier: Some(1) },
    StaffAccount { login: "nadia.ferrand", display_name: "Nadia Ferrand", role: Role::Beneficiary, supplier: None },
    StaffAccount { login: "bruno.lemeur", display_name: "Bruno Le Meur", role: Role::Beneficiary, supplier: None },
    StaffAccount { login: "aline.gicquel", display_name: "Aline Gicquel", role: Role::OnCall, supplier: None },
    StaffAccount { login: "pascal.riou", display_name: "Pascal Riou", role: Role::SecurityOfficer, supplier: None },
    StaffAccount { login: "maud.kervella", display_name: "Maud Kervella", role: Role::Administrator, supplier: None },
    StaffAccount {
        login: "denis.quemener",
        display_name: "Denis Quéméner",
        role: Role::TraceController,
        supplier: None,
    },
    // Two decide how long traces are kept.
    StaffAccount { login: "solenn.madec", display_name: "Solenn Madec", role: Role::TraceController, supplier: None },
    StaffAccount { login: "odile.sarrazin", display_name: "Odile Sarrazin", role: Role::Dpo, supplier: None },
    StaffAccount { login: "victor.leblond", display_name: "Victor Leblond", role: Role::Auditor, supplier: None },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_cast_holds_together() {
        let logins: BTreeSet<_> = STAFF.iter().map(|one| one.login).collect();
        assert_eq!(logins.len(), STAFF.len());
        for one in STAFF {
            let outside = matches!(one.role, Role::Technician | Role::SupplierManager);
            assert_eq!(one.supplier.is_some(), outside, "{}", one.login);
            assert!(one.supplier.is_none_or(|at| at < SUPPLIERS.len()));
        }
        let answers = |login: &str| STAFF.iter().any(|one| one.login == login && one.role == Role::Beneficiary);
        assert!(
            EQUIPMENT.iter().all(|one| !one.beneficiaries.is_empty() && one.beneficiaries.iter().all(|l| answers(l)))
        );
    }
}
