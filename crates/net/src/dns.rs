//! Names to addresses, by k6's options: `hosts`, `blockHostnames`, `blacklistIPs`, `dns`.
//!
//! The order is k6's: blocked names, the `hosts` map, the system's resolver (on a side thread,
//! cached), and at last the blocked addresses. IP addresses in URLs skip all but the map and the
//! last.

mod cache;
mod pattern;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{NetError, code};
use cache::{Answer, Cache};
pub use pattern::{Cidr, DnsConfigError};
use pattern::{Patterns, Target};

/// Which of a name's addresses is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// The first.
    First,
    /// One after the other, counted for each name.
    RoundRobin,
    /// Any.
    Random,
}

/// Which of a name's addresses are eligible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// IPv4, or IPv6 if there is no other.
    PreferIpv4,
    /// IPv6, or IPv4 if there is no other.
    PreferIpv6,
    /// IPv4 only.
    OnlyIpv4,
    /// IPv6 only.
    OnlyIpv6,
    /// All.
    Any,
}

/// What can be set.
#[derive(Clone, Debug)]
pub struct ResolverOptions {
    /// How long an answer is used; zero looks up each time, [`Duration::MAX`] never again.
    pub ttl: Duration,
    /// Which address is taken.
    pub select: Select,
    /// Which addresses are eligible.
    pub policy: Policy,
    /// Names (with an optional leading `*` and an optional port) and what stands for them: an
    /// address with an optional port.
    pub hosts: Vec<(String, String)>,
    /// Names that are not to be connected to; a leading `*` stands for anything.
    pub block_hostnames: Vec<String>,
    /// Addresses that are not to be connected to, in CIDR notation.
    pub blacklist_ips: Vec<String>,
    /// Seeds the random choice.
    pub seed: u64,
}

impl ResolverOptions {
    /// k6's defaults: five minutes, random, IPv4 preferred.
    pub fn new() -> ResolverOptions {
        ResolverOptions {
            ttl: Duration::from_secs(300),
            select: Select::Random,
            policy: Policy::PreferIpv4,
            hosts: Vec::new(),
            block_hostnames: Vec::new(),
            blacklist_ips: Vec::new(),
            seed: 0x5eed,
        }
    }
}

impl Default for ResolverOptions {
    fn default() -> Self {
        ResolverOptions::new()
    }
}

/// Looks names up; blocks while it does.
pub type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Finds addresses. One for all clients of a test: answers are cached for all cores.
pub struct Resolver {
    ttl: Duration,
    select: Select,
    policy: Policy,
    hosts: Patterns<Target>,
    blocked_names: Patterns<()>,
    blocked_ips: Vec<Cidr>,
    random: AtomicU64,
    lookup: Arc<Lookup>,
    cache: Arc<Cache>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({:?}, {:?}, ttl {:?})", self.select, self.policy, self.ttl)
    }
}

impl Resolver {
    /// A resolver that asks the system.
    ///
    /// # Errors
    /// With k6's texts, for patterns, addresses and CIDRs that are none.
    pub fn new(options: &ResolverOptions) -> Result<Resolver, DnsConfigError> {
        Resolver::with_lookup(options, Arc::new(system_lookup))
    }

    /// A resolver that asks `lookup`.
    ///
    /// # Errors
    /// As [`Resolver::new`].
    pub fn with_lookup(
        options: &ResolverOptions,
        lookup: Arc<Lookup>,
    ) -> Result<Resolver, DnsConfigError> {
        let mut hosts = Patterns::default();
        for (pattern, target) in &options.hosts {
            hosts.insert(pattern, Target::parse(target)?)?;
        }
        let mut blocked_names = Patterns::default();
        for pattern in &options.block_hostnames {
            blocked_names.insert(pattern, ())?;
        }
        let blocked_ips: Result<_, _> =
            options.blacklist_ips.iter().map(|text| Cidr::parse(text)).collect();
        Ok(Resolver {
            ttl: options.ttl,
            select: options.select,
            policy: options.policy,
            hosts,
            blocked_names,
            blocked_ips: blocked_ips?,
            random: AtomicU64::new(options.seed),
            lookup,
            cache: Arc::default(),
        })
    }

