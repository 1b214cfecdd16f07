//! The environment, flags, the configuration file, and the order in which they count. All cases observed on k6 2.2.

use plan::duration::Span;
use plan::options::{
    Derivation, LayerName, LocalIps, Options, StageConfig, TagLayering, parse_tag_flag,
};
use plan::scenario::Executor;

fn from_env(name: &str, value: &str) -> Result<Options, plan::options::OptionsError> {
    Options::from_env(&|asked| (asked == name).then(|| value.to_owned()))
}

fn script(json: &str) -> Options {
    Options::from_script_json(json).unwrap().0
}

#[test]
fn environment_variables_set_what_k6_sets() {
    let cases = [
        (
            "K6_STAGES",
            "1s:1,0s:0",
            "stages",
            r#"[{"duration":"1s","target":1},{"duration":"0s","target":0}]"#,
        ),
        ("K6_VUS", "5", "vus", "5"),
        ("K6_VUS", "", "vus", "null"),
        ("K6_DURATION", "1000", "duration", "\"1s\""),
        ("K6_ITERATIONS", "7", "iterations", "7"),
        ("K6_PAUSED", "true", "paused", "true"),
        ("K6_NO_SETUP", "false", "noSetup", "false"),
        ("K6_NO_TEARDOWN", "true", "noTeardown", "true"),
        ("K6_SETUP_TIMEOUT", "5s", "setupTimeout", "\"5s\""),
        ("K6_TEARDOWN_TIMEOUT", "3s", "teardownTimeout", "\"3s\""),
        ("K6_HANDLE_SUMMARY_TIMEOUT", "3s", "handleSummaryTimeout", "\"3s\""),
        ("K6_RPS", "-1", "rps", "-1"),
        ("K6_MAX_REDIRECTS", "3", "maxRedirects", "3"),
        ("K6_BATCH", "7", "batch", "7"),
        ("K6_BATCH_PER_HOST", "8", "batchPerHost", "8"),
        ("K6_USER_AGENT", "ua", "userAgent", "\"ua\""),
        ("K6_HTTP_DEBUG", "full", "httpDebug", "\"full\""),
        ("K6_INSECURE_SKIP_TLS_VERIFY", "true", "insecureSkipTLSVerify", "true"),
        ("K6_THROW", "true", "throw", "true"),
        ("K6_NO_CONNECTION_REUSE", "true", "noConnectionReuse", "true"),
        ("K6_NO_VU_CONNECTION_REUSE", "true", "noVUConnectionReuse", "true"),
        ("K6_NO_COOKIES_RESET", "true", "noCookiesReset", "true"),
        ("K6_DISCARD_RESPONSE_BODIES", "true", "discardResponseBodies", "true"),
        ("K6_MIN_ITERATION_DURATION", "5", "minIterationDuration", "\"5ms\""),
        ("K6_METRIC_SAMPLES_BUFFER_SIZE", "5", "metricSamplesBufferSize", "5"),
        (
            "K6_BLACKLIST_IPS",
            "1.2.3.0/24,2.0.0.0/8",
            "blacklistIPs",
            r#"["1.2.3.0/24","2.0.0.0/8"]"#,
        ),
        ("K6_BLOCK_HOSTNAMES", "a,*.b", "blockHostnames", r#"["a","*.b"]"#),
        ("K6_SUMMARY_TREND_STATS", "avg,min", "summaryTrendStats", r#"["avg","min"]"#),
        ("K6_SUMMARY_TIME_UNIT", "zz", "summaryTimeUnit", "\"zz\""),
        ("K6_SYSTEM_TAGS", "vu,url,nope", "systemTags", r#"["url","vu"]"#),
        ("K6_TAGS", "c:d,a:b", "tags", r#"{"a":"b","c":"d"}"#),
        ("K6_DNS", "ttl=1m,select=first", "dns", r#"{"ttl":"1m","select":"first","policy":null}"#),
        ("K6_TLS_CIPHER_SUITES", "5", "tlsCipherSuites", r#"["TLS_RSA_WITH_RC4_128_SHA"]"#),
        ("K6_THRESHOLDS", "a:b", "thresholds", r#"{"a":[]}"#),
        ("K6_HOSTS", "a:1.1.1.1", "hosts", "null"),
        ("K6_TLS_VERSION", "tls1.2", "tlsVersion", "null"),
        ("K6_EXECUTION_SEGMENT", "1/2", "executionSegment", "null"),
        ("K6_SCENARIOS", "a", "scenarios", "null"),
        ("K6_EXT", "a:b", "ext", "null"),
    ];
    for (name, value, key, expected) in cases {
        let json = from_env(name, value).unwrap().to_json();
        assert_eq!(json[key].to_string(), expected, "{name}={value}");
    }
    let outer = from_env("K6_OUT", "json=a,csv").unwrap().outer;
    assert_eq!(outer.out, Some(vec!["json=a".to_owned(), "csv".to_owned()]));
    assert_eq!(from_env("K6_LINGER", "true").unwrap().outer.linger, Some(true));
    assert_eq!(from_env("K6_CONSOLE_OUTPUT", "x").unwrap().console_output.as_deref(), Some("x"));
}

#[test]
fn bad_environment_variables_are_explained_as_by_k6() {
    let cases = [
        ("VUS=x", "VUs", "null.Int", r#"strconv.ParseInt: parsing "x": invalid syntax"#),
        ("VUS=2.5", "VUs", "null.Int", r#"strconv.ParseInt: parsing "2.5": invalid syntax"#),
        ("DURATION=x", "Duration", "types.NullDuration", r#"time: invalid duration "x""#),
        ("STAGES=x", "Stages", "[]lib.Stage", r#"time: invalid duration "x""#),
        (
            "STAGES=1s:x",
            "Stages",
            "[]lib.Stage",
            r#"strconv.ParseInt: parsing "x": invalid syntax"#,
        ),
        ("NO_SETUP=1", "NoSetup", "null.Bool", "invalid input:1"),
        ("NO_SETUP=TRUE", "NoSetup", "null.Bool", "invalid input:TRUE"),
        ("PAUSED=yes", "Paused", "null.Bool", "invalid input:yes"),
        (
            "MAX_REDIRECTS=q",
            "MaxRedirects",
            "null.Int",
            r#"strconv.ParseInt: parsing "q": invalid syntax"#,
        ),
        (
            "BLACKLIST_IPS=1.2.3.4",
            "BlacklistIPs",
            "[]*lib.IPNet",
            "failed to parse CIDR '1.2.3.4': invalid CIDR address: 1.2.3.4",
        ),
        (
            "BLOCK_HOSTNAMES=a b",
            "BlockedHostnames",
            "types.NullHostnameTrie",
            "invalid hostname pattern 'a b'",
        ),
        ("TAGS=a", "RunTags", "map[string]string", r#"invalid map item: "a""#),
        ("TAGS=a:b:c", "RunTags", "map[string]string", r#"invalid map item: "a:b:c""#),
        ("DNS=foo", "DNS", "types.DNSConfig", "no value for key foo"),
        ("DNS=select=x", "DNS", "types.DNSConfig", "x does not belong to DNSSelect values"),
        ("DNS=foo=1", "DNS", "types.DNSConfig", "unknown DNS configuration field: foo"),
        ("LOCAL_IPS=x", "LocalIPs", "types.NullIPPool", "x is not a valid IP, IP range or CIDR"),
        (
            "TLS_CIPHER_SUITES=x",
            "TLSCipherSuites",
            "*lib.TLSCipherSuites",
            r#"strconv.ParseUint: parsing "x": invalid syntax"#,
        ),
        ("LINGER=x", "Linger", "null.Bool", "invalid input:x"),
        ("NO_USAGE_REPORT=x", "NoUsageReport", "null.Bool", "invalid input:x"),
        ("WEB_DASHBOARD=x", "WebDashboard", "null.Bool", "invalid input:x"),
    ];
    for (variable, field, go_type, details) in cases {
        let (name, value) = variable.split_once('=').unwrap();
        let error = from_env(&format!("K6_{name}"), value).unwrap_err();
        let expected = format!(
            "envconfig.Process: assigning K6_{name} to {field}: converting '{value}' to type {go_type}. \
             details: {details}"
        );
        assert_eq!((error.message, error.exit_code), (expected, 104));
    }
}

#[test]
fn each_option_is_taken_from_the_highest_layer_that_sets_it() {
    let config =
        Options::from_config_json(r#"{"rps": 1, "batch": 1, "tags": {"a": "1"}, "nope": 1}"#)
            .unwrap();
    let script =
        script(r#"{"rps": 2, "userAgent": "s", "tags": {"b": "2"}, "dns": {"ttl": "1m"}}"#);
    let env = from_env("K6_DNS", "select=first").unwrap();
    let cli = Options { rps: Some(4), tags: Some(Vec::new()), ..Options::default() };
    let layers = [
        (LayerName::Config, config),
        (LayerName::Script, script),
        (LayerName::Env, env),
        (LayerName::Cli, cli),
    ];
    let (options, warnings) = Options::layered(&layers);
    let json = options.to_json();
    assert_eq!(warnings, []);
    assert_eq!(
        (&json["rps"], &json["batch"], &json["userAgent"]),
        (&4.into(), &1.into(), &"s".into())
    );
    assert_eq!(json["dns"].to_string(), r#"{"ttl":"1m","select":"first","policy":null}"#);
    assert_eq!(json["tags"].to_string(), r#"{"b":"2"}"#, "replaced whole, and not by an empty map");
    let (options, _) = Options::layered_with(&layers, TagLayering::Merge);
    assert_eq!(options.to_json()["tags"].to_string(), r#"{"a":"1","b":"2"}"#);
}

#[test]
fn execution_options_replace_those_of_lower_layers_as_a_group() {
    let scenarios = r#"{"scenarios": {"a": {"executor": "constant-vus", "duration": "1s"}}}"#;
    // Lower layer, higher layer (a script or flags), scenarios described, warnings.
    let cases: [(&str, &str, &str, &[&str]); 7] = [
        (r#"{"vus": 3}"#, r#"{"iterations": 4}"#, "default: 4 iterations shared among 3 VUs", &[]),
        (
            r#"{"vus": 3, "iterations": 9}"#,
            r#"{"duration": "4s"}"#,
            "default: 3 looping VUs for 4s",
            &[],
        ),
        (
            r#"{"duration": "9s"}"#,
            r#"{"iterations": 4}"#,
            "default: 4 iterations shared among 1 VUs",
            &[],
        ),
        (
            scenarios,
            r#"{"vus": 5, "duration": "3s"}"#,
            "default: 5 looping VUs for 3s",
            &[r#""cli" level configuration overrode scenarios configuration entirely"#],
        ),
        (
            scenarios,
            r#"{"vus": 2}"#,
            "default: 2 iterations shared among 2 VUs",
            &["`vus=2` overrides scenarios configuration"],
        ),
        (r#"{"duration": "9s"}"#, scenarios, "a: 1 looping VUs for 1s", &[]),
        (
            r#"{"stages": [{"duration": "1s", "target": 9}]}"#,
            r#"{"vus": 4, "stages": [{"duration": "2s", "target": 1}]}"#,
            "default: Up to 4 looping VUs for 2s over 1 stages",
            &[],
        ),
    ];
    for (below, above, expected, expected_warnings) in cases {
        let layers = [(LayerName::Script, script(below)), (LayerName::Cli, script(above))];
        let (options, mut warnings) = Options::layered(&layers);
        let derivation = Derivation { default_vus: 1, is_exported: &|_| true };
        let (scenarios, more) = options.derive_scenarios(derivation).unwrap();
        warnings.extend(more);
        let text = format!(
            "{}: {}",
            scenarios[0].name,
            scenarios[0].describe(&options.striping().unwrap())
        );
        assert!(text.starts_with(expected) && scenarios.len() == 1, "{below} {above}: {text}");
        let texts: Vec<&str> = warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert_eq!(texts, expected_warnings, "{below} {above}");
    }
}

#[test]
fn iterations_of_a_lower_layer_fail_with_more_vus_above() {
    let cli = Options { vus: Some(5), ..Options::default() };
    let layers = [(LayerName::Script, script(r#"{"iterations": 3}"#)), (LayerName::Cli, cli)];
    let (options, _) = Options::layered(&layers);
    let derivation = Derivation { default_vus: 1, is_exported: &|_| true };
    let error = options.derive_scenarios(derivation).unwrap_err();
    assert!(
        error
            .message
            .ends_with("the number of iterations (3) can't be less than the number of VUs (5)"),
        "{error}"
    );
}

#[test]
fn without_any_option_one_vu_runs_once() {
    let derivation = Derivation { default_vus: 1, is_exported: &|_| true };
    let (scenarios, warnings) = Options::default().derive_scenarios(derivation).unwrap();
    assert_eq!(warnings, []);
    let Executor::PerVuIterations(executor) = &scenarios[0].executor else {
        panic!("{scenarios:?}")
    };
    assert_eq!((executor.vus, executor.iterations), (1, 1));
}

#[test]
fn configuration_files_have_options_and_settings_of_the_command() {
    let text = r#"{"vus": "3", "Out": ["json=x"], "linger": true, "noUsageReport": true, "webDashboard": false,
        "features": ["freeze-env"], "collectors": {"influxdb": {}}, "whatever": [1]}"#;
    let options = Options::from_config_json(text).unwrap();
    assert_eq!(options.vus, Some(3));
    assert_eq!(options.outer.out, Some(vec!["json=x".to_owned()]));
    assert_eq!((options.outer.linger, options.outer.web_dashboard), (Some(true), Some(false)));
    assert_eq!(options.outer.features, Some(vec!["freeze-env".to_owned()]));
    let error = Options::from_config_json("{").unwrap_err();
    assert_eq!(error.exit_code, 104);
}

#[test]
fn flags_have_their_own_complaints() {
    let stages = |flags: &[&str]| StageConfig::from_flags(flags).map_err(|error| error.message);
    assert_eq!(stages(&["x"]).unwrap_err(), "error for stage 0: time: invalid duration \"x\"");
    assert_eq!(stages(&[":5"]).unwrap_err(), "stage 0 doesn't have a specified duration");
    let second = StageConfig { duration: Some(Span::from_secs(2)), target: Some(2) };
    assert_eq!(stages(&["1s:1,2s:2", "1m:"]).unwrap()[1], second);
    let tag = |text: &str| parse_tag_flag(text).map_err(|error| (error.message, error.exit_code));
    assert_eq!(tag("x"), Err(("error parsing tag 'x': invalid tag, empty value".to_owned(), 255)));
    assert_eq!(tag("=x"), Err(("error parsing tag '=x': invalid tag, empty name".to_owned(), 255)));
    assert_eq!(tag(""), Ok(None));
    assert_eq!(tag("a=b=c"), Ok(Some(("a".to_owned(), "b=c".to_owned()))));
}

#[test]
fn vus_take_local_addresses_in_turn() {
    let cases = [
        ("10.0.0.1", &["10.0.0.1", "10.0.0.1"][..]),
        (
            "10.0.0.255-10.0.1.1,192.168.0.7",
            &["10.0.0.255", "10.0.1.0", "10.0.1.1", "192.168.0.7", "10.0.0.255"],
        ),
        ("10.0.0.0/30", &["10.0.0.1", "10.0.0.2", "10.0.0.1"]),
        ("10.0.0.0/31", &["10.0.0.0", "10.0.0.1", "10.0.0.0"]),
        ("fd::/126", &["fd::", "fd::1", "fd::2", "fd::3", "fd::"]),
    ];
    for (text, expected) in cases {
        let ips: LocalIps = text.parse().unwrap();
        for (vu, address) in (1..).zip(expected) {
            assert_eq!(ips.address(vu).unwrap().to_string(), *address, "VU {vu} of {text}");
        }
    }
    for (text, message) in [
        ("x", "x is not a valid IP, IP range or CIDR"),
        ("1.1.1.1-1.1.1.0", "negative IP range: 1.1.1.1-1.1.1.0"),
    ] {
        assert_eq!(text.parse::<LocalIps>().unwrap_err().message, message);
    }
}

#[test]
fn time_scale_keeps_rates_and_numbers() {
    let mut options = script(
        r#"{"setupTimeout": "10s", "scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 10, "timeUnit": "2s",
        "duration": "1m", "preAllocatedVUs": 3, "startTime": "10s", "gracefulStop": "5s"}}}"#,
    );
    options.time_scale(0.01);
    let json = options.to_json();
    let scenario = &json["scenarios"]["a"];
    assert_eq!((&json["setupTimeout"], &scenario["duration"]), (&"100ms".into(), &"600ms".into()));
    assert_eq!(
        (&scenario["startTime"], &scenario["gracefulStop"]),
        (&"100ms".into(), &"50ms".into())
    );
    assert_eq!((&scenario["rate"], &scenario["timeUnit"]), (&10.into(), &"2s".into()));
}
