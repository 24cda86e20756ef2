//! The probes' way into a door that expects the PROXY protocol. Each connection that comes to a place on loopback is
//! announced as nobody's, and is this machine's own to the door: it could come in so by itself.

use anyhow::{Context as _, Result};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};
use wire::proxy::NOBODY;

/// Connections carried at once; the probes have a few.
const CARRIED_MAX: usize = 16;
/// After a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(200);

/// Carries connections to one door.
pub struct Porter {
    listener: TcpListener,
    door: SocketAddr,
}

impl Porter {
    /// To the door that is reached there.
    pub fn new(door: SocketAddr) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the probes' way in")?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener: TcpListener::from_std(listener)?, door })
    }

    /// Where the probes come to.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Carries what comes, until it is dropped.
    pub async fn carry(self) {
        let mut carried = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = carried.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((near, _)) if carried.len() < CARRIED_MAX => drop(carried.spawn(one(near, self.door))),
                    Ok(_) => {}
                    Err(_) => sleep(PAUSE).await,
                }
            }
        }
    }
}

async fn one(mut near: TcpStream, door: SocketAddr) -> io::Result<()> {
    let mut far = TcpStream::connect(door).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    far.write_all(NOBODY).await?;
    copy_bidirectional(&mut near, &mut far).await.map(drop)
}
