//! Who comes to the door: anonymous visitors, and patients, relatives and professionals who signed in with its forms.

use crate::{answer::Answer, house::House};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use std::{net::IpAddr, ops::Deref};
use tower::ServiceExt as _;
use types::{ClientAddress, Clock as _, Role};

/// Somebody at an address, with or without a cookie.
pub struct Visitor<'h> {
    pub house: &'h House,
    pub address: IpAddr,
    pub cookie: Option<String>,
}

/// Somebody who signed in.
pub struct Member<'h> {
    visitor: Visitor<'h>,
    pub login: &'static str,
    pub csrf: String,
}

impl<'h> Deref for Member<'h> {
    type Target = Visitor<'h>;
    fn deref(&self) -> &Visitor<'h> {
        &self.visitor
    }
}

/// How a request is to differ from a browser's on the door's own pages.
#[derive(Clone, Copy, PartialEq)]
pub enum Site {
    Own,
    Silent,
    Other,
}

pub fn form(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() {
                out.push(char::from(byte))
            } else {
                out.push_str(&format!("%{byte:02X}"))
            }
        }
        out
    };
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

impl<'h> Visitor<'h> {
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, String::new(), Site::Own).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(Method::POST, path, form(fields), Site::Own).await
    }

    pub async fn ask(&self, method: Method, path: &str, body: String, site: Site) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path).header(header::HOST, "localhost:8443");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request = match site {
            Site::Own => request.header("sec-fetch-site", "same-origin"),
            Site::Silent => request,
            Site::Other => request.header("sec-fetch-site", "cross-site").header("origin", "https://autre.example"),
        };
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ClientAddress::new(self.address));
        let answer = self.house.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The same person at the same place with another cookie, or none.
    pub fn with_cookie(&self, cookie: Option<&str>) -> Visitor<'h> {
        Visitor { house: self.house, address: self.address, cookie: cookie.map(str::to_owned) }
    }

    /// The two pages of the sign-in, filled in as given; the last page shown.
    pub async fn try_sign_in(&self, login: &str, password: &str, code: &str) -> Answer {
        let welcome = self.get("/fr/").await;
        assert_eq!(welcome.status, StatusCode::OK);
        // While many guess, the form asks for what a browser solves by itself.
        let puzzle = welcome.field("puzzle").unwrap_or_default();
        let answer = if puzzle.is_empty() { String::new() } else { identity::solve_puzzle(&puzzle) };
        let typed = [("login", login), ("password", password), ("puzzle", &puzzle), ("answer", &answer)];
        let first = self.post(&welcome.action_of("password"), &typed).await;
        let Some(ceremony) = first.field("ceremony") else { return first };
        self.post(&first.action_of("code"), &[("ceremony", &ceremony), ("code", code)]).await
    }
}

impl House {
    pub fn anonymous(&self, last: u8) -> Visitor<'_> {
        Visitor { house: self, address: IpAddr::from([198, 51, 100, last]), cookie: None }
    }

    pub async fn patient(&self, login: &str) -> Member<'_> {
        self.member(login, Role::Patient).await
    }

    pub async fn relative(&self, login: &str) -> Member<'_> {
        self.member(login, Role::Relative).await
    }

    pub async fn professional(&self, login: &str) -> Member<'_> {
        self.member(login, Role::Professional).await
    }

    async fn member(&self, login: &str, role: Role) -> Member<'_> {
        let account = self.account(login);
        assert_eq!(account.demo.role, role);
        self.sign_in(login).await
    }

    /// Signs somebody of the cast in, at an address of his own.
    pub async fn sign_in(&self, login: &str) -> Member<'_> {
        let account = self.account(login);
        let mut visitor = Visitor { house: self, address: account.address, cookie: None };
        let opened = visitor.try_sign_in(login, &account.password, &self.code(login)).await;
        assert_eq!(opened.status, StatusCode::SEE_OTHER, "{login}: {}", opened.text());
        assert_eq!(opened.header("location"), "/fr/");
        visitor.cookie = Some(opened.cookie().unwrap());
        let csrf = visitor.get("/fr/session").await.field("csrf").unwrap();
        Member { visitor, login: account.demo.login, csrf }
    }

    /// The code that an authenticator shows at the house's hour.
    pub fn code(&self, login: &str) -> String {
        let totp = totp_rs::Builder::new().with_secret(self.account(login).totp).build().unwrap();
        totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string()
    }
}
