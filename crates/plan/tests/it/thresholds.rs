//! Threshold expressions and selectors, all cases observed on k6 2.2.

use plan::threshold::{Aggregation, Operator, Selector, Threshold};

#[test]
fn expressions_are_read_as_by_k6() {
    let cases = [
        ("count>1", Aggregation::Count, Operator::Greater, 1.0),
        (" count > 1 ", Aggregation::Count, Operator::Greater, 1.0),
        ("rate<=0.05", Aggregation::Rate, Operator::LessOrEqual, 0.05),
        ("p(95)<500", Aggregation::Percentile(95.0), Operator::Less, 500.0),
        ("p(99.99)>=1e3", Aggregation::Percentile(99.99), Operator::GreaterOrEqual, 1000.0),
        ("p<1", Aggregation::BarePercentile, Operator::Less, 1.0),
        ("value==+1", Aggregation::Value, Operator::Equal, 1.0),
        ("value===.5", Aggregation::Value, Operator::Equal, 0.5),
        ("med!=1_000", Aggregation::Med, Operator::NotEqual, 1000.0),
        ("max<Inf", Aggregation::Max, Operator::Less, f64::INFINITY),
        ("min>-0x1p4", Aggregation::Min, Operator::Greater, -16.0),
        ("avg<1.5e-3", Aggregation::Avg, Operator::Less, 0.0015),
    ];
    for (source, aggregation, operator, limit) in cases {
        let threshold = Threshold::parse(source).unwrap();
        assert_eq!(
            (threshold.aggregation, threshold.operator),
            (aggregation, operator),
            "{source}"
        );
        assert_eq!((threshold.limit, threshold.source.as_str()), (limit, source));
    }
    assert!(Threshold::parse("value<NaN").unwrap().limit.is_nan());
}

#[test]
fn malformed_expressions_are_explained_as_by_k6() {
    let malformed = |source| {
        format!(
            "failed parsing threshold expression {source:?}; reason: malformed threshold expression"
        )
    };
    for source in ["p(95)<", "count=1", "", "avg!1", "foo"] {
        assert_eq!(Threshold::parse(source).unwrap_err().to_string(), malformed(source));
    }
    let number = |text: &str, why: &str| format!("strconv.ParseFloat: parsing {text:?}: {why}");
    let method = "failed parsing method from expression".to_owned();
    let bounds = "malformed percentile value, provide a number between 0 and 100".to_owned();
    let percentile =
        |text, why| format!("malformed percentile value; reason: {}", number(text, why));
    let left = [
        ("foo<1", method.clone()),
        ("5>count", method.clone()),
        ("count=>1", method.clone()),
        (">1", method.clone()),
        ("p(95<1", method.clone()),
        ("P(95)<1", method.clone()),
        ("p95<1", method.clone()),
        ("avg=<1", method),
        ("p(x)<1", percentile("x", "invalid syntax")),
        ("p( 95 )<1", percentile(" 95 ", "invalid syntax")),
        ("p()<1", percentile("", "invalid syntax")),
        ("p(9(5))<1", percentile("9(5)", "invalid syntax")),
        ("p(1e999)<1", percentile("1e999", "value out of range")),
        ("p(-1)<1", bounds.clone()),
        ("p(101)<1", bounds.clone()),
        ("p(NaN)<1", bounds),
    ];
    for (source, reason) in left {
        let expected = format!(
            "failed parsing threshold expression's {source:?} left hand side; reason: {reason}"
        );
        assert_eq!(Threshold::parse(source).unwrap_err().to_string(), expected);
    }
    let right = [
        ("p(95)<abc", number("abc", "invalid syntax")),
        ("count<10 && rate>1", number("10 && rate>1", "invalid syntax")),
        ("count> ", number("", "invalid syntax")),
        ("count>0x1", number("0x1", "invalid syntax")),
        ("count>1e999", number("1e999", "value out of range")),
        ("avg<1 ms", number("1 ms", "invalid syntax")),
    ];
    for (source, reason) in right {
        let expected = format!(
            "failed parsing threshold expresion's {source:?} right hand side; reason: {reason}"
        );
        assert_eq!(Threshold::parse(source).unwrap_err().to_string(), expected);
    }
}

