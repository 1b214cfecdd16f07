//! Durations: what k6 and Go take, refuse and print.

use plan::duration::{Span, format_go, parse_go, parse_k6};

#[test]
fn script_durations_are_read_as_by_k6() {
    let cases = [
        ("1500.5", Ok("1.5005s")),
        ("1e3", Ok("1s")),
        ("5", Ok("5ms")),
        ("1_000", Ok("1s")),
        ("-5", Ok("-5ms")),
        ("1d", Ok("24h0m0s")),
        ("1d2h", Ok("26h0m0s")),
        ("-1d2h", Ok("-26h0m0s")),
        ("1h2m3.5s", Ok("1h2m3.5s")),
        ("+1h", Ok("1h0m0s")),
        (".5s", Ok("500ms")),
        ("1.s", Ok("1s")),
        ("90s", Ok("1m30s")),
        ("1µs", Ok("1µs")),
        ("1us", Ok("1µs")),
        ("1.5ns", Ok("1ns")),
        ("0", Ok("0s")),
        ("0s", Ok("0s")),
        ("Infinity", Ok("-2562047h47m16.854775808s")),
        ("NaN", Ok("-2562047h47m16.854775808s")),
        ("1.5d", Err(r#"strconv.ParseInt: parsing "1.5": invalid syntax"#)),
        ("1h2d", Err(r#"strconv.ParseInt: parsing "1h2": invalid syntax"#)),
        ("d", Err(r#"strconv.ParseInt: parsing "": invalid syntax"#)),
        ("1d-2h", Err("invalid time format '-2h'")),
        ("1d 2h", Err(r#"time: invalid duration " 2h""#)),
        ("1d2", Err(r#"time: missing unit in duration "2""#)),
        ("dd", Err(r#"time: invalid duration "d""#)),
        ("1d1d", Err(r#"time: unknown unit "d" in duration "1d""#)),
        ("1x", Err(r#"time: unknown unit "x" in duration "1x""#)),
        ("0x10", Err(r#"time: unknown unit "x" in duration "0x10""#)),
        ("", Err(r#"time: invalid duration """#)),
        (".s", Err(r#"time: invalid duration ".s""#)),
        ("1000000000h", Err(r#"time: invalid duration "1000000000h""#)),
    ];
    for (text, expected) in cases {
        let parsed = parse_k6(text).map(|span| span.to_string()).map_err(|error| error.to_string());
        assert_eq!(parsed, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
}

#[test]
fn flags_want_a_unit() {
    let cases = [
        ("1000", Err(r#"time: missing unit in duration "1000""#)),
        ("1d", Err(r#"time: unknown unit "d" in duration "1d""#)),
        ("x", Err(r#"time: invalid duration "x""#)),
        ("1h1.5s", Ok("1h0m1.5s")),
        ("-1m", Ok("-1m0s")),
    ];
    for (text, expected) in cases {
        let parsed = parse_go(text).map(|span| span.to_string()).map_err(|error| error.to_string());
        assert_eq!(parsed, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
}

#[test]
fn durations_are_printed_as_by_go() {
    let cases = [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (500_000_000, "500ms"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m0s"),
        (90_000_000_000, "1m30s"),
        (93_600_000_000_000, "26h0m0s"),
        (300_000_000_001, "5m0.000000001s"),
        (-1_500_000, "-1.5ms"),
        (i64::MAX, "2562047h47m16.854775807s"),
        (i64::MIN, "-2562047h47m16.854775808s"),
    ];
    for (nanos, expected) in cases {
        assert_eq!(format_go(Span(nanos)), expected);
    }
}
