//! Mistakes on the command line: k6's texts, k6's codes.

use crate::program::Folder;

const EMPTY: &str = "export default function () {}\n";

#[track_caller]
fn check(words: &[&str], code: i32, text: &str) {
    let folder = Folder::new();
    folder.write("e.js", EMPTY);
    let ended = folder.squall(words).run().expect_code(code);
    let expected = format!("level=error msg={text}");
    assert!(ended.stderr.contains(&expected), "no {expected} in\n{}", ended.stderr);
}

#[test]
fn flags_that_do_not_exist_or_lack_a_value_are_refused_in_the_words_of_k6() {
    check(&["run", "--foo", "e.js"], 255, r#""unknown flag: --foo""#);
    check(&["run", "-x", "e.js"], 255, r#""unknown shorthand flag: 'x' in -x""#);
    check(&["run", "e.js", "--vus"], 255, r#""flag needs an argument: --vus""#);
    check(&["run", "e.js", "-u"], 255, r#""flag needs an argument: 'u' in -u""#);
    check(
        &["run", "-d", "1000", "e.js"],
        255,
        r#""invalid argument \"1000\" for \"-d, --duration\" flag: time: missing unit in duration \"1000\"""#,
    );
    check(
        &["run", "--quiet=foo", "e.js"],
        255,
        r#""invalid argument \"foo\" for \"-q, --quiet\" flag: strconv.ParseBool: parsing \"foo\": invalid syntax""#,
    );
}

#[test]
fn a_script_must_be_named_once() {
    let tail =
        r#" arg should either be \"-\", if reading script from stdin, or a path to a script file""#;
    check(&["run"], 255, &format!(r#""accepts 1 arg(s), received 0:{tail}"#));
    check(&["run", "a", "b"], 255, &format!(r#""accepts 1 arg(s), received 2:{tail}"#));
}

#[test]
fn values_that_make_no_sense_are_refused_in_the_words_of_k6() {
    for (words, text) in [
        (&["--summary-mode", "nope"][..], r#""invalid summary mode""#),
        (&["-e", "1A=1"], r#""invalid environment variable name '1A'""#),
        (&["--tag", "x"], r#""error parsing tag 'x': invalid tag, empty value""#),
        (&["--stage", "5"], r#""error for stage 0: time: missing unit in duration \"5\"""#),
        (&["--summary-trend-stats", "foo"], r#""invalid trend stat 'foo', unknown format""#),
        (
            &["--summary-time-unit", "m"],
            r#""invalid summary time unit 'm', use 's', 'ms' or 'us'""#,
        ),
        (&["--dns", "select=foo"], r#""foo does not belong to DNSSelect values""#),
        (&["--dns", "ttl=xx"], r#""invalid DNS TTL: xx""#),
        (&["--local-ips", "foo"], r#""foo is not a valid IP, IP range or CIDR""#),
        (&["--traces-output", "foo"], r#""invalid traces output \"foo\"""#),
        (&["--log-output", "nope"], r#""unsupported log output 'nope'""#),
        (
            &["--execution-segment", "a"],
            r#""'a' is not a valid percentage, decimal, fraction or interval value""#,
        ),
        (
            &["-o", "nope"],
            r#""invalid output type 'nope', available types are: cloud, csv, experimental-opentelemetry, experimental-prometheus-rw, influxdb, json, opentelemetry, statsd, web-dashboard""#,
        ),
    ] {
        let mut line = vec!["run", "e.js"];
        line.extend(words);
        check(&line, 255, text);
    }
}

#[test]
fn what_this_version_lacks_is_named_instead_of_ignored() {
    for (words, name) in [
        (&["-o", "cloud"][..], "cloud"),
        (&["--traces-output", "otel"], "traces-output"),
        (&["--log-output", "loki"], "loki"),
    ] {
        let folder = Folder::new();
        folder.write("e.js", EMPTY);
        let mut line = vec!["run", "e.js"];
        line.extend(words);
        let ended = folder.squall(&line).run().expect_code(255);
        assert!(ended.stderr.contains(name), "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn an_unknown_command_is_refused_and_help_lists_the_known_ones() {
    check(&["foo"], 255, r#""unknown command \"foo\" for \"squall\"""#);
    let folder = Folder::new();
    let help = folder.squall(&[]).run().expect_code(0);
    for command in [
        "run",
        "burst",
        "inspect",
        "archive",
        "new",
        "deps",
        "features",
        "report",
        "demo",
        "demo-target",
        "doctor",
        "version",
    ] {
        assert!(help.stdout.contains(&format!("  {command} ")), "{command}: {}", help.stdout);
        let own = folder.squall(&[command, "--help"]).run().expect_code(0);
        assert!(own.stdout.contains("Usage:"), "{command}: {}", own.stdout);
    }
    folder.squall(&["--version"]).run().expect_code(0).expect_stdout(env!("CARGO_PKG_VERSION"));
    folder.k6(&["version"]).run().expect_code(0).expect_stdout("k6 v2.2.0 (squall v");
    folder.k6(&["version", "--json"]).run().expect_code(0).expect_stdout("\"version\":\"v2.2.0\"");
}

#[test]
fn a_missing_script_is_told_with_the_text_of_k6() {
    check(
        &["run", "nope.js"],
        255,
        r#""The moduleSpecifier \"nope.js\" couldn't be found on local disk. Make sure that you've specified the right path to the file."#,
    );
}
