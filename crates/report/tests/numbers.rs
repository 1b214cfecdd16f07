//! Number formats against what the real k6 printed (`data/k6-numbers.json`) and its reference.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use report::number::{self, TimeUnit};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("data/k6-numbers.json")).unwrap()
}

#[test]
fn values_and_times_print_as_k6_prints_them() {
    let fixture = fixture();
    let rows = fixture["values"].as_array().unwrap();
    assert!(rows.len() > 50, "the fixture lost its rows");
    for row in rows {
        let x = row[0].as_f64().unwrap();
        let got = [
            number::plain(x),
            number::time(x, None),
            number::time(x, Some(TimeUnit::Seconds)),
            number::time(x, Some(TimeUnit::Milliseconds)),
            number::time(x, Some(TimeUnit::Microseconds)),
        ];
        for (column, got) in got.iter().enumerate() {
            let name = &fixture["columns"][column + 1];
            assert_eq!(got, row[column + 1].as_str().unwrap(), "{x} as {name}");
        }
    }
}

#[test]
fn rates_are_cut_off_as_k6_cuts_them_off() {
    for row in fixture()["rates"].as_array().unwrap() {
        let (trues, total) = (row[0].as_f64().unwrap(), row[1].as_f64().unwrap());
        assert_eq!(number::rate(trues / total), row[2].as_str().unwrap(), "{trues} of {total}");
    }
}

#[test]
fn bytes_print_in_powers_of_a_thousand() {
    for (bytes, text) in [
        (0.0, "0 B"),
        (1.5, "1.5 B"),
        (9.999_999, "9.999999 B"),
        (10.0, "10 B"),
        (369.0, "369 B"),
        (999.0, "999 B"),
        (999.96, "1000 B"),
        (1000.0, "1.0 kB"),
        (4100.3, "4.1 kB"),
        (9949.0, "9.9 kB"),
        (9951.0, "10 kB"),
        (999_999.0, "1000 kB"),
        (1e6, "1.0 MB"),
        (5_200_000.0, "5.2 MB"),
        (148_000_000.0, "148 MB"),
        (1e9, "1.0 GB"),
        (3.2e12, "3.2 TB"),
        (2e25, "20 YB"),
        (5e28, "50000 YB"),
        (-3.0, "-3 B"),
    ] {
        assert_eq!(number::data(bytes), text, "{bytes}");
    }
}

#[test]
fn numbers_turn_into_strings_as_in_javascript() {
    for (x, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (123.456, "123.456"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e22, "1.25e+22"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (1e-7, "1e-7"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(number::js_number(x), text, "{x:?}");
    }
}

#[test]
fn fixed_decimals_round_ties_away_from_zero() {
    for (x, decimals, text) in [
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (9.5, 0, "10"),
        (99.5, 0, "100"),
        (-2.5, 0, "-3"),
        (0.125, 2, "0.13"),
        (9.96875, 4, "9.9688"),
        (9.999_999_5, 6, "9.999999"),
        (9.75, 1, "9.8"),
        (1.005, 2, "1.00"),
        (8.345, 2, "8.35"),
        (1.45, 1, "1.4"),
        (0.0, 2, "0.00"),
        (-0.001, 2, "-0.00"),
        (1e21, 2, "1e+21"),
    ] {
        assert_eq!(number::to_fixed(x, decimals), text, "{x} to {decimals}");
    }
}

#[test]
fn no_value_makes_a_format_panic() {
    let extremes = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, -0.0, 5e-324];
    for x in extremes {
        let _ = number::rate(x);
        let _ = number::plain(x);
        let _ = number::data(x);
        let _ = number::time(x, None);
        let _ = number::time(x, Some(TimeUnit::Microseconds));
    }
}
