//! The `auth` parameter: exchanges that answer a server's challenge, each with its samples, as k6's round trippers make them.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use net::auth::digest::{self, Asked};
use net::auth::ntlm::{self, Identity};
use net::http::{Exchange, Request, Response};
use net::url::Url;
use rt::Nanos;

use super::VuHttp;
use super::cache::UrlEntry;
use super::debug::random_hex;
use super::exchange::{Call, Hop};
use super::hop::replace_user;

/// How a request shows who it is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Auth {
    /// By the user info of its URL, sent along: also for methods that k6 does not know.
    #[default]
    Basic,
    /// By answering a challenge with a hash (RFC 7616).
    Digest,
    /// By a dialogue of three exchanges on one connection.
    Ntlm,
}

impl Auth {
    /// Of the parameter.
    pub(super) fn parse(method: &str) -> Self {
        match method {
            "digest" => Self::Digest,
            "ntlm" => Self::Ntlm,
            _ => Self::Basic,
        }
    }
}

impl VuHttp {
    /// Sends the hop's request as its call's `auth` demands. All exchanges but the last are recorded.
    pub(super) async fn send_authenticated(
        &self,
        call: &Call,
        hop: &mut Hop,
        deadline: Nanos,
    ) -> Exchange {
        match call.auth {
            Auth::Basic => self.client_for(call).send(&hop.request, Some(deadline)).await,
            Auth::Digest => self.digest(call, hop, deadline).await,
            Auth::Ntlm => self.ntlm(call, hop, deadline).await,
        }
    }

    /// Two exchanges each time: k6 keeps no nonce. The first carries what basic authentication would.
    async fn digest(&self, call: &Call, hop: &mut Hop, deadline: Nanos) -> Exchange {
        let (user, password) = hop.entry.url.user_info().unwrap_or_default();
        // From here on the URL is shown without them.
        if let Ok(url) = Url::parse(&replace_user(&hop.entry.url, "")) {
            let mut request = (*hop.request).clone();
            request.url = url.clone();
            hop.request = Rc::new(request);
            hop.entry = UrlEntry::new(url);
        }
        let first = self.client_for(call).send(&hop.request, Some(deadline)).await;
        let Some(response) = challenge_of(&first) else { return first };
        let challenge = response.header("www-authenticate").unwrap_or_default();
        let answer = digest::authorization(
            &String::from_utf8_lossy(challenge),
            &Asked {
                method: hop.request.method.as_str(),
                uri: &hop.entry.url.target(),
                entity: response.body(),
                user: &user,
                password: password.as_deref().unwrap_or_default(),
                cnonce: &random_hex(32),
            },
        );
        self.answer(call, hop, first, &answer, deadline).await
    }

    /// Up to three exchanges: without a name, with an offer, with the answer to the server's challenge.
    async fn ntlm(&self, call: &Call, hop: &mut Hop, deadline: Nanos) -> Exchange {
        let Some((user, password)) = basic_credentials(&hop.request) else {
            return self.client_for(call).send(&hop.request, Some(deadline)).await;
        };
        let mut anonymous = (*hop.request).clone();
        anonymous.headers.remove("authorization");
        hop.request = Rc::new(anonymous);
        let first = self.client_for(call).send(&hop.request, Some(deadline)).await;
        let Some((scheme, _)) = challenge_of(&first).and_then(ntlm_challenge) else { return first };
        let offer = format!("{scheme} {}", BASE64.encode(ntlm::negotiate()));
        let second = self.answer(call, hop, first, &offer, deadline).await;
        let Some((scheme, token)) = challenge_of(&second).and_then(ntlm_challenge) else {
            return second;
        };
        let identity = Identity {
            user: &user,
            password: &password,
            nonce: u64::from_str_radix(&random_hex(16), 16).unwrap_or_default().to_le_bytes(),
            unix_ns: rt::unix_nanos(),
        };
        let challenge = BASE64.decode(token.trim()).unwrap_or_default();
        let Some(message) = ntlm::authenticate(&challenge, &identity) else { return second };
        let answer = format!("{scheme} {}", BASE64.encode(message));
        self.answer(call, hop, second, &answer, deadline).await
    }

    /// Records the exchange that brought a challenge and sends the request with the answer.
    async fn answer(
        &self,
        call: &Call,
        hop: &mut Hop,
        challenged: Exchange,
        authorization: &str,
        deadline: Nanos,
    ) -> Exchange {
        let mut request = (*hop.request).clone();
        if request.headers.set("Authorization", authorization.as_bytes()).is_err() {
            return challenged;
        }
        request.headers.sort();
        if let Ok(response) = &challenged.result {
            self.debug_response(call, response);
            self.record_redirect(call, hop, &challenged, response);
        }
        if let Ok(response) = challenged.result {
            self.client.recycle(response);
        }
        hop.request = Rc::new(request);
        self.debug_request(call, &hop.request);
        self.client_for(call).send(&hop.request, Some(deadline)).await
    }
}

fn challenge_of(exchange: &Exchange) -> Option<&Response> {
    exchange.result.as_ref().ok().filter(|response| response.status == 401)
}

/// Scheme and token of the challenge; plain NTLM comes before Negotiate.
fn ntlm_challenge(response: &Response) -> Option<(&'static str, String)> {
    let offered: Vec<&[u8]> = response
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"))
        .map(|(_, value)| value)
        .collect();
    ["NTLM", "Negotiate"].into_iter().find_map(|scheme| {
        let token = offered.iter().find_map(|value| {
            let rest = value.strip_prefix(scheme.as_bytes())?;
            (rest.is_empty() || rest.starts_with(b" ")).then_some(rest)
        })?;
        Some((scheme, String::from_utf8_lossy(token).into_owned()))
    })
}

/// User and password of the request's `Authorization: Basic`.
fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let value = std::str::from_utf8(request.headers.get("authorization")?).ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (user, password) = plain.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
