//! What the options say about HTTP, made ready once for a whole test: client, TLS, names, rate limit.

use std::sync::Arc;
use std::time::Duration;

use net::dns::{Policy, Resolver, ResolverOptions, Select};
use net::http::{ClientConfig, Reuse};
use net::tls::{ClientCert, TlsConfig, TlsOptions, TlsVersion, Verify};
use plan::options::{DnsPolicy, DnsSelect, DnsTtl, LocalIps, Options};

use super::identity::Configs;
use super::limiter::{RateLimiter, TokenBucket};
use super::samples::TagChoice;
use crate::world::{TestConfig, World};

/// What k6 2.2 sends; servers and transcripts may depend on it.
pub const DEFAULT_USER_AGENT: &str = "Grafana k6/2.2.0";
/// Redirects followed unless the options say otherwise.
const MAX_REDIRECTS: u32 = 10;
/// Requests of a batch at once, in all and to one host.
const BATCH: usize = 20;
const BATCH_PER_HOST: usize = 6;

/// What `httpDebug` logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Debug {
    Headers,
    Full,
}

/// The settings of one test, shared by its VUs on all cores.
pub struct Settings {
    pub(super) client: Arc<ClientConfig>,
    /// Of calls with a proxy or certificates of their own.
    pub(super) configs: Configs,
    pub(super) limiter: Option<Arc<dyn RateLimiter>>,
    /// Empty: the header is not sent.
    pub(super) user_agent: String,
    pub(super) max_redirects: u32,
    /// Nobody chose `max_redirects`: say so when it is exceeded.
    pub(super) warns_of_redirects: bool,
    pub(super) throws: bool,
    pub(super) discards_bodies: bool,
    pub(super) batch: usize,
    pub(super) batch_per_host: usize,
    pub(super) debug: Option<Debug>,
    pub(super) keeps_cookies: bool,
    pub(super) closes_idle: bool,
    pub(super) local_ips: Option<LocalIps>,
    pub(super) tags: TagChoice,
    /// Things to tell the user at load.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Checks and prepares the options. Also the way to check them at load.
    ///
    /// # Errors
    /// What cannot be used, in the words of k6 where k6 has some.
    pub fn new(config: &TestConfig) -> Result<Self, String> {
        let TestConfig { options, system_tags: tags, .. } = config;
        let tls = TlsConfig::new(&tls_options(options)?).map_err(|e| e.to_string())?;
        let resolver = Resolver::new(&resolver_options(options)?).map_err(|e| e.to_string())?;
        let warnings = tls.warnings().to_vec();
        let batch = positive(options.batch, BATCH);
        let batch_per_host = positive(options.batch_per_host, BATCH_PER_HOST);
        let mut client = ClientConfig::new(Arc::new(resolver), Arc::new(tls));
        client.max_idle = options.batch.map_or(BATCH, |n| usize::try_from(n).unwrap_or(0));
        client.max_idle_per_host =
            options.batch_per_host.map_or(BATCH_PER_HOST, |n| usize::try_from(n).unwrap_or(0));
        if let Some(bytes) = config.max_body_bytes {
            client.limits.max_body_bytes = bytes;
        }
        client.http2 = config.http2;
        client.proxies = config.proxies.clone();
        if options.no_connection_reuse == Some(true) {
            client.reuse = Reuse::Never;
        }
        let limiter = options.rps.and_then(TokenBucket::new);
        Ok(Self {
            client: Arc::new(client),
            configs: Configs::default(),
            limiter: limiter.map(|bucket| Arc::new(bucket) as Arc<dyn RateLimiter>),
            user_agent: options.user_agent.clone().unwrap_or_else(|| DEFAULT_USER_AGENT.to_owned()),
            max_redirects: options
                .max_redirects
                .map_or(MAX_REDIRECTS, |n| u32::try_from(n.max(0)).unwrap_or(u32::MAX)),
            warns_of_redirects: options.max_redirects.is_none(),
            throws: options.throw == Some(true),
            discards_bodies: options.discard_response_bodies == Some(true),
            batch,
            batch_per_host,
            debug: match options.http_debug.as_deref() {
                None | Some("") => None,
                Some("full") => Some(Debug::Full),
                Some(_) => Some(Debug::Headers),
            },
            keeps_cookies: options.no_cookies_reset == Some(true),
            closes_idle: options.no_vu_connection_reuse == Some(true),
            local_ips: options.local_ips.clone(),
            tags: TagChoice::new(tags),
            warnings,
        })
    }

