//! Striping: the tables of numbers observed on k6 2.2, and the texts of errors.

use plan::scenario::SharedIterations;
use plan::segment::{Segment, Sequence, Striping};

fn striping(segment: &str, sequence: &str) -> Striping {
    let sequence: Option<Sequence> =
        Some(sequence).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
    Striping::new(Some(&segment.parse().unwrap()), sequence.as_ref()).unwrap()
}

/// All segments of a sequence.
fn all(sequence: &str) -> Vec<Striping> {
    let sequence: Sequence = sequence.parse().unwrap();
    sequence
        .segments()
        .iter()
        .map(|own| Striping::new(Some(own), Some(&sequence)).unwrap())
        .collect()
}

#[test]
fn values_are_shared_out_as_by_k6() {
    let values = [1, 2, 3, 5, 7, 10, 23, 100];
    let cases: [(&str, [&[u64]; 8]); 3] = [
        (
            "0,1/3,2/3,1",
            [
                &[1, 0, 0],
                &[1, 1, 0],
                &[1, 1, 1],
                &[2, 2, 1],
                &[3, 2, 2],
                &[4, 3, 3],
                &[8, 8, 7],
                &[34, 33, 33],
            ],
        ),
        (
            "0,1/4,1/2,1",
            [
                &[0, 0, 1],
                &[1, 0, 1],
                &[1, 0, 2],
                &[1, 1, 3],
                &[2, 1, 4],
                &[3, 2, 5],
                &[6, 5, 12],
                &[25, 25, 50],
            ],
        ),
        (
            "0,3/5,14/15,1",
            [
                &[1, 0, 0],
                &[1, 1, 0],
                &[2, 1, 0],
                &[3, 2, 0],
                &[4, 3, 0],
                &[6, 3, 1],
                &[14, 8, 1],
                &[60, 33, 7],
            ],
        ),
    ];
    for (sequence, expected) in cases {
        for (value, expected) in values.into_iter().zip(expected) {
            let shares: Vec<u64> = all(sequence).iter().map(|own| own.scale(value)).collect();
            assert_eq!(shares, expected, "{value} over {sequence}");
        }
    }
}

#[test]
fn a_segment_without_a_sequence_is_filled_around() {
    let thirds = [(1, 0), (2, 1), (3, 1), (10, 3), (23, 8), (100, 33)];
    for segment in ["0:1/3", "1/3:2/3", "2/3:1"] {
        for (value, expected) in thirds {
            assert_eq!(striping(segment, "").scale(value), expected, "{value} over {segment}");
        }
    }
    for (value, expected) in [(1, 0), (2, 1), (3, 1), (10, 1), (23, 3), (100, 10)] {
        assert_eq!(striping("10%", "").scale(value), expected, "{value} over 10%");
    }
}

#[test]
fn indices_are_dealt_out_in_a_fixed_pattern() {
    let owned = |own: &Striping| (0..4).map(|k| own.owned(k).unwrap()).collect::<Vec<_>>();
    let quarters = all("0,1/4,1/2,1");
    assert_eq!(owned(&quarters[0]), [1, 5, 9, 13]);
    assert_eq!(owned(&quarters[1]), [3, 7, 11, 15]);
    assert_eq!(owned(&quarters[2]), [0, 2, 4, 6]);
    assert_eq!(owned(&Striping::whole()), [0, 1, 2, 3]);
    assert!(Striping::whole().is_whole() && Striping::whole().scale(17) == 17);
}

#[test]
fn shared_iterations_follow_the_shares_of_vus() {
    let own = striping("1/4:1/2", "0,1/4,1/2,1");
    let iterations = own.for_total(5).unwrap();
    let indices: Vec<u64> = (0..4).map(|k| iterations.owned(k).unwrap()).collect();
    assert_eq!(indices, [3, 8, 13, 18]);
    assert_eq!(own.owned(0), Some(3), "its VU 1 is VU 4 of the test");
    let executor = SharedIterations {
        vus: 5,
        iterations: 23,
        max_duration: std::time::Duration::from_secs(600),
    };
    assert_eq!(executor.share(&own), (1, 4));
    assert_eq!(own.for_total(3), None, "it has no VU of three");
    assert_eq!(own.for_total(8), Some(own.clone()), "whole cycles keep the pattern");
}

#[test]
fn segments_are_read_as_by_k6() {
    let cases = [
        ("", Ok("0:1")),
        ("0.5", Ok("0:1/2")),
        ("10%", Ok("0:1/10")),
        ("0.25:0.5", Ok("1/4:1/2")),
        ("1/3:2/3", Ok("1/3:2/3")),
        ("2/4:100%", Ok("1/2:1")),
        ("2", Err("segment end value can't be more than 1 but was 2.00")),
        ("a", Err("'a' is not a valid percentage, decimal, fraction or interval value")),
        (":1", Err("'' is not a valid percentage, decimal, fraction or interval value")),
        ("1/0", Err("'1/0' is not a valid percentage, decimal, fraction or interval value")),
        ("1/2:1/4", Err("segment start(0.50) must be less than its end(0.25)")),
        ("-1:1", Err("segment start value must be at least 0 but was -1.00")),
    ];
    for (text, expected) in cases {
        let parsed =
            text.parse::<Segment>().map(|own| own.to_string()).map_err(|error| error.to_string());
        assert_eq!(parsed, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
    let sequence: Sequence = "0.1,0.5".parse().unwrap();
    assert_eq!(sequence.to_string(), "1/10,1/2");
    let error = "0".parse::<Sequence>().unwrap_err().to_string();
    assert_eq!(error, "at least 2 points are needed for an execution segment sequence, 1 given");
    let error = Striping::new(None, Some(&"0,1/3,1".parse().unwrap())).unwrap_err().to_string();
    assert_eq!(error, "provided segment 0:1 can't be found in sequence 0,1/3,1");
}

#[test]
fn patterns_beyond_reason_are_refused_at_once() {
    let error =
        Striping::new(Some(&"0:0.123456789".parse().unwrap()), None).unwrap_err().to_string();
    assert!(error.contains("pattern longer than"), "{error}");
    let huge = striping("0:1/3", "").for_total(1 << 40).unwrap();
    assert_eq!(huge.period(), 3);
}

#[test]
fn even_sequences_have_equal_segments() {
    let sequence = Sequence::even(4).unwrap();
    assert_eq!(sequence.to_string(), "0,1/4,1/2,3/4,1");
    assert!(Sequence::even(0).is_err());
}
