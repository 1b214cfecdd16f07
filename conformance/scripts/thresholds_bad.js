//! Threshold expressions that are refused.
//! case empty: -e T=
//! case malformed: -e T=p(95)<
//! case method: -e T=foo<1
//! case number: -e T=avg<abc
//! case assign: -e T=avg=1
//! case percentile: -e T=p(x)<1
//! case range: -e T=p(101)<1
//! case counter: -e T=count<10
//! case unknown: -e M=nope -e T=count<10
//! case brace: -e M=http_reqs{ -e T=count<10
//! case tag: -e M=http_reqs{a} -e T=count<10
//! case ignored: -e T=foo<1 --no-thresholds
export const options = { thresholds: { [__ENV.M || 'http_req_duration']: [__ENV.T] } };

export default function () {}
