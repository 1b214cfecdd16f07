//! Execution segments: which share of a test this instance runs, and which indices of it exactly.
//!
//! A [`Sequence`] cuts the whole test `0..1` into segments. [`Striping`] deals the natural numbers (VUs, arrivals,
//! iterations) out to the segments in a repeating pattern, so that every prefix is shared as evenly as the segments'
//! widths allow. The pattern is k6's, so that instances of both could share a test.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest repeating pattern that is worked out; k6 has no limit and would take minutes and gigabytes.
const MAX_PERIOD: u64 = 1 << 24;
/// Most points a sequence may have.
const MAX_POINTS: usize = 100_000;

/// Why a text is no segment or sequence, or the two do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Not a number.
    #[error("'{0}' is not a valid percentage, decimal, fraction or interval value")]
    NotANumber(String),
    /// The segment starts below 0.
    #[error("segment start value must be at least 0 but was {0}")]
    StartBelowZero(String),
    /// The segment has no width.
    #[error("segment start({start}) must be less than its end({end})")]
    Empty {
        /// Where it starts, two decimals.
        start: String,
        /// Where it ends, two decimals.
        end: String,
    },
    /// The segment ends beyond 1.
    #[error("segment end value can't be more than 1 but was {0}")]
    EndAboveOne(String),
    /// A sequence of fewer than two points.
    #[error("at least 2 points are needed for an execution segment sequence, {0} given")]
    TooFewPoints(usize),
    /// A limit of ours.
    #[error(
        "at most {MAX_POINTS} points are supported in an execution segment sequence, {0} given"
    )]
    TooManyPoints(usize),
    /// The segment is none of the sequence's.
    #[error("provided segment {segment} can't be found in sequence {sequence}")]
    NotInSequence {
        /// The segment.
        segment: String,
        /// The sequence.
        sequence: String,
    },
    /// A limit of ours.
    #[error(
        "the execution segment sequence {0} needs a pattern longer than {MAX_PERIOD}; use simpler fractions"
    )]
    PeriodTooLong(String),
}

/// An exact fraction in lowest terms, `den > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Fraction {
    num: i64,
    den: i64,
}

impl Fraction {
    const ZERO: Fraction = Fraction { num: 0, den: 1 };
    const ONE: Fraction = Fraction { num: 1, den: 1 };

    fn new(num: i128, den: i128) -> Option<Fraction> {
        if den == 0 {
            return None;
        }
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()).max(1);
        let divisor = i128::try_from(divisor).ok()? * den.signum();
        Some(Fraction {
            num: i64::try_from(num / divisor).ok()?,
            den: i64::try_from(den / divisor).ok()?,
        })
    }

    fn minus(self, other: Fraction) -> Option<Fraction> {
        let (a, b) = (i128::from(self.num), i128::from(self.den));
        let (c, d) = (i128::from(other.num), i128::from(other.den));
        Fraction::new(a * d - c * b, b * d)
    }

    fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> std::cmp::Ordering {
        let left = i128::from(self.num) * i128::from(other.den);
        let right = i128::from(other.num) * i128::from(self.den);
        left.cmp(&right)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.den {
            1 => write!(f, "{}", self.num),
            den => write!(f, "{}/{den}", self.num),
        }
    }
}

impl FromStr for Fraction {
    type Err = SegmentError;

    /// `0.25`, `1/4`, `25%` (an integer).
    fn from_str(text: &str) -> Result<Fraction, SegmentError> {
        let error = || SegmentError::NotANumber(text.to_owned());
        let parsed = if let Some(percent) = text.strip_suffix('%') {
            percent.parse::<i64>().ok().and_then(|p| Fraction::new(i128::from(p), 100))
        } else if let Some((num, den)) = text.split_once('/') {
            let num: i64 = num.parse().map_err(|_| error())?;
            let den: u32 = den.parse().map_err(|_| error())?;
            Fraction::new(i128::from(num), i128::from(den))
        } else {
            parse_decimal(text)
        };
        parsed.ok_or_else(error)
    }
}

