//! Patterns of host names, targets of the `hosts` map, and address ranges.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A setting that cannot be, in k6's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsConfigError {
    /// Not a host pattern.
    #[error("invalid host pattern '{0}'")]
    Pattern(String),
    /// Not an address with an optional port.
    #[error("invalid IP address or IP:port '{0}' in the hosts option")]
    Target(String),
    /// Not an address range.
    #[error("failed to parse CIDR '{0}': invalid CIDR address: {0}")]
    Cidr(String),
}

/// What stands for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) ip: IpAddr,
    pub(super) port: Option<u16>,
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Target, DnsConfigError> {
        if let Ok(ip) = text.parse() {
            return Ok(Target { ip, port: None });
        }
        let address: SocketAddr =
            text.parse().map_err(|_| DnsConfigError::Target(text.to_owned()))?;
        Ok(Target { ip: address.ip(), port: Some(address.port()) })
    }
}

/// Values by name pattern: an exact name beats a wildcard, a longer wildcard a shorter one.
#[derive(Debug)]
pub(super) struct Patterns<T> {
    exact: HashMap<String, T>,
    /// Suffix after the `*`, longest first, with the pattern as written.
    wild: Vec<(String, String, T)>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Patterns { exact: HashMap::new(), wild: Vec::new() }
    }
}

impl<T> Patterns<T> {
    pub(super) fn insert(&mut self, pattern: &str, value: T) -> Result<(), DnsConfigError> {
        let invalid = || DnsConfigError::Pattern(pattern.to_owned());
        let (is_wild, rest) = match pattern.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if !rest.chars().all(fine) || rest.is_empty() && !is_wild {
            return Err(invalid());
        }
        let lower = rest.to_lowercase();
        if is_wild {
            self.wild.push((lower, pattern.to_owned(), value));
            self.wild.sort_by_key(|(suffix, _, _)| std::cmp::Reverse(suffix.len()));
        } else {
            self.exact.insert(lower, value);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wild.is_empty()
    }

    /// The pattern that fits best, and its value.
    pub(super) fn find(&self, name: &str) -> Option<(&str, &T)> {
        if self.is_empty() {
            return None;
        }
        let name = name.to_lowercase();
        if let Some((pattern, value)) = self.exact.get_key_value(&name) {
            return Some((pattern, value));
        }
        self.wild
            .iter()
            .find(|(suffix, _, _)| name.ends_with(suffix.as_str()))
            .map(|(_, pattern, value)| (pattern.as_str(), value))
    }
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: u128,
    bits: u32,
    v6: bool,
}

impl Cidr {
    /// Reads `10.0.0.0/8` or `fd00::/8`.
    ///
    /// # Errors
    /// With Go's text, if it is no such range. A lone address is none.
    pub fn parse(text: &str) -> Result<Cidr, DnsConfigError> {
        let invalid = || DnsConfigError::Cidr(text.to_owned());
        let (address, bits) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let plain = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        let bits: u32 = bits.parse().ok().filter(|_| plain).ok_or_else(invalid)?;
        let v6 = address.is_ipv6();
        if bits > width(v6) {
            return Err(invalid());
        }
        Ok(Cidr { network: number(address) & mask(bits, v6), bits, v6 })
    }

    /// Whether the address lies in the range. An IPv4 address may be written as IPv6.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = if self.v6 { ip } else { ip.to_canonical() };
        ip.is_ipv6() == self.v6 && number(ip) & mask(self.bits, self.v6) == self.network
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = if self.v6 {
            IpAddr::from(self.network.to_be_bytes())
        } else {
            IpAddr::from((self.network as u32).to_be_bytes())
        };
        write!(f, "{address}/{}", self.bits)
    }
}

fn width(v6: bool) -> u32 {
    if v6 { 128 } else { 32 }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn mask(bits: u32, v6: bool) -> u128 {
    let width = width(v6);
    let all = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    if bits == 0 { 0 } else { all & (all << (width - bits)) }
}
