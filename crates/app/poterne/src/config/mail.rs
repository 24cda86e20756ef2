//! `[mail]`: the hospital's mail server, and whom its messages are from.

use super::{
    Mail,
    files::{self, Kept},
    reading::{Section, Wrong, number, text, word},
};
use ::mail::{Address, Login, Mailer, Server, Settings, Tls};
use std::path::Path;
use toml_edit::Value;
use types::Secret;

const CONTACT_CHARS_MAX: usize = 200;
const USER_CHARS_MAX: usize = 200;

/// Reads it, if it is there. `None` only after a mistake was noted.
pub(super) fn mail(root: &Section<'_>, folder: &Path) -> Option<Option<Mail>> {
    let section = root.section("mail", false);
    if !section.is_there() {
        section.finish();
        return Some(None);
    }
    let server = section.required("server", "\"smtp.hopital.example\"", host);
    let tls = section.optional("tls", |value| word(value, &[("implicit", Tls::Implicit), ("starttls", Tls::StartTls)]));
    let port = section.optional("port", |value| number(value, 1, 65_535));
    let authority = section.optional("ca_file", |value| {
        let what = "the certificate of the authority that vouches for the mail server (PEM)";
        let pem = files::read(&folder.join(text(value, 1000)?), Kept::Public, what)?;
        files::authorities(&pem).map(|()| pem)
    });
    let user = section.optional("user", user);
    let password = section.optional("password_file", |value| password(value, folder));
    let from = section.required("from", "\"poterne@hopital.example\"", |value| {
        let remedy = "write one address, without a name: \"poterne@hopital.example\"";
        text(value, 254)?.parse::<Address>().map_err(|error| Wrong::new(error.to_string(), remedy))
    });
    let contact = section.required("support_contact", "\"01 99 00 00 00\"", |value| text(value, CONTACT_CHARS_MAX));
    section.finish();
    let wrong = section.has("ca_file") && authority.is_none()
        || section.has("tls") && tls.is_none()
        || section.has("port") && port.is_none()
        || section.has("user") && user.is_none()
        || section.has("password_file") && password.is_none();
    if wrong {
        return None;
    }
    let login = match (user, password) {
        (Some(user), Some(password)) => Some(Login { user, password }),
        (None, None) => None,
        (Some(_), None) => {
            section.wrong("password_file", "missing, and there is a user", "name the file that holds its password");
            return None;
        }
        (None, Some(_)) => {
            section.wrong("user", "missing, and there is a password", "write the user that the mail server knows");
            return None;
        }
    };
    let tls = tls.unwrap_or(Tls::Implicit);
    let usual = if tls == Tls::Implicit { 465 } else { 587 };
    let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual);
    let (server, from) = (Server { host: server?, port, tls }, from?);
    let said = format!("{}:{}", server.host, server.port);
    let settings = match Settings::new(server, authority.as_deref(), login, from) {
        Ok(settings) => settings,
        Err(error) => {
            let remedy = "name in ca_file the authority (PEM) that vouches for the mail server";
            section.wrong("ca_file", error.to_string(), remedy);
            return None;
        }
    };
    Some(Some(Mail { mailer: Mailer::new(settings), server: said, support_contact: contact? }))
}

/// A name that a certificate bears.
fn host(value: &Value) -> Result<String, Wrong> {
    let name = text(value, 253)?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if name.bytes().all(legal) && !name.starts_with(['-', '.']) {
        return Ok(name);
    }
    Err(Wrong::new(
        "this is not a server's name",
        "write its name alone, as its certificate has it; port and tls have keys",
    ))
}

fn user(value: &Value) -> Result<String, Wrong> {
    let user = text(value, USER_CHARS_MAX)?;
    if user.chars().any(char::is_control) {
        return Err(Wrong::new("it is more than a line", "write the user that the mail server knows"));
    }
    Ok(user)
}

fn password(value: &Value, folder: &Path) -> Result<Secret<String>, Wrong> {
    let what = "the password for the mail server, on one line";
    let bytes = files::read(&folder.join(text(value, 1000)?), Kept::Private, what)?;
    let line = Secret::new(String::from_utf8(bytes).unwrap_or_default());
    let password = line.expose().trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.chars().any(char::is_control) {
        let remedy = "write it there, alone on one line";
        return Err(Wrong::new("the file holds no password, or more than one line", remedy));
    }
    Ok(Secret::new(password.to_owned()))
}
