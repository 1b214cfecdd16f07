//! Options about names, addresses and TLS.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{OptionsError, Pairs};
use crate::duration::{parse_go_int, parse_k6};

/// A block of addresses, `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix_len: u32,
}

impl Cidr {
    /// Whether an address is in the block. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4()
            && masked(address, self.prefix_len) == self.network
    }
}

fn masked(address: IpAddr, prefix_len: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - prefix_len.min(32)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - prefix_len.min(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}

impl FromStr for Cidr {
    type Err = OptionsError;

    /// `address/bits`; a bare address is refused, as in k6.
    fn from_str(text: &str) -> Result<Cidr, OptionsError> {
        let parsed = text.split_once('/').and_then(|(address, bits)| {
            let address: IpAddr = address.parse().ok()?;
            let n_bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix_len =
                bits.bytes().all(|b| b.is_ascii_digit()).then(|| bits.parse::<u32>().ok())??;
            (prefix_len <= n_bits)
                .then(|| Cidr { network: masked(address, prefix_len), prefix_len })
        });
        parsed.ok_or_else(|| OptionsError::config(format!("invalid CIDR address: {text}")))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_len)
    }
}

pub(super) fn parse_blacklisted(text: &str) -> Result<Cidr, OptionsError> {
    text.parse()
        .map_err(|error| OptionsError::config(format!("failed to parse CIDR '{text}': {error}")))
}

/// Which of several addresses is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsSelect {
    /// The first.
    First,
    /// Each in turn.
    RoundRobin,
    /// Any.
    Random,
}

impl DnsSelect {
    const NAMES: [(&'static str, DnsSelect); 3] = [
        ("first", DnsSelect::First),
        ("roundRobin", DnsSelect::RoundRobin),
        ("random", DnsSelect::Random),
    ];

    fn name(self) -> &'static str {
        DnsSelect::NAMES
            .iter()
            .find(|(_, select)| *select == self)
            .map_or("random", |(name, _)| name)
    }
}

impl FromStr for DnsSelect {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<DnsSelect, OptionsError> {
        let found = DnsSelect::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, select)| *select).ok_or_else(|| {
            OptionsError::config(format!("{text} does not belong to DNSSelect values"))
        })
    }
}

/// Which kinds of addresses are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsPolicy {
    /// IPv4 if there is any.
    PreferIpv4,
    /// IPv6 if there is any.
    PreferIpv6,
    /// IPv4.
    OnlyIpv4,
    /// IPv6.
    OnlyIpv6,
    /// Both.
    Any,
}

impl DnsPolicy {
    const NAMES: [(&'static str, DnsPolicy); 5] = [
        ("preferIPv4", DnsPolicy::PreferIpv4),
        ("preferIPv6", DnsPolicy::PreferIpv6),
        ("onlyIPv4", DnsPolicy::OnlyIpv4),
        ("onlyIPv6", DnsPolicy::OnlyIpv6),
        ("any", DnsPolicy::Any),
    ];

    fn name(self) -> &'static str {
        DnsPolicy::NAMES.iter().find(|(_, policy)| *policy == self).map_or("any", |(name, _)| name)
    }
}

impl FromStr for DnsPolicy {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<DnsPolicy, OptionsError> {
        let found = DnsPolicy::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, policy)| *policy).ok_or_else(|| {
            OptionsError::config(format!("{text} does not belong to DNSPolicy values"))
        })
    }
}

/// How long a resolved name is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsTtl {
    /// For good (k6: a year).
    Forever,
    /// Not at all.
    Off,
    /// For some time.
    For(Duration),
}

impl FromStr for DnsTtl {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<DnsTtl, OptionsError> {
        match text {
            "inf" => Ok(DnsTtl::Forever),
            _ => match parse_k6(text) {
                Ok(span) if span.nanos() == 0 => Ok(DnsTtl::Off),
                Ok(span) if span.nanos() > 0 => Ok(DnsTtl::For(span.as_duration())),
                _ => Err(OptionsError::other(format!("invalid DNS TTL: {text}"))),
            },
        }
    }
}

/// The `dns` option. Its parts are layered one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// How long names are kept, as written; see [`DnsConfig::ttl`].
    pub ttl: Option<String>,
    /// Which address.
    pub select: Option<DnsSelect>,
    /// Which kinds.
    pub policy: Option<DnsPolicy>,
}

