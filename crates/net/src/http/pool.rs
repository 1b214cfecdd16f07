//! Connections that are open and not in use, with the limits of Go's `http.Transport`.

use super::connection::Connection;
use crate::url::Url;

/// Idle connections of one client, the most recently used last.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    // Boxed: a connection moves in and out with each request.
    #[expect(clippy::vec_box)]
    idle: Vec<Box<Connection>>,
}

/// How many may be idle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLimits {
    /// In all; 0 is no limit, as in Go.
    pub(crate) total: usize,
    /// To one host; 0 is 2, as in Go.
    pub(crate) per_host: usize,
}

impl Pool {
    /// The most recently used connection to the URL's origin that is still usable. Dead ones that
    /// are found on the way are closed.
    pub(crate) fn take(&mut self, url: &Url, port: u16) -> Option<Box<Connection>> {
        let mut at = self.idle.len();
        while at > 0 {
            at -= 1;
            if self.idle[at].origin.serves(url, port) {
                let mut connection = self.idle.remove(at);
                if !connection.is_stale() {
                    return Some(connection);
                }
            }
        }
        None
    }

    /// Keeps a connection for later, or closes it if its host has enough of them. Beyond the total
    /// the one unused for longest goes.
    pub(crate) fn put(&mut self, connection: Box<Connection>, limits: PoolLimits) {
        let per_host = if limits.per_host == 0 { 2 } else { limits.per_host };
        let same = self.idle.iter().filter(|c| c.origin.is_same(&connection.origin)).count();
        if same >= per_host {
            return;
        }
        self.idle.push(connection);
        if limits.total > 0 && self.idle.len() > limits.total {
            self.idle.remove(0);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.idle.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.idle.len()
    }
}
