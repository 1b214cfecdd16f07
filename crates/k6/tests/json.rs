//! `JSON.parse` has two parsers: one pass for text that is right, and upstream's for the rest and for calls with a
//! reviver. They must agree about every text, and about messages.

mod support;

use support::case;

const SCRIPT: &str = include_str!("json_parsers_agree.js");

#[test]
fn both_parsers_of_json_agree_about_right_and_wrong_texts() {
    let lines = case(SCRIPT).run(1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let right = lines[0].strip_prefix("right ").and_then(|n| n.parse::<u32>().ok());
    // Fewer would mean that the texts are all broken, more that none is.
    assert!(right.is_some_and(|n| (2000..9000).contains(&n)), "{lines:?}");
}
