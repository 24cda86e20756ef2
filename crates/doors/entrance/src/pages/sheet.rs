//! What its holder is told of a printed sheet of codes.

use signin::SheetsSeen;
use web::layout::prelude::*;

/// What is left of it.
pub(super) fn left(chrome: &Chrome, sheet: &SheetsSeen) -> String {
    let t = chrome.text();
    let until =
        sheet.serves.as_ref().filter(|serves| chrome.now < serves.until).map(|serves| chrome.date(&serves.until));
    match (sheet.next, until) {
        (Some(next), Some(until)) if sheet.left > 0 => {
            let count = t.entrance_sheet_left(u64::try_from(sheet.left).unwrap_or(u64::MAX));
            format!("{count} {} {}", t.entrance_sheet_next(next), t.entrance_sheet_until(until))
        }
        _ => t.entrance_sheet_none().to_owned(),
    }
}

/// A title and a sentence for whoever should ask for another sheet now.
pub fn short_of_codes(chrome: &Chrome, sheet: Option<&SheetsSeen>) -> Option<(&'static str, String)> {
    let t = chrome.text();
    let sheet = sheet.filter(|sheet| sheet.is_short(chrome.now))?;
    let (title, what) = match sheet.opens(chrome.now) {
        true => (t.entrance_sheet_short_title(), t.entrance_sheet_short_what()),
        false => (t.entrance_sheet_gone_title(), t.entrance_sheet_gone_what()),
    };
    let left = if sheet.opens(chrome.now) { left(chrome, sheet) + " " } else { String::new() };
    Some((title, format!("{left}{what}")))
}
