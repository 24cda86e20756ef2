//! Against a real mail server: what leaves, how, and what does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../peers/mod.rs"]
mod peers;

use mail::{MailError, Mailer, Message, Server, Settings, Tls};
use peers::{Authority, FROM, LOGIN, MailServer, Offers, free_port};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, Instant},
};

const TO: &str = "camille.essai@hopital.example";

fn message(id: &str) -> Message {
    Message::new(TO.parse().unwrap(), id, "Un changement sur votre compte — été", "Bonjour,\n\n.\n.ligne\nÀ bientôt\n")
        .unwrap()
}

#[tokio::test]
async fn a_message_leaves_over_verified_tls_whichever_way_it_begins() {
    for offers in [Offers::Implicit, Offers::StartTls] {
        for asks_login in [false, true] {
            let server = MailServer::start(offers, asks_login);
            let mailer = server.mailer();
            mailer.reach(Duration::from_secs(10)).await.unwrap();
            assert!(server.taken().is_empty(), "looking sends nothing");
            mailer.send(&message("a1")).await.unwrap();
            let taken = server.taken();
            assert_eq!(taken.len(), 1);
            let one = &taken[0];
            assert_eq!((one.over_tls, one.signed_in), (true, asks_login));
            assert_eq!((one.from.as_str(), one.to.as_slice()), (FROM, &[TO.to_owned()][..]));
            assert_eq!(one.text.replace("\r\n", "\n").trim_end(), "Bonjour,\n\n.\n.ligne\nÀ bientôt");
            assert_eq!(one.header("Subject"), "Un changement sur votre compte — été");
            assert_eq!(one.header("Message-ID"), "<a1@hopital.example>");
            assert_eq!(one.header("Auto-Submitted"), "auto-generated");
        }
    }
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_and_its_name_only() {
    for offers in [Offers::Implicit, Offers::StartTls] {
        let server = MailServer::start(offers, true);
        let stranger = Mailer::new(server.settings_with(&Authority::default().pem(), Some(LOGIN)));
        let refused = stranger.send(&message("a1")).await;
        assert!(matches!(refused, Err(MailError::Tls(_))), "{refused:?}");
        // The platform's authorities do not know this one.
        let tls = if offers == Offers::Implicit { Tls::Implicit } else { Tls::StartTls };
        let named = |host: &str| Server { host: host.to_owned(), port: server.port, tls };
        let platform = Settings::new(named("localhost"), None, None, FROM.parse().unwrap()).unwrap();
        let refused = Mailer::new(platform).send(&message("a2")).await;
        assert!(matches!(refused, Err(MailError::Tls(_))), "{refused:?}");
        // Another name than the certificate's, at the same address.
        let authority = server.authority.pem();
        let other = Settings::new(named("127.0.0.1"), Some(authority.as_bytes()), None, FROM.parse().unwrap()).unwrap();
        let refused = Mailer::new(other).send(&message("a3")).await;
        assert!(matches!(refused, Err(MailError::Tls(_))), "{refused:?}");
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_offers_no_tls_is_sent_nothing_and_a_wrong_password_neither() {
    let clear = MailServer::start(Offers::Nothing, false);
    assert_eq!(clear.mailer().send(&message("a1")).await, Err(MailError::NoTls));
    let server = Server { host: "localhost".into(), port: clear.port, tls: Tls::Implicit };
    let pem = clear.authority.pem();
    let implicit = Settings::new(server, Some(pem.as_bytes()), None, FROM.parse().unwrap()).unwrap();
    assert!(Mailer::new(implicit).send(&message("a2")).await.is_err());
    assert!(clear.taken().is_empty());
    for offers in [Offers::Implicit, Offers::StartTls] {
        let server = MailServer::start(offers, true);
        let settings = server.settings_with(&server.authority.pem(), Some((LOGIN.0, "un autre")));
        assert_eq!(Mailer::new(settings).send(&message("a3")).await, Err(MailError::Login));
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn a_message_that_is_refused_is_told_apart_from_a_server_that_does_not_serve() {
    let mut server = MailServer::start(Offers::StartTls, false);
    server.refuse(TO);
    let refused = server.mailer().send(&message("a1")).await.unwrap_err();
    assert_eq!(refused, MailError::Refused(550));
    assert!(refused.is_of_the_message() && !refused.to_string().contains('@'), "{refused}");
    server.stop();
    let down = server.mailer().send(&message("a2")).await.unwrap_err();
    assert!(matches!(down, MailError::Unreachable(_)) && !down.is_of_the_message(), "{down:?}");
    server.refuse("");
    server.resume();
    server.mailer().send(&message("a3")).await.unwrap();
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn a_silent_server_costs_a_bounded_time() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let authority = Authority::default().pem();
    for tls in [Tls::Implicit, Tls::StartTls] {
        let server = Server { host: "localhost".into(), port: silent.local_addr().unwrap().port(), tls };
        let settings = Settings::new(server, Some(authority.as_bytes()), None, FROM.parse().unwrap()).unwrap();
        let began = Instant::now();
        assert_eq!(Mailer::new(settings).reach(Duration::from_millis(500)).await, Err(MailError::Late));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

/// Somebody on the way writes answers in clear behind the server's consent to TLS: none of them is read afterwards.
#[tokio::test]
async fn what_is_written_in_clear_before_tls_is_not_read_after_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let between = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = BufReader::new(socket.try_clone().unwrap());
        let mut line = String::new();
        socket.write_all(b"220 localhost ESMTP\r\n").unwrap();
        heard.read_line(&mut line).unwrap();
        socket.write_all(b"250-localhost\r\n250 STARTTLS\r\n").unwrap();
        line.clear();
        heard.read_line(&mut line).unwrap();
        assert_eq!(line, "STARTTLS\r\n");
        // In one piece: what follows the first line lies in the reader's hands before TLS begins.
        socket.write_all(b"220 go ahead\r\n250 localhost\r\n").unwrap();
        let mut rest = Vec::new();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = heard.read_to_end(&mut rest);
        rest
    });
    let authority = Authority::default().pem();
    let server = Server { host: "localhost".into(), port, tls: Tls::StartTls };
    let settings = Settings::new(server, Some(authority.as_bytes()), None, FROM.parse().unwrap()).unwrap();
    let sent = Mailer::new(settings).send(&message("a1")).await;
    assert!(matches!(sent, Err(MailError::Tls(_))), "{sent:?}");
    let rest = between.join().unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("MAIL"), "nothing in clear");
}

#[tokio::test]
async fn nobody_listens() {
    let server = Server { host: "localhost".into(), port: free_port(), tls: Tls::Implicit };
    let authority = Authority::default().pem();
    let settings = Settings::new(server, Some(authority.as_bytes()), None, FROM.parse().unwrap()).unwrap();
    assert!(matches!(Mailer::new(settings).send(&message("a1")).await, Err(MailError::Unreachable(_))));
}
