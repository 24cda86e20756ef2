//! As much of a browser as a probe needs: pages, forms, one cookie. Everything read is bounded.

use super::target::Target;
use anyhow::{Context, Result, bail};
use reqwest::{
    Client, ClientBuilder, Method, Response,
    header::{CONTENT_TYPE, COOKIE, HeaderMap, ORIGIN},
    redirect::Policy,
};
use rustls::{
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// A page that takes longer could not be had.
const WAIT: Duration = Duration::from_secs(15);
/// More of a page is not read.
const BODY_BYTES_MAX: usize = 512 * 1024;

/// An answer of a door.
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its text.
    pub body: String,
}

/// A form of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// The fields that it hides.
    pub hidden: Vec<(String, String)>,
}

/// Visits one door.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    base: String,
    target: Target,
}

impl Browser {
    /// With TLS of any version that the doors serve.
    pub fn new(target: &Target) -> Result<Self> {
        Self::with_versions(target, &[&TLS13, &TLS12])
    }

    /// With these versions only.
    pub fn with_versions(target: &Target, versions: &[&'static SupportedProtocolVersion]) -> Result<Self> {
        let builder = Client::builder().tls_backend_preconfigured(target.tls(versions)?);
        Self::built(builder, target, target.through)
    }

    /// From an address of this machine straight to the door, saying in every way to come for somebody else.
    pub fn pretending(target: &Target, from: IpAddr, to_be: &str) -> Result<Self> {
        let said = [
            ("x-forwarded-for", to_be.to_owned()),
            ("x-real-ip", to_be.to_owned()),
            ("forwarded", format!("for={to_be}")),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.insert(name, value.parse().context("no header can say that")?);
        }
        let builder = Client::builder().tls_backend_preconfigured(target.tls(&[&TLS13, &TLS12])?);
        Self::built(builder.local_address(from).default_headers(headers), target, target.address)
    }

    fn built(builder: ClientBuilder, target: &Target, through: SocketAddr) -> Result<Self> {
        let client = builder
            .resolve(&target.host, through)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(WAIT)
            .build()
            .context("no client")?;
        let base = format!("https://{}:{}", target.host, through.port());
        Ok(Self { client, base, target: target.clone() })
    }

    /// The door that it visits.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Asks for a page, with a session's cookie or without.
    pub async fn get(&self, path: &str, cookie: Option<&str>) -> Result<Page> {
        self.send(Method::GET, path, None, cookie).await
    }

    /// Sends a form with these fields beside its hidden ones.
    pub async fn submit(&self, form: &Form, typed: &[(&str, &str)], cookie: Option<&str>) -> Result<Page> {
        let hidden = form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<String> = hidden
            .chain(typed.iter().copied())
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        self.send(Method::POST, &form.action, Some(pairs.join("&")), cookie).await
    }

    /// Reads a route of programs with a token.
    pub async fn call(&self, path: &str, token: &str) -> Result<Page> {
        read(self.client.get(format!("{}{path}", self.base)).bearer_auth(token).send().await?).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<String>, cookie: Option<&str>) -> Result<Page> {
        if !path.starts_with('/') {
            bail!("a form leads to another place");
        }
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.header(ORIGIN, &self.target.origin);
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, format!("{}={cookie}", self.target.cookie));
        }
        read(request.send().await?).await
    }
}

async fn read(mut response: Response) -> Result<Page> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            bail!("a page is longer than {BODY_BYTES_MAX} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Page { status: response.status().as_u16(), headers: response.headers().clone(), body })
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

impl Page {
    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The cookie that the answer gives; empty if it takes it back.
    pub fn given(&self, cookie: &str) -> Option<String> {
        self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).find_map(|text| {
            let (name, value) = text.split(';').next()?.split_once('=')?;
            (name.trim() == cookie).then(|| value.trim().to_owned())
        })
    }

    /// The line that gives the cookie, or takes it back.
    pub fn line_of(&self, cookie: &str) -> Option<String> {
        let lines = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let mut of_it = lines.filter(|text| text.split_once('=').is_some_and(|(name, _)| name.trim() == cookie));
        of_it.next().map(str::to_owned)
    }

    /// The form that holds a field of that name.
    pub fn form(&self, field: &str) -> Option<Form> {
        self.body.split("<form").skip(1).find_map(|rest| {
            let text = rest.split("</form>").next()?;
            let (tag, inside) = text.split_once('>')?;
            let inputs: Vec<&str> =
                inside.split("<input").skip(1).filter_map(|input| input.split('>').next()).collect();
            if !inputs.iter().any(|input| attribute(input, "name") == Some(field)) {
                return None;
            }
            let hidden = inputs.iter().filter(|input| attribute(input, "type") == Some("hidden"));
            let hidden = hidden.filter_map(|input| {
                Some((attribute(input, "name")?.to_owned(), attribute(input, "value")?.to_owned()))
            });
            Some(Form { action: attribute(tag, "action")?.to_owned(), hidden: hidden.collect() })
        })
    }

    /// The body without what differs from one request to the next: the reference and the seconds left.
    pub fn constant(&self) -> String {
        let without = blanked(&self.body, "<code>", "</code>");
        let without = blanked(&without, "data-session-seconds=\"", "\"");
        blanked(&without, "data-session-seconds-max=\"", "\"")
    }
}

/// The value of an attribute of a tag's text.
pub fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

fn blanked(text: &str, from: &str, to: &str) -> String {
    let mut pieces = text.split(from);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(from);
        out.push_str(piece.split_once(to).map_or(piece, |(_, rest)| rest));
    }
    out
}
