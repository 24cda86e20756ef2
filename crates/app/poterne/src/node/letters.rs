//! What letters say: plain sentences of `locales/`, in the language that their reader is known to read, or in both. Never health
//! data; never what one types to sign in.

use ::mail::{BadMessage, Message, SUBJECT_CHARS_MAX};
use signin::{About, Letter, LinkTold};
use types::Lang;
use web::{i18n::Text, when};

/// What every letter says of the house.
pub(super) struct House<'a> {
    /// The establishment.
    pub place: &'a str,
    /// Whom to tell that it was not oneself.
    pub contact: &'a str,
}

/// The message of a letter.
pub(super) fn message(letter: &Letter, house: &House<'_>) -> Result<Message, BadMessage> {
    let first = letter.lang.unwrap_or(Lang::Fr);
    let mut body = text(letter, house, first);
    if letter.lang.is_none() {
        body = format!("{body}\n----\n\n{}", text(letter, house, first.other()));
    }
    let t = Text::new(first);
    let subject: String = t.mail_subject(title(t, letter), house.place).chars().take(SUBJECT_CHARS_MAX).collect();
    Message::new(letter.to.clone(), &letter.id(), &subject, &body)
}

fn text(letter: &Letter, house: &House<'_>, lang: Lang) -> String {
    let t = Text::new(lang);
    let from = match letter.about {
        About::BreakGlass | About::Reviews | About::Alarm => t.mail_from_alarm(house.place),
        _ => t.mail_from(house.place),
    };
    let mut parts = vec![format!("{}\n\n{from}", t.mail_hello())];
    match (&letter.link, &letter.origin) {
        (Some(link), Some(origin)) => parts.extend(link_parts(t, link, origin)),
        _ if letter.about == About::Reviews => parts.push(t.mail_reviews_count(u64::from(letter.count))),
        _ if letter.about == About::Alarm => parts.push(alarm_parts(t, letter)),
        _ => parts.push(facts(t, letter)),
    }
    let (well, not_you) = match letter.about {
        About::BreakGlass => (t.mail_break_glass_well(), Some(t.mail_break_glass_unexpected(house.contact))),
        About::Reviews => (t.mail_reviews_weekly(), None),
        About::Alarm => (t.mail_alarm_hourly(), None),
        _ => (t.mail_well(), Some(t.mail_not_you(house.contact))),
    };
    let mut last = well.to_owned();
    for line in [not_you, page(t, letter)].into_iter().flatten() {
        last.push('\n');
        last.push_str(&line);
    }
    parts.push(last);
    parts.push(t.mail_automatic().to_owned());
    parts.join("\n\n") + "\n"
}

fn link_parts(t: Text, link: &LinkTold, origin: &str) -> Vec<String> {
    let lang = t.lang();
    let lead = if link.anew { t.mail_link_anew() } else { t.mail_link_first() };
    let address = format!("{origin}/{lang}/link/{}", link.secret.expose());
    let mut rules = t.mail_link_until(when::full(link.expires, lang));
    if let Some(opens) = link.opens {
        rules = format!("{}\n{rules}", t.mail_link_opens(when::full(opens, lang)));
    }
    if link.waits {
        rules = format!("{rules}\n{}", t.mail_link_waits());
    }
    vec![format!("{lead}\n\n{address}"), format!("{rules}\n{}", t.mail_link_login())]
}

/// What, when, on which device.
fn facts(t: Text, letter: &Letter) -> String {
    let by = match letter.about {
        About::LinkDrawn
        | About::AddressChanged
        | About::AttributesCorrected
        | About::SheetServes
        | About::SheetWithdrawn => t.mail_by_hospital().to_owned(),
        _ if letter.device.is_empty() => t.mail_device_unknown().to_owned(),
        _ => t.mail_device(&letter.device),
    };
    format!("{}.\n\n{}\n{by}", title(t, letter), t.mail_when(when::full(letter.at, t.lang())))
}

/// What rang, when, and what to do about it. Neither from where nor whose: mail is read on its way, the desk's page tells.
fn alarm_parts(t: Text, letter: &Letter) -> String {
    let what =
        if letter.alarm.as_deref() == Some("disowned") { t.mail_alarm_disowned_what() } else { t.mail_alarm_what() };
    format!("{}.\n\n{}\n\n{what}", title(t, letter), t.mail_when(when::full(letter.at, t.lang())))
}

fn alarm_title(t: Text, letter: &Letter) -> &'static str {
    match letter.alarm.as_deref() {
        Some("disowned") => t.mail_alarm_disowned(),
        Some("scatter" | "scatter_nobody") => t.mail_alarm_scatter(),
        _ => t.mail_alarm_spray(),
    }
}

/// The door's own page, where it can be said that it was not oneself.
fn page(t: Text, letter: &Letter) -> Option<String> {
    let anew = letter.link.as_ref().is_none_or(|link| link.anew);
    let origin = letter.origin.as_ref().filter(|_| anew)?;
    if letter.about == About::BreakGlass {
        return Some(t.mail_break_glass_page(format!("{origin}/{}/accounts/break-glass", t.lang())));
    }
    if letter.about == About::Reviews {
        return Some(t.mail_reviews_page(format!("{origin}/{}/accounts?waits=review", t.lang())));
    }
    if letter.about == About::Alarm {
        return Some(t.mail_alarm_page(format!("{origin}/{}/", t.lang())));
    }
    Some(t.mail_not_you_page(format!("{origin}/{}/session", t.lang())))
}

fn title(t: Text, letter: &Letter) -> &'static str {
    match letter.about {
        About::Link => t.mail_link_title(),
        About::LinkDrawn => t.mail_link_drawn(),
        About::LinkAllowed => t.mail_link_allowed(),
        About::MeansRenewed => t.mail_means_renewed(),
        About::PasswordChanged => t.mail_password_changed(),
        About::SecondFactorChanged => t.mail_second_factor_changed(),
        About::SpareCodesDrawn => t.mail_spare_codes_drawn(),
        About::PasskeyAdded => t.mail_passkey_added(),
        About::PasskeyRemoved => t.mail_passkey_removed(),
        About::SshKeyAdded => t.mail_ssh_key_added(),
        About::SshKeyRemoved => t.mail_ssh_key_removed(),
        About::TokenIssued => t.mail_token_issued(),
        About::TokenRevoked => t.mail_token_revoked(),
        About::AddressChanged => t.mail_address_changed(),
        About::AttributesCorrected => t.mail_attributes_corrected(),
        About::Disowned => t.mail_disowned(),
        About::SignedInElsewhere => t.mail_signed_in_elsewhere(),
        About::SheetServes => t.mail_sheet_serves(),
        About::SheetWithdrawn => t.mail_sheet_withdrawn(),
        About::BreakGlass => t.mail_break_glass(),
        About::Reviews => t.mail_reviews(),
        About::Alarm => alarm_title(t, letter),
    }
}
