//! Redirects: chains of known length, and to anywhere.

use crate::answer::{Answer, TEXT};
use crate::percent;
use crate::reader::Request;
use crate::route::Route;

/// The longest chain.
const MAX_HOPS: u32 = 1000;

/// Makes the answer a redirect with an empty body.
pub(crate) fn to(answer: &mut Answer, status: u16, location: &str) {
    answer.status = status;
    answer.text(TEXT, b"");
    answer.header("Location", location);
}

/// Answers `/redirect/:n`, `/relative-redirect/:n`, `/absolute-redirect/:n` (n hops, the last to
/// `/get`) and `/redirect-to?url=…&status=302` (`status_code`, as httpbin calls it, works too).
pub(crate) fn answer(request: &Request<'_>, route: Route, answer: &mut Answer) {
    let (path, query) = request.path_and_query();
    if route == Route::RedirectTo {
        let Some(url) = percent::value(query, "url") else {
            return answer.error(400, "`url` is missing");
        };
        let status =
            percent::value(query, "status").or_else(|| percent::value(query, "status_code"));
        let status = status.map_or(Some(302), |text| text.parse().ok());
        return match status.filter(|status| (300..=399).contains(status)) {
            Some(status) => to(answer, status, &url),
            None => answer.error(400, "`status` is not from 300 to 399"),
        };
    }
    let n = route.variables(path).parse().ok().filter(|n| (1..=MAX_HOPS).contains(n));
    let Some(n) = n else {
        return answer.error(400, &format!("the number of hops is not from 1 to {MAX_HOPS}"));
    };
    let prefix = path.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    let next = if n == 1 { "/get".to_owned() } else { format!("{prefix}/{}", n - 1) };
    if route == Route::AbsoluteRedirect {
        let host = request.header("host").unwrap_or("");
        to(answer, 302, &format!("http://{host}{next}"));
    } else {
        to(answer, 302, &next);
    }
}
