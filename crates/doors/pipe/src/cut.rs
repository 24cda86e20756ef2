//! A stream that can be ended from elsewhere.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A stream whose reads and writes fail, with `ConnectionAborted`, once its token is cancelled: those that wait already
/// too, so that a peer that neither reads nor writes cannot hold it.
pub struct Cuttable<S> {
    inner: S,
    // One for each direction: they may be waited for by two tasks.
    cut_read: Pin<Box<WaitForCancellationFutureOwned>>,
    cut_write: Pin<Box<WaitForCancellationFutureOwned>>,
    is_cut: bool,
}

impl<S> Cuttable<S> {
    /// The stream, until `cut`.
    pub fn new(inner: S, cut: &CancellationToken) -> Self {
        let until = || Box::pin(cut.clone().cancelled_owned());
        Self { inner, cut_read: until(), cut_write: until(), is_cut: false }
    }

    fn may_read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.cut_read.as_mut().poll(cx).is_ready();
        self.answer()
    }

    fn may_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.cut_write.as_mut().poll(cx).is_ready();
        self.answer()
    }

    fn answer(&self) -> io::Result<()> {
        if self.is_cut { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cuttable<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.may_read(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cuttable<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.may_write(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.may_write(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.may_write(cx)?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_cut_ends_what_waits() {
        let cut = CancellationToken::new();
        let (ours, mut theirs) = tokio::io::duplex(8);
        let (mut read, mut write) = tokio::io::split(Cuttable::new(ours, &cut));
        write.write_all(b"bonjour").await.unwrap();
        let mut buffer = [0; 7];
        theirs.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"bonjour");

        // Nothing comes, and nothing is taken: both directions wait.
        let reading = tokio::spawn(async move { read.read_u8().await });
        let writing = tokio::spawn(async move { write.write_all(&[0; 100]).await });
        tokio::task::yield_now().await;
        cut.cancel();
        assert_eq!(reading.await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