/// `[+-]digits[.digits]` as an exact fraction; up to 18 decimals.
fn parse_decimal(text: &str) -> Option<Fraction> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1, body),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits_only = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if body.is_empty() || body == "." || !digits_only || whole.len() > 18 || fraction.len() > 18 {
        return None;
    }
    let number = |digits: &str| digits.bytes().fold(0i128, |n, b| n * 10 + i128::from(b - b'0'));
    let scale = 10i128.pow(u32::try_from(fraction.len()).ok()?);
    Fraction::new(sign * (number(whole) * scale + number(fraction)), scale)
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A share of the test: from one fraction to another of `0..1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segment {
    start: Fraction,
    end: Fraction,
}

impl Segment {
    /// The whole test, `0:1`.
    pub const WHOLE: Segment = Segment { start: Fraction::ZERO, end: Fraction::ONE };

    fn new(start: Fraction, end: Fraction) -> Result<Segment, SegmentError> {
        let two_decimals = |fraction: Fraction| format!("{:.2}", fraction.as_f64());
        if start < Fraction::ZERO {
            return Err(SegmentError::StartBelowZero(two_decimals(start)));
        }
        if start >= end {
            return Err(SegmentError::Empty { start: two_decimals(start), end: two_decimals(end) });
        }
        if end > Fraction::ONE {
            return Err(SegmentError::EndAboveOne(two_decimals(end)));
        }
        Ok(Segment { start, end })
    }

    /// Its width as a fraction of the test, 0 to 1.
    pub fn width(&self) -> f64 {
        self.end.as_f64() - self.start.as_f64()
    }

    fn length(&self) -> Option<Fraction> {
        self.end.minus(self.start)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.start, self.end)
    }
}

impl FromStr for Segment {
    type Err = SegmentError;

    /// `a:b`, or `v` for `0:v`, or nothing for the whole test.
    fn from_str(text: &str) -> Result<Segment, SegmentError> {
        if text.is_empty() {
            return Ok(Segment::WHOLE);
        }
        match text.split_once(':') {
            Some((start, end)) => Segment::new(start.parse()?, end.parse()?),
            None => Segment::new(Fraction::ZERO, text.parse()?),
        }
    }
}

/// How the whole test is cut into segments: adjoining, in order. As the user wrote it; it need not reach 0 or 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence(Vec<Segment>);

impl Sequence {
    /// The segments, from left to right.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// `n` segments of equal width.
    ///
    /// # Errors
    /// No segments, or more than a limit of ours.
    pub fn even(n: u32) -> Result<Sequence, SegmentError> {
        let n_points = n as usize + 1;
        check_n_points(n_points)?;
        let point = |i: u32| {
            Fraction::new(i128::from(i), i128::from(n)).ok_or(SegmentError::TooFewPoints(n_points))
        };
        (0..n)
            .map(|i| Segment::new(point(i)?, point(i + 1)?))
            .collect::<Result<_, _>>()
            .map(Sequence)
    }

    /// The sequence with the gaps to 0 and 1 filled.
    fn filled(&self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(self.0.len() + 2);
        if let Some(first) = self.0.first()
            && first.start != Fraction::ZERO
        {
            segments.push(Segment { start: Fraction::ZERO, end: first.start });
        }
        segments.extend_from_slice(&self.0);
        if let Some(last) = self.0.last()
            && last.end != Fraction::ONE
        {
            segments.push(Segment { start: last.end, end: Fraction::ONE });
        }
        segments
    }
}

fn check_n_points(n_points: usize) -> Result<(), SegmentError> {
    match n_points {
        0..2 => Err(SegmentError::TooFewPoints(n_points)),
        2..=MAX_POINTS => Ok(()),
        _ => Err(SegmentError::TooManyPoints(n_points)),
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.0.first() {
            write!(f, "{}", first.start)?;
        }
        self.0.iter().try_for_each(|segment| write!(f, ",{}", segment.end))
    }
}

impl FromStr for Sequence {
    type Err = SegmentError;

    /// Points separated by commas: `0,1/4,1/2,1`. An empty text is an empty sequence, which no segment is in.
    fn from_str(text: &str) -> Result<Sequence, SegmentError> {
        if text.is_empty() {
            return Ok(Sequence(Vec::new()));
        }
        let n_points = text.split(',').count();
        check_n_points(n_points)?;
        let points: Vec<Fraction> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        points
            .windows(2)
            .map(|pair| Segment::new(pair[0], pair[1]))
            .collect::<Result<_, _>>()
            .map(Sequence)
    }
}

/// How the natural numbers are dealt out to the segments of a sequence, seen from one of them.
///
/// Cheap to clone. `Striping::whole()` owns everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Striping {
    pattern: Arc<Pattern>,
    own_idx: usize,
}

/// A cycle of owners. Widths are in units of 1/period.
#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    widths: Vec<u64>,
    period: u64,
    /// Positions in `0..period` that the own segment owns, ascending; empty when it owns everything.
    owned: Vec<u32>,
}

impl Striping {
    /// The only instance of a test.
    pub fn whole() -> Striping {
        Striping::from_widths(vec![1], 1, 0)
    }

    /// The share of `segment` in `sequence`. Without a segment it is the whole test; without a sequence one is made
    /// by filling around the segment.
    ///
    /// # Errors
    /// The segment is none of the sequence's, or the pattern is beyond our limit.
    pub fn new(
        segment: Option<&Segment>,
        sequence: Option<&Sequence>,
    ) -> Result<Striping, SegmentError> {
        let own = segment.copied().unwrap_or(Segment::WHOLE);
        let fallback = Sequence(vec![own]);
        let sequence = sequence.unwrap_or(&fallback);
        // What fills the gaps of a sequence is nobody's.
        let Some(idx) = sequence.0.iter().position(|candidate| *candidate == own) else {
            return Err(SegmentError::NotInSequence {
                segment: own.to_string(),
                sequence: sequence.to_string(),
            });
        };
        let starts_at_zero = sequence.0.first().is_some_and(|first| first.start == Fraction::ZERO);
        let own_idx = idx + usize::from(!starts_at_zero);
        let segments = sequence.filled();
        let too_long = || SegmentError::PeriodTooLong(sequence.to_string());
        let lengths: Vec<Fraction> =
            segments.iter().map(Segment::length).collect::<Option<_>>().ok_or_else(too_long)?;
        let period = common_denominator(&lengths).ok_or_else(too_long)?;
        let widths = lengths
            .iter()
            .map(|l| l.num.unsigned_abs() * (period / l.den.unsigned_abs()))
            .collect();
        Ok(Striping::from_widths(widths, period, own_idx))
    }

    /// `widths` sum up to `period` and are not zero.
    fn from_widths(widths: Vec<u64>, period: u64, own_idx: usize) -> Striping {
        let mut owned = Vec::new();
        if widths.len() > 1 {
            deal(&widths, period, period, |position, owner| {
                if owner == own_idx {
                    owned.push(u32::try_from(position).unwrap_or(u32::MAX)); // MAX_PERIOD fits
                }
            });
        }
        Striping { pattern: Arc::new(Pattern { widths, period, owned }), own_idx }
    }

    /// Whether there is only one segment, so that every index is owned.
    pub fn is_whole(&self) -> bool {
        self.pattern.widths.len() == 1
    }

    /// Length of the repeating pattern of owners.
    pub fn period(&self) -> u64 {
        self.pattern.period
    }

    /// This segment's width as a part of the whole, 0 to 1.
    pub fn share(&self) -> f64 {
        self.pattern.widths[self.own_idx] as f64 / self.pattern.period as f64
    }

    /// This segment's part of `value`: the number of indices below `value` that it owns. The parts of all segments
    /// add up to `value`.
    pub fn scale(&self, value: u64) -> u64 {
        if self.is_whole() {
            return value;
        }
        let owned = &self.pattern.owned;
        let rest = value % self.pattern.period;
        let n_in_rest = owned.partition_point(|position| u64::from(*position) < rest);
        value / self.pattern.period * owned.len() as u64 + n_in_rest as u64
    }

    /// Whether this segment owns a global index.
    pub fn owns(&self, index: u64) -> bool {
        let position = index % self.pattern.period;
        self.is_whole()
            || self.pattern.owned.binary_search_by(|own| u64::from(*own).cmp(&position)).is_ok()
    }

    /// The global index of the `k`-th index this segment owns, both counted from 0. `None` beyond `u64`.
    pub fn owned(&self, k: u64) -> Option<u64> {
        if self.is_whole() {
            return Some(k);
        }
        let owned = &self.pattern.owned;
        let n_owned = owned.len() as u64;
        let position = owned.get(usize::try_from(k % n_owned).ok()?)?;
        (k / n_owned).checked_mul(self.pattern.period)?.checked_add(u64::from(*position))
    }

    /// The striping k6 uses for indices that are worked on by `value` scaled things: iterations shared by `vus`
    /// VUs, arrivals served by `maxVUs` VUs. Each segment gets as wide as its [`scale`](Self::scale) of `value`;
    /// segments whose scale is 0 vanish. `None` if this segment's own scale is 0. A `value` whose pattern would be
    /// beyond our limit keeps the present striping, which shares as evenly but not index by index as k6.
    pub fn for_total(&self, value: u64) -> Option<Striping> {
        if self.scale(value) == 0 {
            return None;
        }
        let pattern = &self.pattern;
        let rest = value % pattern.period;
        if self.is_whole() || rest == 0 {
            return Some(self.clone());
        }
        if value > MAX_PERIOD {
            return Some(self.clone());
        }
        let whole_cycles = value / pattern.period;
        let mut shares: Vec<u64> =
            pattern.widths.iter().map(|width| whole_cycles * width).collect();
        deal(&pattern.widths, pattern.period, rest, |_, owner| shares[owner] += 1);
        let own_idx = shares[..self.own_idx].iter().filter(|share| **share > 0).count();
        shares.retain(|share| *share > 0);
        let divisor = shares.iter().fold(value, |d, share| gcd_u64(d, *share));
        shares.iter_mut().for_each(|share| *share /= divisor);
        let period = value / divisor;
        Some(Striping::from_widths(shares, period, own_idx))
    }
}

fn gcd_u64(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn common_denominator(lengths: &[Fraction]) -> Option<u64> {
    let mut lcm = 1u64;
    for length in lengths {
        let den = length.den.unsigned_abs();
        lcm = (lcm / gcd_u64(lcm, den)).checked_mul(den)?;
        if lcm > MAX_PERIOD {
            return None;
        }
    }
    Some(lcm)
}

/// Deals the positions `0..n_positions` out: each goes to the widest segment that has not yet had more than its share
/// of the positions so far (`given * period <= position * width`; equal widths: the leftmost).
fn deal(widths: &[u64], period: u64, n_positions: u64, mut give: impl FnMut(u64, usize)) {
    let mut by_width: Vec<usize> = (0..widths.len()).collect();
    by_width.sort_by_key(|idx| Reverse(widths[*idx])); // stable
    let mut given = vec![0u64; widths.len()];
    // Ranks whose turn may have come, and (first position at which it comes, rank) of the others.
    let mut due: BinaryHeap<Reverse<usize>> = (0..widths.len()).map(Reverse).collect();
    let mut later: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    for position in 0..n_positions {
        while let Some(Reverse((at, rank))) = later.peek().copied()
            && at <= position
        {
            later.pop();
            due.push(Reverse(rank));
        }
        // Widths sum up to the period, so at any position someone has had less than its share.
        let Some(Reverse(rank)) = due.pop() else { return };
        let owner = by_width[rank];
        give(position, owner);
        given[owner] += 1;
        let next =
            (u128::from(given[owner]) * u128::from(period)).div_ceil(u128::from(widths[owner]));
        later.push(Reverse((u64::try_from(next).unwrap_or(u64::MAX), rank)));
    }
}