impl DnsConfig {
    /// How long names are kept; 5 min unless set.
    ///
    /// # Errors
    /// k6's text, exit code 255.
    pub fn ttl(&self) -> Result<DnsTtl, OptionsError> {
        match self.ttl.as_deref() {
            None | Some("") => Ok(DnsTtl::For(Duration::from_secs(300))),
            Some(text) => text.parse(),
        }
    }

    /// Which address is used; any unless set.
    pub fn select(&self) -> DnsSelect {
        self.select.unwrap_or(DnsSelect::Random)
    }

    /// Which kinds are used; IPv4 first unless set.
    pub fn policy(&self) -> DnsPolicy {
        self.policy.unwrap_or(DnsPolicy::PreferIpv4)
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("ttl".to_owned(), Value::from(self.ttl.clone()));
        json.insert("select".to_owned(), Value::from(self.select.map(DnsSelect::name)));
        json.insert("policy".to_owned(), Value::from(self.policy.map(DnsPolicy::name)));
        Value::Object(json)
    }
}

impl FromStr for DnsConfig {
    type Err = OptionsError;

    /// `ttl=5m,select=random,policy=preferIPv4`, as in the flag and the environment. The time is not checked here.
    fn from_str(text: &str) -> Result<DnsConfig, OptionsError> {
        let mut dns = DnsConfig::default();
        for pair in text.split(',') {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| OptionsError::config(format!("no value for key {pair}")))?;
            match key {
                "ttl" => dns.ttl = Some(value.to_owned()),
                "select" => dns.select = Some(value.parse()?),
                "policy" => dns.policy = Some(value.parse()?),
                _ => {
                    return Err(OptionsError::config(format!(
                        "unknown DNS configuration field: {key}"
                    )));
                }
            }
        }
        Ok(dns)
    }
}

/// TLS versions allowed: `tls1.0` to `tls1.3`, or empty for no bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsVersions {
    /// The lowest.
    pub min: String,
    /// The highest.
    pub max: String,
}

impl TlsVersions {
    pub(super) fn is_name(text: &str) -> bool {
        matches!(text, "" | "tls1.0" | "tls1.1" | "tls1.2" | "tls1.3")
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("min".to_owned(), Value::from(self.min.clone()));
        json.insert("max".to_owned(), Value::from(self.max.clone()));
        Value::Object(json)
    }
}

/// A client certificate. The texts are PEM and are not looked into here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsAuth {
    /// Certificates.
    pub cert: String,
    /// Private key.
    pub key: String,
    /// Of the key.
    pub password: Option<String>,
    /// Host patterns it is for; none for all.
    pub domains: Option<Vec<String>>,
}

impl TlsAuth {
    pub(super) fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("cert".to_owned(), Value::from(self.cert.clone()));
        json.insert("key".to_owned(), Value::from(self.key.clone()));
        json.insert("password".to_owned(), Value::from(self.password.clone()));
        json.insert("domains".to_owned(), Value::from(self.domains.clone()));
        Value::Object(json)
    }
}

impl fmt::Debug for TlsAuth {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAuth").field("domains", &self.domains).finish_non_exhaustive()
    }
}

/// Go's names of cipher suites and their numbers, which the environment uses.
const CIPHER_SUITES: [(&str, u16); 27] = [
    ("TLS_RSA_WITH_RC4_128_SHA", 0x0005),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003c),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d),
    ("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", 0xc007),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a),
    ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xc011),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xc012),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xc023),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xc027),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", 0xcca8),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", 0xcca9),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9),
    ("TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
];

pub(super) fn check_cipher_suite(name: &str) -> Result<(), OptionsError> {
    if CIPHER_SUITES.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    Err(OptionsError::config(format!("unknown cipher suite '{name}'")))
}

/// The name of a cipher suite given by its number.
pub(super) fn cipher_suite_of_id(id: u16) -> Option<&'static str> {
    CIPHER_SUITES.iter().find(|(_, known)| *known == id).map(|(name, _)| *name)
}

/// Checks a pattern of `blockHostnames`.
pub(super) fn parse_blocked(pattern: &str) -> Result<String, OptionsError> {
    if is_host_pattern(pattern) {
        Ok(pattern.to_owned())
    } else {
        Err(OptionsError::config(format!("invalid hostname pattern '{pattern}'")))
    }
}

