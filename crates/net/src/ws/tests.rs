//! The codec on its own, and connections to a small server.

use super::*;

fn decode_all(decoder: &mut Decoder, mut input: &[u8]) -> Vec<Result<Incoming, WsError>> {
    let mut out = Vec::new();
    loop {
        match decoder.decode(input) {
            Ok((used, Some(incoming))) => {
                out.push(Ok(incoming));
                input = &input[used..];
            }
            Ok((_, None)) => return out,
            Err(error) => {
                out.push(Err(error));
                return out;
            }
        }
    }
}

/// In pieces of every size, as a connection does it.
fn decode_in_pieces(deflates: bool, max: u64, input: &[u8]) -> Vec<Result<Incoming, WsError>> {
    let whole = decode_all(&mut Decoder::new(deflates, max), input);
    for size in 1..input.len().min(40) {
        let mut decoder = Decoder::new(deflates, max);
        let (mut inbox, mut got) = (Vec::new(), Vec::new());
        'pieces: for piece in input.chunks(size) {
            inbox.extend_from_slice(piece);
            loop {
                match decoder.decode(&inbox) {
                    Ok((used, incoming)) => {
                        inbox.drain(..used);
                        match incoming {
                            Some(incoming) => got.push(Ok(incoming)),
                            None => break,
                        }
                    }
                    Err(error) => {
                        got.push(Err(error));
                        break 'pieces;
                    }
                }
            }
        }
        assert_eq!(got, whole, "in pieces of {size}");
    }
    whole
}

fn text(text: &str) -> Incoming {
    Incoming::Message(Kind::Text, text.as_bytes().to_vec())
}

#[test]
fn messages_come_out_whole_whatever_way_they_are_cut() {
    let mut input = b"\x81\x05Hello\x01\x03Hel\x89\x02ok\x80\x02lo\x82\x00\x8a\x00".to_vec();
    input.extend_from_slice(b"\x82\x7e\x01\x00");
    input.extend_from_slice(&[7; 256]);
    let want = [
        Ok(text("Hello")),
        Ok(Incoming::Ping(b"ok".to_vec())),
        Ok(text("Hello")),
        Ok(Incoming::Message(Kind::Binary, Vec::new())),
        Ok(Incoming::Pong(Vec::new())),
        Ok(Incoming::Message(Kind::Binary, vec![7; 256])),
    ];
    assert_eq!(decode_in_pieces(false, 1000, &input), want);
}

#[test]
fn what_breaks_the_protocol_is_told_in_the_words_of_k6s_library() {
    for (input, want) in [
        (&b"\xf3\x05hello"[..], "websocket: RSV1 set, RSV2 set, RSV3 set, bad opcode 3"),
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "websocket: bad MASK"),
        (b"\x89\x7e\x00\x80", "websocket: len > 125 for control"),
        (b"\x09\x00", "websocket: FIN not set on control"),
        (b"\x80\x05hello", "websocket: continuation after FIN"),
        (b"\x01\x01a\x81\x01b", "websocket: data before FIN"),
        (b"\x88\x02\x03\xed", "websocket: bad close code 1005"),
        (b"\x88\x03\x03\xe8\xff", "websocket: invalid utf8 payload in close frame"),
        (b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "websocket: read limit exceeded"),
        (b"\x02\x02ab\x80\x7e\x03\xe7", "websocket: read limit exceeded"),
        (b"\x88\x00", "websocket: close 1005 (no status)"),
        (b"\x88\x07\x03\xf3on fi", "websocket: close 1011 (internal server error): on fi"),
        (b"\x88\x02\x0f\xa0", "websocket: close 4000"),
    ] {
        let got = decode_in_pieces(false, 1000, input);
        let last = got.last().unwrap().as_ref().unwrap_err();
        assert_eq!(last.to_string(), want, "{input:?}");
    }
}

#[test]
fn masks_cover_every_byte_and_lengths_are_the_shortest() {
    for (len, head) in [(0, 6), (5, 6), (125, 6), (126, 8), (65_535, 8), (65_536, 14)] {
        let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let mut out = Vec::new();
        encode(&mut out, Kind::Binary, false, &payload, [1, 2, 3, 4]);
        assert_eq!(out.len(), head + len);
        let mask = &out[head - 4..head];
        assert_eq!(mask, [1, 2, 3, 4]);
        let plain: Vec<u8> =
            out[head..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(plain, payload, "{len}");
    }
}

/// Without the mask, as a server sends it.
fn served(kind: Kind, deflated: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out, kind, deflated, payload, [0; 4]);
    let at = match out[1] & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    out.drain(at..at + 4);
    out[1] &= 0x7f;
    out
}

#[test]
fn compressed_messages_are_told_from_others_and_damaged_ones_refused() {
    let mut deflate = super::deflate::Deflate::new();
    let long = "again and ".repeat(200);
    let mut input = Vec::new();
    for message in ["", "a", &long, &long] {
        input.extend(served(Kind::Text, true, &deflate.message(message.as_bytes())));
    }
    input.extend(served(Kind::Text, false, b"plain"));
    let want = ["", "a", &long, &long, "plain"].map(|message| Ok(text(message)));
    assert_eq!(decode_in_pieces(true, 10_000, &input), want);
    let bomb = served(Kind::Text, true, &deflate.message(long.as_bytes()));
    let got = decode_all(&mut Decoder::new(true, 100), &bomb);
    assert_eq!(got, [Err(WsError::TooBig)]);
    let damaged = served(Kind::Text, true, b"\xff\xff\xff\xff");
    let got = decode_all(&mut Decoder::new(true, 100), &damaged);
    assert_eq!(got, [Err(WsError::Deflate("flate: corrupt input"))]);
    let got = decode_all(&mut Decoder::new(false, 100), &damaged);
    assert_eq!(got, [Err(WsError::Protocol("RSV1 set".into()))]);
}

