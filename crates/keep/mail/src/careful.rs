//! A connection that is to become TLS. What somebody on the way wrote in clear behind the server's consent must not be read
//! afterwards as the server's word: until TLS begins, no more is read than what is asked for, so that the rest meets
//! the handshake, which fails.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The first byte of a TLS record that greets; no command of SMTP begins so.
const HANDSHAKE: u8 = 0x16;

#[derive(Debug)]
pub(crate) struct Careful {
    socket: TcpStream,
    is_tls: bool,
}

impl Careful {
    pub fn new(socket: TcpStream) -> Self {
        Self { socket, is_tls: false }
    }
}

impl AsyncTokioStream for Careful {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }
}

impl AsyncRead for Careful {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_tls {
            return Pin::new(&mut self.socket).poll_read(cx, out);
        }
        // The library keeps what it has read beyond a line: of one byte, nothing is beyond.
        let mut byte = [0; 1];
        let mut one = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut self.socket).poll_read(cx, &mut one);
        if let Poll::Ready(Ok(())) = polled {
            out.put_slice(one.filled());
        }
        polled
    }
}

impl AsyncWrite for Careful {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.first() == Some(&HANDSHAKE) {
            self.is_tls = true;
        }
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