/// Checks a pattern of `hosts`: a host name with an optional leading `*` and an optional port. Returns it in lower
/// case.
///
/// # Errors
/// k6's text, exit code 104.
pub fn parse_host_pattern(pattern: &str) -> Result<String, OptionsError> {
    let (name, port) = pattern.split_once(':').unwrap_or((pattern, "0"));
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    if is_port && is_host_pattern(name) {
        Ok(pattern.to_ascii_lowercase())
    } else {
        Err(OptionsError::config(format!("invalid host pattern '{pattern}'")))
    }
}

/// Labels of letters, digits, `_` and inner `-`, after an optional `*` or `*.`.
fn is_host_pattern(pattern: &str) -> bool {
    let name = match pattern.strip_prefix('*') {
        Some(rest) => rest.strip_prefix('.').unwrap_or(rest),
        None => pattern,
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.is_empty() || name.split('.').all(is_label)
}

/// Checks a target of `hosts`. k6 takes anything as the address (and then fails to connect); only a bad port is
/// refused.
pub(super) fn check_host_target(target: &str) -> Result<(), OptionsError> {
    if target.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    match target.rsplit_once(':') {
        Some((_, port)) => parse_go_int(port)
            .map(|_| ())
            .map_err(|why| OptionsError::config(format!("strconv.Atoi: parsing {port:?}: {why}"))),
        None => Ok(()),
    }
}

pub(super) fn parse_hosts(pairs: Pairs) -> Result<Pairs, OptionsError> {
    let mut hosts = Vec::with_capacity(pairs.len());
    for (pattern, target) in pairs {
        check_host_target(&target)?;
        hosts.push((parse_host_pattern(&pattern)?, target));
    }
    hosts.sort();
    hosts.dedup_by(|later, earlier| later.0 == earlier.0);
    Ok(hosts)
}

/// Addresses that VUs connect from, in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalIps {
    text: String,
    ranges: Vec<IpRange>,
}

impl fmt::Display for LocalIps {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct IpRange {
    first: IpAddr,
    n_addresses: u128,
}

impl LocalIps {
    /// The address of the VU with this number (in its instance, from 1).
    pub fn address(&self, vu_id: u64) -> Option<IpAddr> {
        let n_addresses =
            self.ranges.iter().fold(0u128, |n, range| n.saturating_add(range.n_addresses));
        let mut idx = u128::from(vu_id.saturating_sub(1)).checked_rem(n_addresses)?;
        for range in &self.ranges {
            if idx < range.n_addresses {
                return Some(match range.first {
                    IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(
                        u32::from(v4).wrapping_add(u32::try_from(idx).unwrap_or(0)),
                    )),
                    IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6).wrapping_add(idx))),
                });
            }
            idx -= range.n_addresses;
        }
        None
    }
}

impl FromStr for LocalIps {
    type Err = OptionsError;

    /// Addresses, ranges `a-b` and blocks `a/n`, separated by commas. Of IPv4 blocks of more than two addresses the
    /// first and the last are left out.
    fn from_str(text: &str) -> Result<LocalIps, OptionsError> {
        let ranges = text.split(',').map(parse_ip_range).collect::<Result<_, _>>()?;
        Ok(LocalIps { text: text.to_owned(), ranges })
    }
}

fn parse_ip_range(text: &str) -> Result<IpRange, OptionsError> {
    let invalid = || OptionsError::other(format!("{text} is not a valid IP, IP range or CIDR"));
    let address = |text: &str| text.parse::<IpAddr>().map_err(|_| invalid());
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    };
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (address(first)?, address(last)?);
        if first.is_ipv4() != last.is_ipv4() {
            return Err(invalid());
        }
        let distance = number(last).checked_sub(number(first));
        let distance =
            distance.ok_or_else(|| OptionsError::other(format!("negative IP range: {text}")))?;
        return Ok(IpRange { first, n_addresses: distance.saturating_add(1) });
    }
    if text.contains('/') {
        let block: Cidr = text.parse().map_err(|_| invalid())?;
        return Ok(match block.network {
            IpAddr::V4(v4) => {
                let n_addresses = 1u128 << (32 - block.prefix_len);
                match n_addresses {
                    3.. => IpRange {
                        first: IpAddr::V4(Ipv4Addr::from(u32::from(v4) + 1)),
                        n_addresses: n_addresses - 2,
                    },
                    _ => IpRange { first: block.network, n_addresses },
                }
            }
            IpAddr::V6(_) => IpRange {
                first: block.network,
                n_addresses: 1u128.checked_shl(128 - block.prefix_len).unwrap_or(u128::MAX),
            },
        });
    }
    Ok(IpRange { first: address(text)?, n_addresses: 1 })
}