    /// Where to connect to for `host` (a name or an address without brackets) and `port`.
    ///
    /// # Errors
    /// Blocked (1110, 1111), unknown (1101), or the lookup failed (1100).
    pub async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, NetError> {
        let literal = host.parse::<IpAddr>().ok();
        if literal.is_none()
            && let Some((pattern, ())) = self.blocked_names.find(host)
        {
            return Err(NetError::new(code::BLOCKED_HOSTNAME, "hostname is blocked")
                .with_detail(format!("hostname ({host}) is in a blocked pattern ({pattern})")));
        }
        let address = if let Some(target) = self.mapped(host, port) {
            SocketAddr::new(target.ip, target.port.unwrap_or(port))
        } else if let Some(ip) = literal {
            SocketAddr::new(ip, port)
        } else {
            SocketAddr::new(self.ask(host).await?, port)
        };
        match self.blocked_ips.iter().find(|range| range.contains(address.ip())) {
            None => Ok(address),
            Some(range) => {
                let ip = address.ip();
                Err(NetError::new(code::BLACKLISTED_IP, "ip is blacklisted")
                    .with_detail(format!("IP ({ip}) is in a blacklisted range ({range})")))
            }
        }
    }

    fn mapped(&self, host: &str, port: u16) -> Option<&Target> {
        if self.hosts.is_empty() {
            return None;
        }
        let with_port = self.hosts.find(&format!("{host}:{port}"));
        with_port.or_else(|| self.hosts.find(host)).map(|(_, target)| target)
    }

    async fn ask(&self, host: &str) -> Result<IpAddr, NetError> {
        // A lone resolver answers this without asking anybody, and Go refuses it.
        let looks_numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if looks_numeric {
            return Err(no_such_host(host));
        }
        let answer = self.cache.get(host, self.ttl, &self.lookup).await?;
        let eligible = self.eligible(&answer);
        if eligible.is_empty() {
            return Err(no_such_host(host));
        }
        let index = match self.select {
            Select::First => 0,
            Select::RoundRobin => answer.turn(),
            Select::Random => self.next_random(),
        };
        Ok(eligible[(index % eligible.len() as u64) as usize])
    }

    fn eligible(&self, answer: &Answer) -> Vec<IpAddr> {
        type Family = fn(&IpAddr) -> bool;
        let of =
            |wanted: Family| -> Vec<IpAddr> { answer.ips.iter().copied().filter(wanted).collect() };
        let (first, second): (Family, Family) = match self.policy {
            Policy::Any => return answer.ips.to_vec(),
            Policy::OnlyIpv4 => return of(IpAddr::is_ipv4),
            Policy::OnlyIpv6 => return of(IpAddr::is_ipv6),
            Policy::PreferIpv4 => (IpAddr::is_ipv4, IpAddr::is_ipv6),
            Policy::PreferIpv6 => (IpAddr::is_ipv6, IpAddr::is_ipv4),
        };
        let preferred = of(first);
        if preferred.is_empty() { of(second) } else { preferred }
    }

    /// SplitMix64: enough to spread connections.
    fn next_random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn system_lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

fn no_such_host(host: &str) -> NetError {
    NetError::new(code::DNS_NO_SUCH_HOST, "lookup: no such host")
        .with_detail(format!("lookup {host}: no such host"))
}

/// The system's resolver failed. Its error has no kind, only the C library's text.
fn lookup_failed(host: &str, error: &io::Error) -> NetError {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    let unknown = ["Name or service not known", "No address associated", "nodename nor servname"];
    if unknown.iter().any(|known| text.contains(known)) {
        return no_such_host(host);
    }
    let text = text.to_lowercase();
    NetError::new(code::DNS, format!("lookup: {text}"))
        .with_detail(format!("lookup {host}: {text}"))
}

#[cfg(test)]
mod tests;