    /// What `httpDebug` asks for.
    pub(crate) fn debug_level(&self) -> Option<Debug> {
        self.debug
    }

    /// Settings of TLS.
    pub(crate) fn tls(&self) -> &Arc<TlsConfig> {
        &self.client.tls
    }

    /// Names to addresses.
    pub(crate) fn resolver(&self) -> &Arc<Resolver> {
        &self.client.resolver
    }

    /// The address that connections of a VU start at.
    pub(crate) fn local_ip(&self, vu: u64) -> Option<std::net::IpAddr> {
        self.local_ips.as_ref().and_then(|ips| ips.address(vu))
    }

    /// The settings of a test, made when its first VU asks.
    pub(crate) fn of(world: &World) -> Result<Arc<Self>, String> {
        let make = || Self::new(world.config()).map(Arc::new);
        // The probe runs before the options are known, and sends nothing.
        if world.is_probe() { make() } else { world.http.get_or_init(make).clone() }
    }
}

fn positive(value: Option<i64>, default: usize) -> usize {
    match value {
        None => default,
        // k6 takes 0 and less for no limit.
        Some(n) => usize::try_from(n).ok().filter(|n| *n > 0).unwrap_or(usize::MAX),
    }
}

pub(crate) fn tls_options(options: &Options) -> Result<TlsOptions, String> {
    let mut tls = TlsOptions::new();
    if options.insecure_skip_tls_verify == Some(true) {
        tls.verify = Verify::Skip;
    }
    if let Some(versions) = &options.tls_version {
        tls.min_version = TlsVersion::parse(&versions.min);
        tls.max_version = TlsVersion::parse(&versions.max);
    }
    tls.cipher_suites.clone_from(&options.tls_cipher_suites);
    for auth in options.tls_auth.iter().flatten() {
        let key_pem = match auth.password.as_deref().filter(|password| !password.is_empty()) {
            Some(password) => net::tls::decrypt_key(&auth.key, password)?,
            None => auth.key.clone(),
        };
        tls.client_certs.push(ClientCert { cert_pem: auth.cert.clone(), key_pem });
    }
    Ok(tls)
}

fn resolver_options(options: &Options) -> Result<ResolverOptions, String> {
    let mut resolver = ResolverOptions::new();
    resolver.ttl = match options.dns.ttl().map_err(|e| e.to_string())? {
        DnsTtl::Forever => Duration::MAX,
        DnsTtl::Off => Duration::ZERO,
        DnsTtl::For(ttl) => ttl,
    };
    resolver.select = match options.dns.select() {
        DnsSelect::First => Select::First,
        DnsSelect::RoundRobin => Select::RoundRobin,
        DnsSelect::Random => Select::Random,
    };
    resolver.policy = match options.dns.policy() {
        DnsPolicy::PreferIpv4 => Policy::PreferIpv4,
        DnsPolicy::PreferIpv6 => Policy::PreferIpv6,
        DnsPolicy::OnlyIpv4 => Policy::OnlyIpv4,
        DnsPolicy::OnlyIpv6 => Policy::OnlyIpv6,
        DnsPolicy::Any => Policy::Any,
    };
    resolver.hosts = options.hosts.clone().unwrap_or_default();
    resolver.block_hostnames = options.block_hostnames.clone().unwrap_or_default();
    resolver.blacklist_ips =
        options.blacklist_ips.iter().flatten().map(ToString::to_string).collect();
    Ok(resolver)
}
