//! What a handler leaves of a request's body is read to its end, so that the connection serves again; or the answer
//! says that it does not. Without either a program that keeps its connections loses its next request.

use axum::body::Body;
use hyper::{
    Request,
    body::{Body as _, Bytes, Frame, Incoming, SizeHint},
    header::EXPECT,
};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// A body that comes back when whoever had it is done with it.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// Where the rest of a body comes back to.
pub(crate) struct Rest {
    back: Option<oneshot::Receiver<Incoming>>,
    /// Whether the peer waits to be asked for the body: then reading would ask for it.
    waits: bool,
}

/// The request with its body lent. What has none is left as it is.
pub(crate) fn lend(request: Request<Incoming>) -> (Request<Body>, Rest) {
    let waits = request.headers().contains_key(EXPECT);
    if request.body().is_end_stream() {
        return (request.map(Body::new), Rest { back: None, waits });
    }
    let (sender, receiver) = oneshot::channel();
    let lent = request.map(|body| Body::new(Lent { body: Some(body), back: Some(sender) }));
    (lent, Rest { back: Some(receiver), waits })
}

impl Rest {
    /// Reads what was left. False when more is to come than `bytes_max`, or later than `wait_max`: then the connection
    /// cannot serve another request.
    pub(crate) async fn read(self, bytes_max: usize, wait_max: Duration) -> bool {
        let Some(Ok(body)) = self.back.map(|mut back| back.try_recv()) else { return true };
        !self.waits && timeout(wait_max, read_to_end(body, bytes_max)).await.unwrap_or(false)
    }
}

async fn read_to_end(mut body: Incoming, bytes_max: usize) -> bool {
    let mut read = 0;
    while !body.is_end_stream() {
        match std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
        }
        if read > bytes_max {
            return false;
        }
    }
    true
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            // The connection may be gone: then nobody waits for it.
            drop(back.send(body));
        }
    }
}
