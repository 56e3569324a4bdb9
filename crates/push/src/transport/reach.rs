//! Which addresses the box connects to: those that a name has, in so far as they may be reached.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use fulmar_domain::device::is_public;
use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tokio::net::lookup_host;
use tower::Service;

/// Looks names up. An address in the place of a name is not looked up: who lets others choose the host refuses those.
#[derive(Clone, Copy)]
pub(crate) enum Reach {
    /// Wherever the name leads: an administrator chose it.
    Anywhere,
    /// Only to addresses in the world, so that nobody has the box speak to what is behind its firewall.
    World,
}

/// A host has no address that the box connects to.
#[derive(Debug, Error)]
#[error("`{0}` has no address in the world, and no administrator has allowed it to have a private one")]
pub(crate) struct NotReachable(String);

impl Reach {
    fn allows(self, address: SocketAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::World => is_public(address.ip()),
        }
    }

    async fn look_up(self, host: String) -> io::Result<vec::IntoIter<SocketAddr>> {
        let found = lookup_host((host.as_str(), 0)).await?;
        let allowed: Vec<_> = found.filter(|address| self.allows(*address)).collect();
        if allowed.is_empty() {
            return Err(io::Error::other(NotReachable(host)));
        }
        Ok(allowed.into_iter())
    }
}

impl Service<Name> for Reach {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.look_up(name.as_str().to_owned()))
    }
}
