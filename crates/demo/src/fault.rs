//! Faults that a request asks for in its query: `?delay=12.5ms`, `?status=503`,
//! `?close=mid-body|mid-head|before|reset|garbage|never`, `?headers=10000`, `?size=1073741824`,
//! `?rate=65536` (bytes a second).

use crate::log::Fault;
use crate::percent;
use crate::route::{Kind, Route};
use crate::span;

/// The most padding headers that may be asked for.
const MAX_PADDING: u32 = 100_000;
/// The largest body that may be asked for: 1 TiB.
const MAX_SIZE: u64 = 1 << 40;

/// How a connection ends instead of with a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    Before,
    MidHead,
    MidBody,
    Reset,
    Garbage,
    Never,
}

impl Close {
    fn parse(text: &str) -> Option<Close> {
        Some(match text {
            "before" => Close::Before,
            "mid-head" => Close::MidHead,
            "mid-body" => Close::MidBody,
            "reset" => Close::Reset,
            "garbage" => Close::Garbage,
            "never" => Close::Never,
            _ => return None,
        })
    }

    pub(crate) fn fault(self) -> Fault {
        match self {
            Close::Before => Fault::CloseBefore,
            Close::MidHead => Fault::CloseMidHead,
            Close::MidBody => Fault::CloseMidBody,
            Close::Reset => Fault::Reset,
            Close::Garbage => Fault::Garbage,
            Close::Never => Fault::Never,
        }
    }
}

/// What one request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) delay_ns: Option<u64>,
    pub(crate) status: Option<u16>,
    pub(crate) close: Option<Close>,
    pub(crate) padding_headers: u32,
    pub(crate) size: Option<u64>,
    pub(crate) rate_per_s: Option<u64>,
}

impl Faults {
    /// Reads the query. Where an endpoint has parameters of the same name, or of any name, these are
    /// its own.
    ///
    /// # Errors
    /// What is wrong with a value, for the answer 400.
    pub(crate) fn parse(route: Route, query: &str) -> Result<Faults, String> {
        let mut faults = Faults::default();
        let takes_any_name =
            matches!(route, Route::ResponseHeaders | Route::CookiesSet | Route::CookiesDelete);
        if query.is_empty() || takes_any_name || route.kind() == Kind::Admin {
            return Ok(faults);
        }
        for (key, value) in percent::pairs(query) {
            if route == Route::WsEcho && matches!(key.as_ref(), "close" | "size") {
                continue; // These are about messages.
            }
            let bad = || format!("invalid `{key}`: `{value}`");
            match key.as_ref() {
                "delay" => faults.delay_ns = Some(span::parse_ns(&value).ok_or_else(bad)?),
                "status" if route != Route::RedirectTo => {
                    let status = value.parse().ok().filter(|s| (200..=999).contains(s));
                    faults.status = Some(status.ok_or_else(bad)?);
                }
                "close" => faults.close = Some(Close::parse(&value).ok_or_else(bad)?),
                "headers" => {
                    let n = value.parse().ok().filter(|n| *n <= MAX_PADDING);
                    faults.padding_headers = n.ok_or_else(bad)?;
                }
                "size" => {
                    let n = value.parse().ok().filter(|n| *n <= MAX_SIZE);
                    faults.size = Some(n.ok_or_else(bad)?);
                }
                "rate" => {
                    let n = value.parse().ok().filter(|n| (1..=MAX_SIZE).contains(n));
                    faults.rate_per_s = Some(n.ok_or_else(bad)?);
                }
                _ => {}
            }
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_give_faults_and_bad_values_are_named() {
        let parse = |query| Faults::parse(Route::Results, query);
        assert_eq!(parse("a=b&x"), Ok(Faults::default()));
        assert_eq!(
            parse("delay=12.5ms&status=503&close=mid-body&headers=3&size=9&rate=7"),
            Ok(Faults {
                delay_ns: Some(12_500_000),
                status: Some(503),
                close: Some(Close::MidBody),
                padding_headers: 3,
                size: Some(9),
                rate_per_s: Some(7),
            })
        );
        for bad in [
            "delay=x",
            "delay=-1",
            "status=99",
            "status=1000",
            "close=x",
            "headers=-1",
            "headers=1000000",
            "size=x",
            "rate=0",
        ] {
            let key = bad.split_once('=').unwrap().0;
            assert!(parse(bad).unwrap_err().contains(key), "{bad}");
        }
    }

    #[test]
    fn endpoints_keep_their_own_parameters() {
        assert_eq!(Faults::parse(Route::RedirectTo, "status=307"), Ok(Faults::default()));
        assert_eq!(Faults::parse(Route::CookiesSet, "delay=x"), Ok(Faults::default()));
        assert_eq!(Faults::parse(Route::Log, "size=1"), Ok(Faults::default()));
    }
}
