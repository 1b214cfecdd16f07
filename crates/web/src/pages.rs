//! In front of another server on this machine: some pages are answered here, all others are passed on to it.
//!
//! What is changed by a request (anything but `GET` and `HEAD`) is waited for before its answer goes out, so that a client
//! that reads a page answered here next sees what it has changed.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::server::{BindError, Request, Response, Server, Site, bind, whole};

/// How long a page, or the word that a change is done, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Headers that are of one connection, not of the message.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its path, as it came.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its type.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its text.
    pub body: String,
}

/// Called with a page, or with none where the server behind has it.
pub type PageReply = Box<dyn FnOnce(Option<Page>) + Send>;
/// Called when a change is known everywhere.
pub type ChangeReply = Box<dyn FnOnce() + Send>;

/// Who knows the pages.
pub trait Pages: Send + Sync + 'static {
    /// A page is asked for. A reply that is dropped is none.
    fn page(&self, asked: Asked, reply: PageReply);

    /// The server behind has changed something.
    fn changed(&self, reply: ChangeReply);
}

/// A socket that listens and is not yet answered on: who connects waits.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: String,
}

impl Door {
    /// Listens at `host:port`.
    ///
    /// # Errors
    /// The address can't be had.
    pub fn open(address: &str) -> Result<Door, BindError> {
        Ok(Door { listener: bind(address)?, address: address.to_owned() })
    }

    /// Answers from now on, until what it returns is dropped.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn serve(self, pages: Arc<dyn Pages>, behind: SocketAddr) -> Result<Server, BindError> {
        Server::run(self.listener, &self.address, Arc::new(Front { pages, behind }))
    }
}

struct Front {
    pages: Arc<dyn Pages>,
    behind: SocketAddr,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("behind", &self.behind).finish_non_exhaustive()
    }
}

impl Site for Front {
    async fn answer(&self, request: Request) -> Response {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        if request.method() == Method::GET {
            let uri = request.uri();
            let asked = Asked {
                path: uri.path().to_owned(),
                query: uri.query().unwrap_or_default().to_owned(),
            };
            let (reply, page) = oneshot::channel();
            self.pages.page(asked, Box::new(move |page| drop(reply.send(page))));
            if let Ok(Ok(Some(page))) = tokio::time::timeout(PATIENCE, page).await {
                return show(page);
            }
        }
        let response = self.pass_on(request).await;
        if !is_read {
            let (reply, known) = oneshot::channel();
            // Who asked may have given up.
            self.pages.changed(Box::new(move || {
                let _ = reply.send(());
            }));
            drop(tokio::time::timeout(PATIENCE, known).await);
        }
        response
    }
}

impl Front {
    async fn pass_on(&self, request: Request) -> Response {
        match self.ask_behind(request).await {
            Ok(response) => response,
            Err(text) => {
                let mut response = Response::new(whole(text));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn ask_behind(&self, request: Request) -> Result<Response, String> {
        let failed =
            |error: &dyn fmt::Display| format!("the Python process does not answer: {error}");
        let stream = tokio::net::TcpStream::connect(self.behind).await;
        let stream = stream.map_err(|error| failed(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // Ends with the answer: it is of one request.
        tokio::spawn(connection);
        let (mut head, body) = request.into_parts();
        strip(&mut head.headers);
        head.headers.insert("connection", HeaderValue::from_static("close"));
        let request = hyper::Request::from_parts(head, body);
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let (mut head, body) = response.into_parts();
        strip(&mut head.headers);
        Ok(Response::from_parts(head, body.boxed_unsync()))
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn show(page: Page) -> Response {
    let mut response = Response::new(whole(page.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    for (name, value) in page.headers {
        // A file's name may hold what no header may; the page matters more.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
