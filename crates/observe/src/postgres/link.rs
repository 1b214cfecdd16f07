//! The way to a PostgreSQL server: a connection, or `psql` next to the server.

use std::pin::Pin;
use std::str::FromStr as _;
use std::sync::Arc;
use std::task::{Context, Poll};

use plan::probe::{Postgres, Via};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_rustls::TlsConnector;

use super::sql;
use crate::dialogue::Dialogue;
use crate::probe::{ProbeError, Secrets};
use crate::{secret, tls};

/// The way to a server.
pub(super) enum Link {
    Wire(Box<Wire>),
    Exec(Box<Dialogue>),
}

pub(super) struct Wire {
    config: Config,
    tls: Option<Arc<rustls::ClientConfig>>,
    kept: Option<Kept>,
    /// A question was dropped before its answer came.
    is_waiting: bool,
}

struct Kept {
    client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    pub(super) fn new(plan: &Postgres, secrets: &dyn Secrets) -> Result<Self, ProbeError> {
        let password =
            plan.password_env.as_deref().map(|name| secret(secrets, name)).transpose()?;
        let Some(Via::Exec(exec)) = &plan.via else {
            return Wire::new(&plan.url, password).map(|wire| Self::Wire(Box::new(wire)));
        };
        let mut words = exec.command.clone();
        let mut variables = vec![("PGCONNECT_TIMEOUT".to_owned(), "4".to_owned())];
        if exec.client.is_empty() {
            words.push("psql".to_owned());
            if plan.url.is_empty() {
                words.extend(["-U", "postgres"].map(str::to_owned));
            } else {
                // Words of a command are seen by all users of a machine.
                let (url, in_url) = without_password(&plan.url);
                words.extend(["-d".to_owned(), url]);
                let password = password.clone().or(in_url);
                variables.extend(password.map(|password| ("PGPASSWORD".to_owned(), password)));
            }
        } else {
            words.extend(exec.client.iter().cloned());
            variables.extend(password.map(|password| ("PGPASSWORD".to_owned(), password)));
        }
        words.extend(["-X", "-A", "-t", "-q"].map(str::to_owned));
        Ok(Self::Exec(Box::new(Dialogue::new(words, variables))))
    }

    /// Whether the next question goes over what is there already.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Wire(wire) => {
                !wire.is_waiting && wire.kept.as_ref().is_some_and(|kept| !kept.client.is_closed())
            }
            Self::Exec(dialogue) => !dialogue.is_fresh(),
        }
    }

    /// Asks a query whose answer is one JSON text, or NULL.
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, query: &str) -> Result<T, ProbeError> {
        let text = match self {
            Self::Wire(wire) => wire.ask(query).await?,
            Self::Exec(dialogue) => {
                let mark = |word: &str| format!("\\echo {word}");
                if dialogue.is_fresh() {
                    dialogue.ask(&format!("{};", sql::SETTINGS), mark).await?;
                }
                let said = dialogue.ask(&format!("{query};"), mark).await?;
                let text = said.lines.concat();
                if text.is_empty() && !said.errors.is_empty() {
                    return Err(ProbeError::new(said.errors));
                }
                text
            }
        };
        let text = if text.is_empty() { "null" } else { &text };
        serde_json::from_str(text).map_err(|error| {
            let start: String = text.chars().take(80).collect();
            ProbeError::new(format!(
                "the answer is none of a PostgreSQL server: {error}: {start:?}"
            ))
        })
    }
}

impl Wire {
    fn new(url: &str, password: Option<String>) -> Result<Self, ProbeError> {
        let bad = |why: &dyn std::fmt::Display| ProbeError::new(format!("`{url}`: {why}"));
        let (plain, settings) = tls_settings(url);
        let mut config = Config::from_str(&plain).map_err(|error| bad(&with_causes(&error)))?;
        if let Some(password) = password {
            config.password(password);
        }
        config.application_name("squall");
        if config.get_user().is_none() {
            config.user("postgres");
        }
        let root = settings.root.as_deref();
        // On a socket of this machine there is nobody to hide from.
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
            && !config.get_hosts().is_empty();
        let mode = if is_local { "disable" } else { settings.mode.as_str() };
        let (mode, tls) = match mode {
            "disable" => (SslMode::Disable, None),
            // As libpq has it: encrypted, whoever the server is.
            "" | "allow" | "prefer" => (SslMode::Prefer, Some(tls::config(true)?)),
            "require" if root.is_none() => (SslMode::Require, Some(tls::config(true)?)),
            "require" | "verify-ca" | "verify-full" => {
                (SslMode::Require, Some(tls::config_with(false, root)?))
            }
            other => return Err(bad(&format!("unknown sslmode `{other}`"))),
        };
        config.ssl_mode(mode);
        Ok(Self { config, tls, kept: None, is_waiting: false })
    }

