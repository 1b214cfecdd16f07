//! The client against small servers on the same core.

mod bodies;
mod faults;
mod http2;
mod pooling;
mod proxy;
mod server;
mod stream;
mod timing;
mod tls;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use self::server::Server;
use super::*;
use crate::dns::{Resolver, ResolverOptions};
use crate::tls::{TlsConfig, TlsOptions};

/// No test waits longer than this for the client.
const PATIENCE: Duration = Duration::from_secs(20);

fn on_core<T>(future: impl Future<Output = T>) -> T {
    rt::Core::new(rt::CoreConfig { spin: false }).unwrap().block_on(future)
}

fn config(tls: &TlsOptions) -> ClientConfig {
    let mut names = ResolverOptions::new();
    names.hosts = vec![("*.test".into(), "127.0.0.1".into())];
    let resolver = Arc::new(Resolver::new(&names).unwrap());
    ClientConfig::new(resolver, Arc::new(TlsConfig::new(tls).unwrap()))
}

fn client() -> Client {
    client_with(|_| {})
}

fn client_with(change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = config(&TlsOptions::new());
    change(&mut config);
    Client::new(Arc::new(config), None)
}

async fn send(client: &Client, request: &Request) -> Exchange {
    client.send(request, Some(rt::now() + PATIENCE)).await
}

async fn get(client: &Client, server: &Server) -> Exchange {
    send(client, &Request::get(&server.url("/")).unwrap()).await
}

#[track_caller]
fn ok(exchange: Exchange) -> Response {
    exchange.result.unwrap()
}

/// Code and text of a failure.
#[track_caller]
fn failure(exchange: &Exchange) -> (u16, String) {
    let error = exchange.result.as_ref().unwrap_err();
    (error.code, error.message.to_string())
}
