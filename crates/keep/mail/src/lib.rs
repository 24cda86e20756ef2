//! Messages through the hospital's mail server (SMTP).
//!
//! - TLS always, verified against the authority that the configuration names, or the platform's; a server that does not
//!   offer it is sent nothing. Nothing travels in clear but the request for TLS.
//! - One message to one person at a time: plain text in UTF-8, marked as written by a program. No picture, no address
//!   that tells who read it, nothing to attach.
//! - An address is a type that holds no way to write another header; a line of a header that would begin another is
//!   refused.
//! - Bounded: one deadline over a whole conversation, length of a message.
//!
//! It knows nothing of accounts, nor of what is written.

mod address;
mod careful;
mod error;
mod message;
mod settings;

pub use address::{ADDRESS_CHARS_MAX, Address, BadAddress};
pub use error::MailError;
pub use message::{BODY_BYTES_MAX, BadMessage, Message, SUBJECT_CHARS_MAX};
pub use settings::{Login, Server, Settings, Tls};

use careful::Careful;
use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    client::AsyncSmtpConnection,
    extension::ClientId,
};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// A conversation takes no longer than this.
pub const CONVERSATION_SECONDS_MAX: u64 = 30;
/// How long leaving politely may take: the message is sent by then.
const LEAVING: Duration = Duration::from_secs(2);

/// The way out. Clones are handles.
#[derive(Clone)]
pub struct Mailer(Arc<Settings>);

impl Mailer {
    /// Asks nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// Sends one message. `Ok` only once the server took it.
    pub async fn send(&self, message: &Message) -> Result<(), MailError> {
        let (envelope, bytes) = message.written(&self.0.from)?;
        let sending = async {
            let mut open = self.open().await?;
            open.send(&envelope, &bytes).await.map_err(|error| MailError::of_message(&error))?;
            Ok::<_, MailError>(open)
        };
        let mut open =
            timeout(Duration::from_secs(CONVERSATION_SECONDS_MAX), sending).await.map_err(|_| MailError::Late)??;
        let _ = timeout(LEAVING, open.quit()).await;
        Ok(())
    }

    /// Whether the server answers over TLS, and takes the password where there is one. Sends nothing.
    pub async fn reach(&self, within: Duration) -> Result<(), MailError> {
        let mut open = timeout(within, self.open()).await.map_err(|_| MailError::Late)??;
        let _ = timeout(LEAVING, open.quit()).await;
        Ok(())
    }

    /// A conversation over verified TLS, signed in.
    async fn open(&self) -> Result<AsyncSmtpConnection, MailError> {
        let Settings { server, tls, login, from, .. } = &*self.0;
        let hello = ClientId::Domain(from.domain().to_owned());
        let place = (server.host.as_str(), server.port);
        let mut open = match server.tls {
            Tls::Implicit => AsyncSmtpConnection::connect_tokio1(place, None, &hello, Some(tls.clone()), None)
                .await
                .map_err(|error| MailError::of_connection(&error))?,
            Tls::StartTls => {
                let socket =
                    TcpStream::connect(place).await.map_err(|error| MailError::Unreachable(error.to_string()))?;
                let stream = Box::new(Careful::new(socket));
                let mut open = AsyncSmtpConnection::connect_with_transport(stream, &hello)
                    .await
                    .map_err(|error| MailError::of_connection(&error))?;
                if !open.can_starttls() {
                    return Err(MailError::NoTls);
                }
                open.starttls(tls.clone(), &hello).await.map_err(|error| MailError::of_connection(&error))?;
                open
            }
        };
        // Whatever the library did: a password and a message leave over TLS or not at all.
        if !open.is_encrypted() {
            return Err(MailError::NoTls);
        }
        if let Some(Login { user, password }) = login {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            open.auth(&mechanisms, &credentials).await.map_err(|error| MailError::of_login(&error))?;
        }
        Ok(open)
    }
}
