use proptest::prelude::*;

use super::*;
use crate::error::NetError;
use crate::http::{Body, BodySink, Headers, Method, Request, Response};
use crate::url::Url;

/// What came of a stream of bytes, fed in pieces of these sizes (repeated), then ended.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: Result<(), NetError>,
    status: u16,
    head: Vec<u8>,
    body: Vec<u8>,
    body_received: u64,
    keeps_alive: bool,
    surplus: usize,
}

fn decode_with(
    method: &Method,
    sink: BodySink,
    limits: Limits,
    bytes: &[u8],
    pieces: &[usize],
) -> Outcome {
    let mut decoder = Decoder::new(method, sink, limits);
    let mut response = Response::default();
    let mut sizes = pieces.iter().copied().cycle();
    let mut at = 0;
    let mut result = Ok(());
    while at < bytes.len() && !decoder.is_done() {
        let n = sizes.next().unwrap_or(usize::MAX).clamp(1, bytes.len() - at);
        match decoder.feed(&bytes[at..at + n], &mut response) {
            Ok(taken) => {
                assert!(taken == n || decoder.is_done(), "everything is taken or it is over");
                at += taken;
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    if result.is_ok() && !decoder.is_done() {
        result = decoder.finish(&mut response);
    }
    Outcome {
        result,
        status: response.status,
        head: response.head().to_vec(),
        body: response.body().to_vec(),
        body_received: response.body_received,
        keeps_alive: decoder.keeps_alive(),
        surplus: bytes.len() - at,
    }
}

fn decode(bytes: &[u8], pieces: &[usize]) -> Outcome {
    decode_with(&Method::Get, BodySink::Keep, Limits::STANDARD, bytes, pieces)
}

const WHOLE: &[usize] = &[usize::MAX];

/// What k6 2.2 shows for these answers: status, error and body, measured.
#[test]
fn answers_are_read_as_k6_reads_them() {
    let ok = |body: &'static str| (200, "", body);
    for (bytes, (status, error, body)) in [
        ("garbage\r\n\r\n", (0, r#"malformed HTTP response "garbage""#, "")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", (200, "unexpected EOF", "abc")),
        ("", (0, "EOF", "")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            (
                0,
                r#"http: message cannot contain multiple Content-Length headers; got ["5" "6"]"#,
                "",
            ),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabcdef",
            (0, r#"unsupported transfer encoding: "gzip""#, ""),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            (200, "invalid byte in chunk length", ""),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            (200, "unexpected EOF", "abc"),
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", (101, "", "")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", ok("abcde")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabcde",
            (0, r#"bad Content-Length "abc""#, ""),
        ),
        (
            "HTTP/1.1 200 OK\r\nBad Header\r\nContent-Length: 5\r\n\r\nabcde",
            (0, r#"malformed MIME header: missing colon: "Bad Header""#, ""),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ok("abc"),
        ),
        ("HTTP/1.1 abc OK\r\n\r\n", (0, r#"malformed HTTP status code "abc""#, "")),
        ("HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\nok", ok("ok")),
        (
            "HTTP/1.1 200 OK\r\nContent-Le",
            (0, r#"malformed MIME header: missing colon: "Content-Le""#, ""),
        ),
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", ok("ok")),
        ("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", (0, r#"bad Content-Length "-2""#, "")),
        ("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok", ok("ok")),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde", (204, "", "")),
        ("HTTP/1.0 200 OK\r\n\r\nuntil close", ok("until close")),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            ok("ok"),
        ),
        (
            "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            (0, r#"malformed HTTP response """#, ""),
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", ok("ok")),
        (
            "HTTP/1.1 200 OK\r\nX\r\n : y\r\nContent-Length: 2\r\n\r\nok",
            (0, r#"malformed MIME header: missing colon: "X""#, ""),
        ),
        ("HTTP/1.1 20 OK\r\n\r\n", (0, r#"malformed HTTP status code "20""#, "")),
        ("HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok", (99, "", "ok")),
    ] {
        let outcome = decode(bytes.as_bytes(), WHOLE);
        let message = outcome.result.err().map(|e| e.message.into_owned()).unwrap_or_default();
        assert_eq!((outcome.status, message.as_str()), (status, error), "{bytes:?}");
        assert_eq!(outcome.body, body.as_bytes(), "{bytes:?}");
    }
}

#[test]
fn connections_are_kept_only_when_that_is_safe() {
    for (bytes, keeps) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\n\r\nx", false),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", true),
        ("HTTP/1.1 101 Switching\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            false,
        ),
    ] {
        let outcome = decode(bytes.as_bytes(), WHOLE);
        assert_eq!((&outcome.result, outcome.keeps_alive), (&Ok(()), keeps), "{bytes:?}");
    }
}

#[test]
fn bytes_after_the_response_are_not_taken() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n";
    let outcome = decode(bytes, WHOLE);
    assert_eq!((outcome.body.as_slice(), outcome.surplus), (&b"ok"[..], 19));
    let outcome = decode_with(
        &Method::Head,
        BodySink::Keep,
        Limits::STANDARD,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        WHOLE,
    );
    assert_eq!((outcome.body.len(), outcome.surplus), (0, 2));
}

#[test]
fn heads_seen_before_mean_what_they_meant() {
    // More heads than are remembered, in an order that finds, misses and replaces.
    let with_length = |status: u16, length: usize| {
        let body = "x".repeat(length);
        (
            status,
            body.clone(),
            format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n\r\n{body}"),
        )
    };
    let answers: Vec<_> = (0..7).map(|i| with_length(400 + i, usize::from(i) * 3)).collect();
    for k in [0, 0, 1, 0, 2, 3, 4, 5, 6, 0, 6, 6, 1, 5, 2, 2] {
        let (status, body, bytes) = &answers[k];
        let outcome = decode(bytes.as_bytes(), WHOLE);
        assert_eq!(outcome.result, Ok(()));
        assert_eq!((outcome.status, outcome.surplus), (*status, 0), "answer {k}");
        assert_eq!(outcome.body, body.as_bytes(), "answer {k}");
    }
    // One taken under the usual limit is refused under a narrower one.
    let bytes = b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(decode(bytes, WHOLE).result, Ok(()));
    let narrow = Limits { max_headers: 2, ..Limits::STANDARD };
    assert!(decode_with(&Method::Get, BodySink::Keep, narrow, bytes, WHOLE).result.is_err());
}

#[test]
fn chunks_may_have_extensions_and_trailers() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
        003 ;a=b\r\nabc\r\n1;x\nd\n00\r\nTrailer: x\r\nOther: y\r\n\r\n";
    let outcome = decode(bytes, WHOLE);
    assert_eq!(
        (outcome.result, outcome.body.as_slice(), outcome.surplus),
        (Ok(()), &b"abcd"[..], 0)
    );
}

#[test]
fn every_count_and_length_has_a_limit() {
    let limits = Limits { max_headers: 100, max_head_bytes: 10_000, max_body_bytes: 1_000 };
    let head = |middle: &str| format!("HTTP/1.1 200 OK\r\n{middle}\r\n");
    let chunked = |rest: &str| head("Transfer-Encoding: chunked\r\n") + rest;
    let many = "A: b\r\n".repeat(101);
    let fine = "A: b\r\n".repeat(99) + "Content-Length: 0\r\n";
    let text = "response body exceeds the limit of 1000 bytes for bodies that are kept";
    for (bytes, error) in [
        (head(&fine), ""),
        (head(&many), "response has more than 100 headers"),
        (head(&format!("A: {}\r\n", "b".repeat(10_000))), "response headers exceeded 10000 bytes"),
        ("HTTP/1.1 200 OK\r\nA: ".to_owned() + &"b".repeat(20_000), "exceeded 10000 bytes"),
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(6), "too many 1xx informational responses"),
        (head("Content-Length: 1001\r\n"), text),
        (head("Content-Length: 99999999999999999999\r\n"), "bad Content-Length"),
        (head("") + &"x".repeat(1_001), text),
        (chunked(&("3e9\r\n".to_owned() + &"x".repeat(1_001))), text),
        (chunked("11111111111111111\r\n"), "http chunk length too large"),
        (chunked("ffffffffffffffff\r\n"), "http chunk length too large"),
        (chunked(&format!("1;{}\r\n", "x".repeat(5_000))), "header line too long"),
        (chunked(&format!("0\r\nA: {}\r\n\r\n", "x".repeat(70_000))), "suspiciously long trailer"),
        (chunked("1\r\nab\r\n"), "malformed chunked encoding"),
    ] {
        for pieces in [WHOLE, &[1], &[7, 64]] {
            let outcome =
                decode_with(&Method::Get, BodySink::Keep, limits, bytes.as_bytes(), pieces);
            let message = outcome.result.err().map(|e| e.message.into_owned()).unwrap_or_default();
            let start = &bytes[..bytes.len().min(80)];
            assert!(
                if error.is_empty() { message.is_empty() } else { message.contains(error) },
                "{start:?}: {message:?}"
            );
        }
    }
}

#[test]
fn a_discarded_body_has_no_limit_and_takes_no_memory() {
    let limits = Limits { max_body_bytes: 10, ..Limits::STANDARD };
    let mut decoder = Decoder::new(&Method::Get, BodySink::Discard, limits);
    let mut response = Response::default();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1u64 << 40);
    decoder.feed(head.as_bytes(), &mut response).unwrap();
    let piece = vec![0; 1 << 20];
    for _ in 0..1 << 12 {
        assert_eq!(decoder.feed(&piece, &mut response).unwrap(), piece.len());
    }
    assert_eq!(response.body_received, 1 << 32);
    assert!(response.buffer.capacity() < 1_000, "{}", response.buffer.capacity());
}

#[test]
fn garbage_without_an_end_is_reported_before_the_time_is_up() {
    let mut decoder = Decoder::new(&Method::Get, BodySink::Keep, Limits::STANDARD);
    let mut response = Response::default();
    decoder.feed(b"HTT", &mut response).unwrap();
    let error = (0..100).find_map(|_| decoder.feed(b"\0garbage", &mut response).err());
    assert_eq!(error.map(|e| e.code), Some(1000));
}

#[test]
fn heads_go_out_in_gos_order() {
    let mut request = Request::get("http://h:81?x=1").unwrap();
    request.headers.add("X-A", b"2").unwrap();
    request.headers.add("User-Agent", b"me").unwrap();
    let encode = |request: &Request, keep_alive| {
        let mut out = Vec::new();
        encode_head(request, keep_alive, Recipient::Origin, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        encode(&request, KeepAlive::Keep),
        "GET /?x=1 HTTP/1.1\r\nHost: h:81\r\nUser-Agent: me\r\nX-A: 2\r\n\r\n"
    );
    request.headers.clear();
    request.headers.add("Host", b"other").unwrap();
    request.method = Method::Post;
    assert_eq!(
        encode(&request, KeepAlive::Close),
        "POST /?x=1 HTTP/1.1\r\nHost: other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    request.body = Body::Bytes(vec![0; 12_345]);
    request.method = Method::Delete;
    assert_eq!(
        encode(&request, KeepAlive::Keep),
        "DELETE /?x=1 HTTP/1.1\r\nHost: other\r\nContent-Length: 12345\r\n\r\n"
    );
    let plain = Request {
        method: Method::Delete,
        url: Url::parse("http://h").unwrap(),
        headers: Headers::new(),
        body: Body::Empty,
        sink: BodySink::Keep,
    };
    assert_eq!(encode(&plain, KeepAlive::Keep), "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n");
}

/// A well-formed response, and what must come of it.
fn response() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let header = ("[A-Za-z][A-Za-z0-9-]{0,12}", "[ -~]{0,30}", any::<bool>());
    let headers = prop::collection::vec(header, 0..12);
    let body = prop::collection::vec(any::<u8>(), 0..300);
    (headers, body, 0..3u8, prop::collection::vec(1..50usize, 1..8), any::<bool>()).prop_map(
        |(headers, body, framing, chunks, interim)| {
            let mut out = Vec::new();
            if interim {
                out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
            }
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
            for (name, value, folded) in headers {
                let fold = if folded { "\r\n\tfolded" } else { "" };
                out.extend_from_slice(format!("X{name}: {value}{fold}\r\n").as_bytes());
            }
            match framing {
                0 => {
                    out.extend_from_slice(
                        format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                    );
                    out.extend_from_slice(&body);
                }
                1 => {
                    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    let mut rest = &body[..];
                    for size in chunks.iter().cycle() {
                        if rest.is_empty() {
                            break;
                        }
                        let (now, later) = rest.split_at(rest.len().min(*size));
                        out.extend_from_slice(format!("{:x}\r\n", now.len()).as_bytes());
                        out.extend_from_slice(now);
                        out.extend_from_slice(b"\r\n");
                        rest = later;
                    }
                    out.extend_from_slice(b"0\r\n\r\n");
                }
                _ => {
                    out.extend_from_slice(b"\r\n");
                    out.extend_from_slice(&body);
                }
            }
            (out, body)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_way_of_cutting_the_stream_gives_the_same_response(
        (bytes, body) in response(),
        pieces in prop::collection::vec(1..90usize, 1..6),
    ) {
        let whole = decode(&bytes, WHOLE);
        prop_assert_eq!(&whole.result, &Ok(()));
        prop_assert_eq!(&whole.body, &body);
        prop_assert_eq!(&decode(&bytes, &pieces), &whole);
        prop_assert_eq!(&decode(&bytes, &[1]), &whole);
    }

    #[test]
    fn every_way_of_cutting_garbage_is_refused_or_accepted_alike(
        (mut bytes, _) in response(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        pieces in prop::collection::vec(1..90usize, 1..6),
    ) {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = decode(&bytes, WHOLE);
        let cut = decode(&bytes, &pieces);
        prop_assert_eq!(whole.result.is_ok(), cut.result.is_ok(), "{:?} {:?}", whole, cut);
        if whole.result.is_ok() {
            prop_assert_eq!(whole, cut);
        }
    }

    #[test]
    fn any_bytes_are_a_response_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        pieces in prop::collection::vec(1..90usize, 1..6),
        prefix in 0..4usize,
    ) {
        let prefix = ["", "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"][prefix];
        let mut all = prefix.as_bytes().to_vec();
        all.extend_from_slice(&bytes);
        for sink in [BodySink::Keep, BodySink::Discard] {
            let outcome = decode_with(&Method::Get, sink, Limits::STANDARD, &all, &pieces);
            prop_assert!(outcome.body.len() as u64 <= outcome.body_received);
        }
    }
}
