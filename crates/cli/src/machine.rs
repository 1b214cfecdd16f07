//! What the machine lets this process do: descriptors, cores, terminal size.
#![allow(unsafe_code)] // a few plain system calls; each says why it is sound

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Columns of the terminal on standard output, if it is one.
pub(crate) fn terminal_columns() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one `winsize` to the address given, which is valid for writes and outlives the call.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// How many files and sockets the process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DescriptorLimit {
    /// What holds now.
    pub(crate) soft: u64,
    /// How far the process itself may raise it.
    pub(crate) hard: u64,
}

/// The present limit of descriptors.
///
/// # Errors
/// The system call failed.
pub(crate) fn descriptor_limit() -> io::Result<DescriptorLimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes one `rlimit` to the address given, which is valid for writes and outlives the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(DescriptorLimit { soft: limit.rlim_cur, hard: limit.rlim_max })
}

/// Raises the limit of descriptors to its hard bound: every VU holds at least one connection.
///
/// # Errors
/// The system refused; the limit stays as it was.
pub(crate) fn raise_descriptor_limit() -> io::Result<DescriptorLimit> {
    let limit = descriptor_limit()?;
    if limit.soft < limit.hard {
        let wanted = libc::rlimit { rlim_cur: limit.hard, rlim_max: limit.hard };
        // SAFETY: setrlimit only reads one `rlimit` from the address given.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    descriptor_limit()
}

/// Whether the user is root, for remedies that need it.
fn is_root() -> bool {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The CPU quota of the process's cgroup in cores, if one is set (version 2, else version 1).
pub(crate) fn cpu_quota() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    cgroup_folders(&groups, "cpu")
        .into_iter()
        .filter_map(|folder| quota_of(&folder))
        .reduce(f64::min)
}

/// Memory of this process that is in use now, bytes; `None` where the system does not tell.
pub(crate) fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    kibibytes(&text, "VmRSS:")
}

/// Memory this process could still take, bytes: the machine's, or what its cgroup leaves.
pub(crate) fn free_bytes() -> Option<u64> {
    let free = kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let left = |folder: PathBuf| -> Option<u64> {
        let number = |name: &str| -> Option<u64> {
            fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()
        };
        let of = |limit, used| Some(number(limit)?.saturating_sub(number(used)?));
        of("memory.max", "memory.current")
            .or_else(|| of("memory.limit_in_bytes", "memory.usage_in_bytes"))
    };
    cgroup_folders(&groups, "memory").into_iter().filter_map(left).chain([free]).min()
}

/// A line such as `VmRSS:     1234 kB`.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The folders that may hold a limit of a controller, from the process's own group up to the root.
fn cgroup_folders(groups: &str, controller: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let mount = match controllers {
            "" => PathBuf::from("/sys/fs/cgroup"),
            list if list.split(',').any(|c| c == controller) => {
                Path::new("/sys/fs/cgroup").join(controller)
            }
            _ => continue,
        };
        let relative = Path::new(path.trim_start_matches('/'));
        folders.extend(relative.ancestors().map(|ancestor| mount.join(ancestor)));
    }
    folders
}

fn quota_of(folder: &Path) -> Option<f64> {
    let number = |name: &str| -> Option<f64> {
        fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()
    };
    if let Ok(text) = fs::read_to_string(folder.join("cpu.max")) {
        return parse_cpu_max(&text);
    }
    let (quota, period) = (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn parse_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then(|| quota / period)
}

/// First and last port the system gives to outgoing connections.
pub(crate) fn port_range() -> Option<(u32, u32)> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// What to do about limits of the machine; `doctor` and the notes after a run say the same.
pub(crate) mod remedies {
    /// How to get more descriptors.
    pub(crate) fn descriptors() -> &'static str {
        if super::is_root() {
            "`ulimit -Hn 1048576` before squall; in containers `docker run --ulimit nofile=1048576`"
        } else {
            "as root: a line `* hard nofile 1048576` in /etc/security/limits.conf, then log in again; in containers \
             `docker run --ulimit nofile=1048576`"
        }
    }

    /// How to get more ports.
    pub(crate) const PORTS: &str = "`sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\" net.ipv4.tcp_tw_reuse=1`, \
         more source addresses with --local-ips, or keep connections alive";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_looked_for_in_every_group_above_the_process() {
        let folders = cgroup_folders("0::/kubepods/pod1\n", "cpu");
        let names: Vec<_> = folders.iter().map(|f| f.to_string_lossy().into_owned()).collect();
        assert_eq!(
            names,
            ["/sys/fs/cgroup/kubepods/pod1", "/sys/fs/cgroup/kubepods", "/sys/fs/cgroup/"]
        );
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(1.5));
        assert_eq!(parse_cpu_max("max 100000\n"), None);
    }
}