    async fn ask(&mut self, query: &str) -> Result<String, ProbeError> {
        // Behind a connection that does not answer there may be nobody any more.
        let is_usable = |kept: &Kept| !kept.client.is_closed() && !self.is_waiting;
        let kept = match self.kept.take().filter(is_usable) {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let kept = self.kept.insert(kept);
        self.is_waiting = true;
        let messages = kept.client.simple_query(query).await;
        self.is_waiting = false;
        let messages = messages.map_err(|error| told(&error))?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(row.unwrap_or_default())
    }

    async fn connect(&self) -> Result<Kept, ProbeError> {
        let kept = match &self.tls {
            None => {
                let (client, connection) =
                    self.config.connect(NoTls).await.map_err(|error| told(&error))?;
                let driver = tokio::task::spawn_local(async move { drop(connection.await) });
                Kept { client, driver }
            }
            Some(tls) => {
                let tls = Tls(TlsConnector::from(Arc::clone(tls)));
                let (client, connection) =
                    self.config.connect(tls).await.map_err(|error| told(&error))?;
                let driver = tokio::task::spawn_local(async move { drop(connection.await) });
                Kept { client, driver }
            }
        };
        kept.client.batch_execute(sql::SETTINGS).await.map_err(|error| told(&error))?;
        Ok(kept)
    }
}

/// The server's own words, or the error with what caused it.
fn told(error: &tokio_postgres::Error) -> ProbeError {
    let text = match error.as_db_error() {
        Some(db) => format!("{}: {}", db.severity(), db.message()),
        None => with_causes(error),
    };
    let hint =
        if text.contains("password authentication failed") || text.contains("password missing") {
            "; check the user of the URL and `password_env`"
        } else if text.contains("Connection refused") {
            "; is the server running, and is this its port?"
        } else {
            ""
        };
    ProbeError::new(format!("{text}{hint}"))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[derive(Default)]
struct TlsSettings {
    mode: String,
    root: Option<String>,
}

/// The URL without what says how TLS is to be used, and that.
fn tls_settings(url: &str) -> (String, TlsSettings) {
    let mut settings = TlsSettings::default();
    let Some((head, query)) = url.split_once('?') else { return (url.to_owned(), settings) };
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => settings.mode = mode.to_owned(),
            Some(("sslrootcert", path)) => settings.root = Some(tls::decoded(path)),
            _ => rest.push(pair),
        }
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    (format!("{head}{query}"), settings)
}

/// The URL without its password, and the password.
fn without_password(text: &str) -> (String, Option<String>) {
    let Ok(mut url) = url::Url::parse(text) else { return (text.to_owned(), None) };
    let password = url.password().map(tls::decoded);
    if password.is_none() || url.set_password(None).is_err() {
        return (text.to_owned(), None);
    }
    (url.to_string(), password)
}

/// rustls for `tokio_postgres`.
#[derive(Clone)]
struct Tls(TlsConnector);

struct Stream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Stream<S>;
    type TlsConnect = One;
    type Error = std::io::Error;

    fn make_tls_connect(&mut self, host: &str) -> std::io::Result<One> {
        Ok(One(self.0.clone(), host.to_owned()))
    }
}

/// One connection's.
struct One(TlsConnector, String);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for One {
    type Stream = Stream<S>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name = tls::server_name(&self.1).map_err(std::io::Error::other)?;
            self.0.connect(name, stream).await.map(Stream)
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_tls_is_used_is_taken_out_of_the_url() {
        let (url, settings) =
            tls_settings("postgresql://h/d?sslmode=verify-full&a=b&sslrootcert=%2Fx.pem");
        assert_eq!((url.as_str(), settings.mode.as_str()), ("postgresql://h/d?a=b", "verify-full"));
        assert_eq!(settings.root.as_deref(), Some("/x.pem"));
        assert!(Wire::new("postgresql://h/d?sslmode=sometimes", None).is_err());
        for mode in ["disable", "prefer", "require", "verify-full"] {
            assert!(
                Wire::new(&format!("postgresql://u:p@h/d?sslmode={mode}"), None).is_ok(),
                "{mode}"
            );
        }
    }

    #[test]
    fn a_password_is_no_word_of_a_command() {
        let (url, password) = without_password("postgresql://u:p%40ss@h/d");
        assert_eq!((url.as_str(), password.as_deref()), ("postgresql://u@h/d", Some("p@ss")));
        assert_eq!(without_password("postgresql://u@h/d").1, None);
    }
}