#[test]
fn aggregations_must_fit_the_type_of_the_metric() {
    let cases = [
        ("count<10", "http_req_duration", "trend", "count", "avg, min, max, med, p"),
        ("count<1", "vus", "gauge", "count", "value"),
        ("count<1", "checks{a:b}", "rate", "count", "rate"),
        ("avg<1", "http_reqs", "counter", "avg", "count, rate"),
    ];
    for (source, metric, kind, method, supported) in cases {
        let error = Threshold::parse(source).unwrap().check_supported(metric, kind).unwrap_err();
        let expected = format!(
            "invalid threshold {source:?} applied on metric {metric}; reason: unsupported aggregation method {method} \
             on metric of type {kind}. supported aggregation methods for this metric are: {supported}"
        );
        assert_eq!(error.to_string(), expected);
    }
    for (source, kind) in
        [("count<1", "counter"), ("rate<1", "counter"), ("rate<1", "rate"), ("p(1)<1", "trend")]
    {
        assert_eq!(Threshold::parse(source).unwrap().check_supported("m", kind), Ok(()));
    }
}

#[test]
fn comparisons_are_those_of_floating_point() {
    let holds = |source: &str, value| Threshold::parse(source).unwrap().holds(value);
    assert!(
        holds("value<=1", 1.0)
            && !holds("value<1", 1.0)
            && holds("value>=1", 1.0)
            && !holds("value>1", 1.0)
    );
    assert!(holds("value==1", 1.0) && holds("value===1", 1.0) && !holds("value!=1", 1.0));
    assert!(
        !holds("value<1", f64::NAN) && !holds("value>1", f64::NAN) && holds("value!=1", f64::NAN)
    );
}

#[test]
fn selectors_are_read_as_by_k6() {
    let cases: [(&str, &str, &[(&str, &str)]); 9] = [
        ("http_reqs", "http_reqs", &[]),
        ("http_reqs{a:b}", "http_reqs", &[("a", "b")]),
        ("http_reqs{ a : b , c:d:e }", "http_reqs", &[("a", "b"), ("c", "d:e")]),
        (r#"http_reqs{"a":'b'}"#, "http_reqs", &[("a", "b")]),
        (r#"http_reqs{a:""}"#, "http_reqs", &[("a", "")]),
        ("http_reqs{:x}", "http_reqs", &[("", "x")]),
        ("http_reqs{a:`b`}", "http_reqs", &[("a", "`b`")]),
        ("http_reqs{a:b}}", "http_reqs", &[("a", "b}")]),
        ("http_reqs {a:b}", "http_reqs ", &[("a", "b")]),
    ];
    for (text, metric, tags) in cases {
        let selector = Selector::parse(text).unwrap();
        let pairs: Vec<(&str, &str)> =
            selector.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!((selector.metric.as_str(), pairs.as_slice()), (metric, tags), "{text}");
    }
    assert_eq!(
        Selector::parse("m{ a:b}").unwrap().suffix.as_deref(),
        Some(" a:b"),
        "shown verbatim"
    );
}

#[test]
fn malformed_selectors_are_explained_as_by_k6() {
    let cases = [
        ("http_reqs{a:}", r#"metric "a:" tag expression is malformed"#),
        ("http_reqs{a:b,}", r#"metric "" tag expression is malformed"#),
        ("http_reqs{}", r#"metric "" tag expression is malformed"#),
        ("http_reqs}{", r#"metric "http_reqs}{" closing curly brace appears before opening one"#),
        (
            "http_reqs}a:b{",
            r#"metric "http_reqs}a:b{" closing curly brace appears before opening one"#,
        ),
        (
            "http_reqs{a:b}x",
            r#"metric "http_reqs{a:b}x" lacks a closing curly brace in its last position"#,
        ),
        ("http_reqs{a:b", r#"metric "http_reqs{a:b" has unmatched opening/close curly brace"#),
        ("http_reqsa:b}", r#"metric "http_reqsa:b}" has unmatched opening/close curly brace"#),
    ];
    for (text, reason) in cases {
        let error = Selector::parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("parsing metric name failed, {reason}"));
    }
}

#[test]
fn selectors_of_vus_are_warned_about() {
    let warning = Selector::parse("cc{vu:1}").unwrap().warning().unwrap();
    let expected = "The high-cardinality 'vu' metric tag was made non-indexable in k6 v0.41.0, so thresholds like \
                    'cc{vu:1}' that are based on it won't work correctly.";
    assert_eq!(warning, expected);
    assert_eq!(Selector::parse("cc{url:1}").unwrap().warning(), None);
}