#[test]
fn a_close_frames_payload_is_code_and_text_cut_to_fit() {
    assert_eq!(close_payload(1000, "bye"), b"\x03\xe8bye");
    assert_eq!(close_payload(1005, "x"), b"");
    assert_eq!(close_payload(1000, &"x".repeat(200)).len(), MAX_CONTROL_BYTES);
}

/// Shakes hands with a server that answers `reply`, in which `{ACCEPT}` is what the key calls for.
fn shake(reply: &'static str, deflate: bool) -> (Opened, String) {
    use base64::Engine;
    use sha1::Digest;
    let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
    core.block_on(async {
        let listener = rt::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
        let heard = asked.clone();
        drop(rt::spawn(async move {
            let mut stream = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let n = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..n]);
            }
            let request = String::from_utf8(request).unwrap();
            let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
            let digest = sha1::Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
            let accept = base64::engine::general_purpose::STANDARD.encode(digest);
            *heard.borrow_mut() = request;
            stream.write_all(reply.replace("{ACCEPT}", &accept).as_bytes()).await.unwrap();
        }));
        let resolver = crate::dns::Resolver::new(&crate::dns::ResolverOptions::new()).unwrap();
        let tls = crate::tls::TlsConfig::new(&crate::tls::TlsOptions::new()).unwrap();
        let config = crate::http::ClientConfig::new(resolver.into(), tls.into());
        let mut headers = crate::http::Headers::new();
        headers.add("X-Mine", b"yes").unwrap();
        let handshake = Handshake {
            url: crate::url::Url::parse(&format!("http://{address}/chat?a=b")).unwrap(),
            headers,
            subprotocols: vec!["one".into(), "two".into()],
            deflate,
            seed: 1,
        };
        let opened = open(&handshake, &config, None, &std::rc::Rc::default()).await;
        (opened, asked.borrow().clone())
    })
}

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Accept: {ACCEPT}\r\n";

#[test]
fn the_handshake_is_sent_as_go_does_and_its_answer_is_checked() {
    let (opened, asked) = shake(concat_reply(AGREED, ""), true);
    let connection = opened.result.unwrap();
    assert_eq!(connection.unsent(), 0);
    assert_eq!(opened.response.unwrap().status, 101);
    let names: Vec<&str> =
        asked.lines().filter_map(|line| line.split_once(": ")).map(|(n, _)| n).collect();
    let want = "Host Connection Sec-WebSocket-Extensions Sec-WebSocket-Key Sec-WebSocket-Protocol \
        Sec-WebSocket-Version Upgrade X-Mine";
    assert_eq!(names.join(" "), want);
    assert!(asked.starts_with("GET /chat?a=b HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Sec-WebSocket-Protocol: one, two\r\n"), "{asked}");

    let none = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: nope\r\n\r\n";
    for reply in [none, wrong] {
        let (opened, _) = shake(reply, false);
        assert_eq!(opened.result.unwrap_err().to_string(), "websocket: bad handshake");
        assert!(opened.response.is_some());
    }
    let context = concat_reply(AGREED, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let (opened, _) = shake(context, true);
    let error = opened.result.unwrap_err().to_string();
    assert_eq!(error, "websocket: invalid compression negotiation");
    let (opened, _) = shake("garbage\r\n\r\n", false);
    assert_eq!(opened.result.unwrap_err().to_string(), "malformed HTTP response \"garbage\"");
    assert!(opened.response.is_none());
    let (opened, _) = shake("HTTP/1.1 1", false);
    assert_eq!(opened.result.unwrap_err().to_string(), "unexpected EOF");
}

fn concat_reply(head: &str, more: &str) -> &'static str {
    format!("{head}{more}\r\n").leak()
}

proptest::proptest! {
    /// Frames that are nearly right, cut anywhere: no panic, nothing longer than allowed, the same as uncut.
    #[test]
    fn whatever_a_server_sends_is_decoded_alike_however_it_is_cut(
        frames in proptest::collection::vec(
            (0u8..16, proptest::bool::weighted(0.8), 0u8..4, proptest::collection::vec(0u8.., 0..200)),
            0..8,
        ),
        deflates in proptest::bool::ANY,
        tail in proptest::collection::vec(0u8.., 0..20),
    ) {
        let mut input = Vec::new();
        for (opcode, fin, bits, payload) in &frames {
            // Mostly messages, mostly without reserved bits.
            let opcode = if *bits == 0 { *opcode } else { opcode % 3 };
            let rsv = if *bits == 3 { 0x40 } else { 0 };
            input.push(opcode | rsv | if *fin { 0x80 } else { 0 });
            if payload.len() < 126 {
                input.push(payload.len() as u8);
            } else {
                input.push(126);
                input.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            }
            input.extend_from_slice(payload);
        }
        input.extend_from_slice(&tail);
        for incoming in decode_in_pieces(deflates, 500, &input).into_iter().flatten() {
            let (Incoming::Message(_, bytes) | Incoming::Ping(bytes) | Incoming::Pong(bytes)) = incoming;
            proptest::prop_assert!(bytes.len() <= 500);
        }
    }
}
