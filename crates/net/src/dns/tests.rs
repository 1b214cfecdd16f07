use super::*;
use std::sync::atomic::AtomicUsize;

fn resolver(options: &ResolverOptions, ips: &[&str]) -> (Resolver, Arc<AtomicUsize>) {
    let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup = move |host: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        if host == "unknown.test" {
            return Err(io::Error::other(
                "failed to lookup address information: Name or service not known",
            ));
        }
        if host == "broken.test" {
            return Err(io::Error::other(
                "failed to lookup address information: Temporary failure in name resolution",
            ));
        }
        Ok(ips.clone())
    };
    (Resolver::with_lookup(options, Arc::new(lookup)).unwrap(), asked)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    rt::Core::simulated(rt::Nanos(1)).block_on(future)
}

fn resolve(resolver: &Resolver, host: &str) -> Result<String, (u16, String, String)> {
    run(resolver.resolve(host, 80))
        .map(|address| address.to_string())
        .map_err(|e| (e.code, e.message.to_string(), e.detail().to_owned()))
}

#[test]
fn addresses_need_no_lookup() {
    let (r, asked) = resolver(&ResolverOptions::new(), &[]);
    assert_eq!(resolve(&r, "127.0.0.1").unwrap(), "127.0.0.1:80");
    assert_eq!(resolve(&r, "::1").unwrap(), "[::1]:80");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn failures_have_k6s_codes_and_texts() {
    let (r, _) = resolver(&ResolverOptions::new(), &[]);
    for (host, code, message) in [
        ("unknown.test", 1101, "lookup: no such host"),
        ("empty.test", 1101, "lookup: no such host"),
        ("1.2.3.4.5", 1101, "lookup: no such host"),
        ("broken.test", 1100, "lookup: temporary failure in name resolution"),
    ] {
        let (c, m, _) = resolve(&r, host).unwrap_err();
        assert_eq!((c, m.as_str()), (code, message), "{host}");
    }
}

#[test]
fn blocked_names_and_addresses_are_refused() {
    let mut options = ResolverOptions::new();
    options.block_hostnames = vec!["*.blocked.test".into(), "*".into(), "Exact.test".into()];
    options.blacklist_ips = vec!["127.9.0.0/16".into(), "fd00::/8".into()];
    let (r, _) = resolver(&options, &["10.0.0.1"]);
    let blocked = |host: &str, pattern: &str| {
        let (code, message, detail) = resolve(&r, host).unwrap_err();
        assert_eq!((code, message.as_str()), (1111, "hostname is blocked"));
        assert_eq!(detail, format!("hostname ({host}) is in a blocked pattern ({pattern})"));
    };
    blocked("a.BLOCKED.test", "*.blocked.test");
    blocked("exact.test", "exact.test");
    blocked("blocked.test", "*");
    let (code, message, detail) = resolve(&r, "127.9.0.1").unwrap_err();
    assert_eq!((code, message.as_str()), (1110, "ip is blacklisted"));
    assert_eq!(detail, "IP (127.9.0.1) is in a blacklisted range (127.9.0.0/16)");
    assert_eq!(resolve(&r, "fd12::1").unwrap_err().0, 1110);
    assert_eq!(resolve(&r, "127.8.0.1").unwrap(), "127.8.0.1:80");
}

#[test]
fn the_hosts_map_prefers_exact_names_and_ports() {
    let mut options = ResolverOptions::new();
    options.hosts = [
        ("api.test", "1.1.1.1"),
        ("api.test:80", "2.2.2.2:8080"),
        ("*.test", "3.3.3.3"),
        ("*.deep.test", "4.4.4.4"),
        ("v6.test", "[::1]:9"),
    ]
    .map(|(a, b)| (a.to_owned(), b.to_owned()))
    .to_vec();
    let (r, asked) = resolver(&options, &["9.9.9.9"]);
    for (host, port, address) in [
        ("API.test", 80, "2.2.2.2:8080"),
        ("api.test", 81, "1.1.1.1:81"),
        ("x.test", 80, "3.3.3.3:80"),
        ("y.deep.test", 80, "4.4.4.4:80"),
        ("v6.test", 80, "[::1]:9"),
        ("test", 80, "9.9.9.9:80"),
    ] {
        assert_eq!(run(r.resolve(host, port)).unwrap().to_string(), address, "{host}:{port}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn policy_and_selection_choose_the_address() {
    let ips = ["1.1.1.1", "::1", "2.2.2.2", "::2"];
    for (policy, select, expected) in [
        (Policy::PreferIpv4, Select::First, ["1.1.1.1:80", "1.1.1.1:80", "1.1.1.1:80"]),
        (Policy::PreferIpv6, Select::RoundRobin, ["[::1]:80", "[::2]:80", "[::1]:80"]),
        (Policy::OnlyIpv4, Select::RoundRobin, ["1.1.1.1:80", "2.2.2.2:80", "1.1.1.1:80"]),
        (Policy::Any, Select::RoundRobin, ["1.1.1.1:80", "[::1]:80", "2.2.2.2:80"]),
    ] {
        let (r, asked) =
            resolver(&ResolverOptions { policy, select, ..ResolverOptions::new() }, &ips);
        for address in expected {
            assert_eq!(resolve(&r, "a.test").unwrap(), address);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
    let only = ResolverOptions { policy: Policy::OnlyIpv6, ..ResolverOptions::new() };
    assert_eq!(resolve(&resolver(&only, &["1.1.1.1"]).0, "a.test").unwrap_err().0, 1101);
    let (r, _) = resolver(&ResolverOptions::new(), &["1.1.1.1", "2.2.2.2"]);
    let seen: std::collections::BTreeSet<_> =
        (0..64).map(|_| resolve(&r, "a.test").unwrap()).collect();
    assert_eq!(seen.len(), 2, "a random choice finds both addresses");
}

#[test]
fn answers_are_kept_for_their_time() {
    for (ttl_s, lookups) in [(0, 3), (60, 2), (300, 1)] {
        let ttl = Duration::from_secs(ttl_s);
        let (r, asked) = resolver(&ResolverOptions { ttl, ..ResolverOptions::new() }, &["1.1.1.1"]);
        run(async {
            for _ in 0..3 {
                r.resolve("a.test", 80).await.unwrap();
                rt::sleep(Duration::from_secs(40)).await;
            }
        });
        assert_eq!(asked.load(Ordering::Relaxed), lookups, "ttl {ttl_s}");
    }
}

#[test]
fn a_name_is_looked_up_once_for_all_who_wait() {
    let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
    let (r, asked) = resolver(&ResolverOptions::new(), &["1.1.1.1"]);
    let r = std::rc::Rc::new(r);
    core.block_on(async {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let r = r.clone();
                rt::spawn(async move { r.resolve("a.test", 80).await.unwrap() })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.to_string(), "1.1.1.1:80");
        }
    });
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn settings_that_cannot_be_are_named() {
    let with = |f: fn(&mut ResolverOptions)| {
        let mut options = ResolverOptions::new();
        f(&mut options);
        Resolver::new(&options).unwrap_err().to_string()
    };
    assert_eq!(
        with(|o| o.hosts = vec![("a b".into(), "1.1.1.1".into())]),
        "invalid host pattern 'a b'"
    );
    assert_eq!(
        with(|o| o.blacklist_ips = vec!["1.2.3.4".into()]),
        "failed to parse CIDR '1.2.3.4': invalid CIDR address: 1.2.3.4"
    );
    assert!(with(|o| o.hosts = vec![("a".into(), "nope".into())]).contains("'nope'"));
    for bad in ["1.2.3.4/33", "x/8", "1.2.3.4/", "1.2.3.4/+8", "::/129"] {
        assert!(Cidr::parse(bad).is_err(), "{bad}");
    }
    assert!(Cidr::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
}
