//! Invented sheets of codes.

use super::{AGNES, ME, MIREILLE, NOW, account, account_view, chrome, html, minutes, sheet};
use desk::pages::*;
use signin::{SHEET_LIFE, SHEET_WAIT, SheetSeen, SheetsSeen};
use types::{AccountId, AccountState, IdentityProof, Lang, Role, SheetId};

const OTHER: AccountId = AccountId::from_bytes([8; 16]);

/// A sheet that `by` drew some days ago.
fn drawn(by: AccountId, n: u8, days: u64) -> SheetSeen {
    let drawn = NOW - minutes(days * 1440 + 20);
    let until = drawn + if days > 7 { SHEET_LIFE } else { SHEET_WAIT };
    SheetSeen { id: SheetId::from_bytes([n; 16]), by, drawn, until, proof: Some(IdentityProof::InPerson) }
}

/// The sheet to print.
fn codes_sheet(confirms: bool, origin: Option<&str>) -> CodesSheetView {
    CodesSheetView {
        account: OTHER,
        name: "Camille Aubrelle".into(),
        codes: (0..30_u64)
            .map(|n| format!("{:04} {:04}", (n * 7919 + 421) % 10_000, (n * 104_729 + 37) % 10_000))
            .collect(),
        id: SheetId::from_bytes([6; 16]),
        drawn: NOW,
        until: NOW + SHEET_LIFE,
        confirms,
        origin: origin.map(str::to_owned),
    }
}

/// The pages of sheets.
pub fn sheets(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |who| chrome(lang, "/accounts/x", Some(who));
    let mut pages = Vec::new();
    let view = codes_sheet(true, Some("https://portail.hopital.example"));
    pages.push(("codes-sheet", html(&CodesSheet::new(at(MIREILLE), view))));
    pages.push(("codes-sheet-link", html(&CodesSheet::new(at(MIREILLE), codes_sheet(false, None)))));
    let none = SheetsSeen::default();
    let serves =
        SheetsSeen { serves: Some(drawn(OTHER, 5, 60)), instead: true, left: 17, next: Some(14), ..none.clone() };
    let both = SheetsSeen { waits: Some(drawn(OTHER, 6, 0)), left: 2, next: Some(29), ..serves.clone() };
    let own = SheetsSeen { waits: Some(drawn(ME, 6, 0)), ..none.clone() };
    let gone = SheetsSeen { instead: true, ..none.clone() };
    for (name, sheets, who, manages) in [
        ("account-codes-none", none, MIREILLE, true),
        ("account-codes", serves, MIREILLE, true),
        ("account-codes-waits", both, AGNES, false),
        ("account-codes-waits-own", own.clone(), MIREILLE, true),
        ("account-codes-gone", gone, MIREILLE, true),
    ] {
        let mut sheet = sheet(account("Camille Aubrelle", Role::Patient, AccountState::Active));
        sheet.sheets = Some(sheets);
        let view = AccountView { refusal: Some(Refusal::SheetSecond), ..account_view(sheet, manages) };
        pages.push((name, html(&AccountPage::new(at(who), view))));
    }
    let mut sheet = sheet(account("Camille Aubrelle", Role::Patient, AccountState::Invited));
    sheet.sheets = Some(own);
    pages.push(("account-codes-link", html(&AccountPage::new(at(MIREILLE), account_view(sheet, true)))));
    pages
}
