//! OCSP responses (RFC 6960), as servers staple them to a handshake: what they say of one certificate. Whether they are
//! signed by whom they should be is not asked, as k6 does not.

use crate::der::{GENERALIZED_TIME, OCTET_STRING, OID, Reader, SEQUENCE, explicit, oid_text};

/// Of the answer itself, and of a reason: `ENUMERATED`.
const ENUMERATED: u8 = 0x0a;

/// What a response says of a certificate. Times are seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// Whether it is valid.
    pub status: Status,
    /// When the response was signed.
    pub produced_at: i64,
    /// When this was known to be so.
    pub this_update: i64,
    /// When something newer will be known.
    pub next_update: Option<i64>,
}

/// What is known of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing against it.
    Good,
    /// It is not to be trusted.
    Revoked {
        /// Since when.
        at: i64,
        /// Why (RFC 5280, 5.3.1); 0 where nothing is said.
        reason: u8,
    },
    /// The authority does not know it.
    Unknown,
}

/// Reads a response about a single certificate; `None` for anything else.
pub fn parse(bytes: &[u8]) -> Option<Response> {
    const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
    let mut outer = Reader::new(bytes);
    let mut response = outer.inside(SEQUENCE)?;
    let is_successful = response.content(ENUMERATED)? == [0];
    if !outer.is_empty() || !is_successful {
        return None;
    }
    let mut held = response.inside(explicit(0))?.inside(SEQUENCE)?;
    if oid_text(held.content(OID)?)? != BASIC {
        return None;
    }
    let mut basic = Reader::new(held.content(OCTET_STRING)?).inside(SEQUENCE)?;
    let mut data = basic.inside(SEQUENCE)?;
    if data.peek() == Some(explicit(0)) {
        // The version, which is 1.
        data.any()?;
    }
    // Who says so, by name or by key.
    data.element(explicit(1)).or_else(|| data.element(explicit(2)))?;
    let produced_at = time(&mut data)?;
    let mut answers = data.inside(SEQUENCE)?;
    let mut answer = answers.inside(SEQUENCE)?;
    if !answers.is_empty() {
        return None;
    }
    // Which certificate it is about.
    answer.content(SEQUENCE)?;
    let status = status(&mut answer)?;
    let this_update = time(&mut answer)?;
    let next_update = match answer.inside(explicit(0)) {
        Some(mut next) => Some(time(&mut next)?),
        None => None,
    };
    Some(Response { status, produced_at, this_update, next_update })
}

fn status(answer: &mut Reader<'_>) -> Option<Status> {
    /// Context-specific tags: of values without parts, of one with.
    const GOOD: u8 = 0x80;
    const REVOKED: u8 = 0xa1;
    const UNKNOWN: u8 = 0x82;
    let element = answer.any()?;
    match element.tag {
        GOOD => Some(Status::Good),
        UNKNOWN => Some(Status::Unknown),
        REVOKED => {
            let mut revoked = Reader::new(element.content);
            let at = time(&mut revoked)?;
            let reason = match revoked.inside(explicit(0)) {
                Some(mut inner) => match inner.content(ENUMERATED)? {
                    [reason] => *reason,
                    _ => return None,
                },
                None => 0,
            };
            Some(Status::Revoked { at, reason })
        }
        _ => None,
    }
}

/// `GeneralizedTime` in UTC, whole seconds (RFC 6960, 4.2.2.1).
fn time(reader: &mut Reader<'_>) -> Option<i64> {
    let text = std::str::from_utf8(reader.content(GENERALIZED_TIME)?).ok()?.strip_suffix('Z')?;
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let is_valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 59;
    is_valid.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar: years from March on, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{around, element};

    fn moment(text: &str) -> Vec<u8> {
        element(GENERALIZED_TIME, text.as_bytes())
    }

    fn response(status: Vec<u8>, next: Option<&str>, answers: usize) -> Vec<u8> {
        let mut answer = vec![
            around(SEQUENCE, &[element(OCTET_STRING, b"which")]),
            status,
            moment("20240229120000Z"),
        ];
        answer.extend(next.map(|next| around(explicit(0), &[moment(next)])));
        let answers: Vec<_> = (0..answers).map(|_| around(SEQUENCE, &answer)).collect();
        let data = around(
            SEQUENCE,
            &[
                around(explicit(2), &[element(OCTET_STRING, b"key")]),
                moment("20240301000001Z"),
                around(SEQUENCE, &answers),
            ],
        );
        let basic = around(SEQUENCE, &[data, around(SEQUENCE, &[]), element(0x03, &[0])]);
        let held = around(
            SEQUENCE,
            &[element(OID, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]), element(OCTET_STRING, &basic)],
        );
        around(SEQUENCE, &[element(ENUMERATED, &[0]), around(explicit(0), &[held])])
    }

    #[test]
    fn what_a_response_says_is_read() {
        let good = parse(&response(element(0x80, &[]), Some("20240307120000Z"), 1)).unwrap();
        assert_eq!(
            good,
            Response {
                status: Status::Good,
                produced_at: 1_709_251_201,
                this_update: 1_709_208_000,
                next_update: Some(1_709_812_800),
            }
        );
        let why = around(explicit(0), &[element(ENUMERATED, &[1])]);
        let revoked = around(0xa1, &[moment("19700101000000Z"), why]);
        let revoked = parse(&response(revoked, None, 1)).unwrap();
        assert_eq!(revoked.status, Status::Revoked { at: 0, reason: 1 });
        assert_eq!(revoked.next_update, None);
        let silent = around(0xa1, &[moment("20000101000000Z")]);
        let silent = parse(&response(silent, None, 1)).unwrap();
        assert_eq!(silent.status, Status::Revoked { at: 946_684_800, reason: 0 });
        let unknown = parse(&response(element(0x82, &[]), None, 1)).unwrap();
        assert_eq!(unknown.status, Status::Unknown);
    }

    #[test]
    fn what_is_no_response_about_one_certificate_is_none() {
        let good = || element(0x80, &[]);
        for n in [0, 2] {
            assert_eq!(parse(&response(good(), None, n)), None);
        }
        assert_eq!(parse(&response(element(0x83, &[]), None, 1)), None);
        assert_eq!(parse(&response(good(), Some("20241307120000Z"), 1)), None);
        assert_eq!(parse(&around(SEQUENCE, &[element(ENUMERATED, &[6])])), None);
        let whole = response(good(), None, 1);
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), None, "{end}");
        }
    }
}
