//! What each endpoint answers, over a real socket.

#![allow(clippy::unwrap_used)] // Clippy does not see that helper functions belong to tests.

mod client;

use client::Client;
use demo::{Target, TargetConfig, TargetHandle};
use serde_json::json;

fn start() -> TargetHandle {
    Target::start(TargetConfig::on_free_port()).unwrap()
}

#[test]
fn the_total_grows_on_every_port() {
    let free = "127.0.0.1:0".parse().unwrap();
    let target = Target::start(TargetConfig::on(vec![free, free])).unwrap();
    let [first, second] = target.addrs() else { panic!("two addresses") };
    assert_ne!(first, second);
    let (mut a, mut b) = (Client::connect(*first), Client::connect(*second));
    let mut last = 0;
    for _ in 0..10 {
        for client in [&mut a, &mut b] {
            let response = client.get("/v1/results");
            assert_eq!(response.header("content-type"), Some("application/json"));
            let total = response.json()["result"].as_u64().unwrap();
            assert!(total > last, "{total} after {last}");
            last = total;
        }
    }
    assert_eq!(a.get("/v1/healthcheck").json(), json!({ "status": "ok" }));
}

#[test]
fn the_trading_api_wants_a_token_and_keeps_tenants_apart() {
    let target = start();
    let mut client = Client::to(&target);
    let mut login = |email: &str| {
        let body = format!(r#"{{"email":"{email}","password":"test123"}}"#);
        let answer = client.request("POST", "/api/auth/login", &[], body.as_bytes()).json();
        format!("Bearer {}", answer["access_token"].as_str().unwrap())
    };
    let (first, second) = (login("user2@tenant1.com"), login("user1@tenant5.com"));
    for path in ["/api/portfolio", "/api/trades", "/api/positions", "/api/signals"] {
        for header in [&[][..], &[("Authorization", "Bearer x")], &[("Authorization", "x")]] {
            let refused = client.request("GET", path, header, b"");
            assert_eq!(refused.status, 401, "{path}");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
        let answer = client.request("GET", path, &[("Authorization", &first)], b"");
        assert_eq!(answer.status, 200, "{path}");
    }
    let order = br#"{"symbol":"SPY","side":"sell","quantity":3}"#;
    let made = client.request("POST", "/api/trades", &[("Authorization", &first)], order);
    assert_eq!((made.status, &made.json()["tenant"]), (201, &json!("tenant1")));
    for (token, total) in [(&first, 21), (&second, 20)] {
        let trades = client.request("GET", "/api/trades?limit=2", &[("Authorization", token)], b"");
        let trades = trades.json();
        assert_eq!(trades["total"], json!(total));
        assert_eq!(trades["trades"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_deployment_api_wants_a_session_and_remembers_what_it_was_told() {
    let target = start();
    let mut client = Client::to(&target);
    assert_eq!(client.get("/api/v1/health/").json()["status"], "healthy");
    assert_eq!(client.get("/api/v1/deployments/").status, 401);

    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let login = b"username=loadtest_user&password=test123";
    let answer = client.request("POST", "/api/v1/auth/login/", &[form], login);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let cookie = format!("csrftoken=x; sessionid={token}");
    let bearer = format!("Bearer {token}");
    let by_cookie = ("Cookie", cookie.as_str());
    let by_token = ("Authorization", bearer.as_str());
    for (credential, status) in
        [(by_cookie, 200), (by_token, 200), (("Cookie", "sessionid=1"), 401)]
    {
        assert_eq!(client.request("GET", "/api/v1/auth/me/", &[credential], b"").status, status);
    }

    let order = b"app_name=nginx-1&version=1.2.3&target_ring=PILOT&evidence_pack_id=x";
    let made = client.request("POST", "/api/v1/deployments/", &[form, by_cookie], order);
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let json_type = ("Content-Type", "application/json");
    let publish = format!(r#"{{"deployment_id":"{id}","target_plane":"ANSIBLE","config":{{}}}}"#);
    let cases = [
        ("GET", format!("/api/v1/deployments/{id}/"), "", 200, "/app_name", json!("nginx-1")),
        ("GET", "/api/v1/deployments/?limit=1".into(), "", 200, "/deployments/0/id", json!(id)),
        ("GET", "/api/v1/cab/pending/?limit=100".into(), "", 200, "/count", json!(121)),
        (
            "GET",
            "/api/v1/approvals/?limit=x".into(),
            "",
            400,
            "/detail",
            json!("`limit` is a number up to 500, `offset` a number"),
        ),
        ("POST", format!("/api/v1/cab/{id}/approve/"), "{}", 200, "/status", json!("APPROVED")),
        (
            "POST",
            format!("/api/v1/approvals/{id}/reject/"),
            "{}",
            404,
            "/detail",
            json!("No pending approval has this id."),
        ),
        (
            "GET",
            format!("/api/v1/connectors/status/{id}/"),
            "",
            404,
            "/detail",
            json!("Nothing was published for this deployment."),
        ),
        (
            "POST",
            "/api/v1/connectors/publish/".into(),
            publish.as_str(),
            200,
            "/status",
            json!("PUBLISHED"),
        ),
        (
            "GET",
            format!("/api/v1/connectors/status/{id}/"),
            "",
            200,
            "/planes/0/plane",
            json!("ANSIBLE"),
        ),
        ("GET", "/api/v1/connectors/".into(), "", 200, "/connectors/4/publications", json!(1)),
        (
            "POST",
            "/api/v1/connectors/publish/".into(),
            "[]",
            400,
            "/detail",
            json!("body is not a JSON object"),
        ),
    ];
    for (method, path, body, status, pointer, want) in cases {
        let headers = [json_type, by_token];
        let response = client.request(method, &path, &headers, body.as_bytes());
        assert_eq!(response.status, status, "{method} {path}: {}", response.text());
        assert_eq!(response.json().pointer(pointer), Some(&want), "{method} {path}");
    }
    assert_eq!(target.served().of_route("/api/v1/deployments/"), 3);
    let logout = client.request("POST", "/api/v1/auth/logout/", &[by_cookie], b"");
    assert!(logout.header("set-cookie").unwrap().contains("Max-Age=0"));
}

/// (method, target, headers, body, status, JSON pointer, value there)
type Case<'a> =
    (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str, serde_json::Value);

#[test]
fn json_endpoints_answer_what_they_should() {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let multipart = ("Content-Type", "multipart/form-data; boundary=b");
    let parts = "--b\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv\r\n--b\r\n\
        Content-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nfile text\r\n--b--\r\n";
    let json_type = ("Content-Type", "application/json");
    let basic = ("Authorization", "Basic dTpw");
    let calories = r#"{"sex":"female","age":30,"weight":60,"heart_rate":120,"duration":10}"#;
    let cases: &[Case<'_>] = &[
        ("GET", "/", &[], "", 200, "/status", json!("ok")),
        ("GET", "/health", &[], "", 200, "/status", json!("ok")),
        ("GET", "/healthz", &[], "", 200, "/status", json!("ok")),
        ("POST", "/predict", &[json_type], r#"{"features":[1]}"#, 200, "/prediction", json!(1)),
        ("POST", "/v1/predict", &[], r#"[[1],[2]]"#, 200, "/count", json!(2)),
        ("POST", "/api/v1/predict", &[], calories, 200, "/unit", json!("kcal")),
        ("POST", "/predict", &[], "{}", 422, "/detail", json!("field `age` is missing")),
        (
            "POST",
            "/feedback",
            &[],
            r#"{"prediction":3,"actual":3}"#,
            200,
            "/rolling_rmsle_5m",
            json!(0.0),
        ),
        ("GET", "/predict", &[], "", 405, "/detail", json!("method not allowed")),
        ("GET", "/nope", &[], "", 404, "/detail", json!("not found")),
        (
            "GET",
            "/get?a=1&b=x%20y&a=2",
            &[],
            "",
            200,
            "/args",
            json!({"a": ["1", "2"], "b": "x y"}),
        ),
        ("GET", "/get?a=1", &[], "", 200, "/url", json!("http://demo.test/get?a=1")),
        (
            "GET",
            "/get",
            &[("x-b", "2"), ("X-A", "1")],
            "",
            200,
            "/header_list",
            json!([["Host", "demo.test"], ["x-b", "2"], ["X-A", "1"]]),
        ),
        (
            "GET",
            "/headers",
            &[("x-b", "2"), ("x-B", "3")],
            "",
            200,
            "/headers",
            json!({"Host": "demo.test", "X-B": "2,3"}),
        ),
        ("POST", "/post", &[form], "a=1&b=%C3%A9", 200, "/form", json!({"a": "1", "b": "é"})),
        ("POST", "/post", &[form], "a=1", 200, "/data", json!("")),
        ("POST", "/post", &[multipart], parts, 200, "/form", json!({"k": "v"})),
        ("POST", "/post", &[multipart], parts, 200, "/files", json!({"f": "file text"})),
        ("PUT", "/put", &[json_type], r#"{"x":[1]}"#, 200, "/json", json!({"x": [1]})),
        ("PATCH", "/patch", &[], "text", 200, "/data", json!("text")),
        ("PATCH", "/patch", &[], "text", 200, "/json", json!(null)),
        ("DELETE", "/delete", &[], "", 200, "/method", json!("DELETE")),
        ("DELETE", "/anything/a/b", &[], "", 200, "/url", json!("http://demo.test/anything/a/b")),
        ("POST", "/anything", &[], "", 200, "/method", json!("POST")),
        ("POST", "/get", &[], "", 405, "/detail", json!("method not allowed")),
        ("GET", "/ip", &[], "", 200, "/origin", json!("127.0.0.1")),
        ("GET", "/user-agent", &[("User-Agent", "me/1")], "", 200, "/user-agent", json!("me/1")),
        (
            "GET",
            "/cookies",
            &[("Cookie", "a=1; b=\"2\"; a=3")],
            "",
            200,
            "/cookies",
            json!({"a": "1", "b": "2"}),
        ),
        ("GET", "/basic-auth/u/p", &[basic], "", 200, "/authenticated", json!(true)),
        ("GET", "/basic-auth/u/q", &[basic], "", 401, "/detail", json!("unauthorized")),
        ("GET", "/digest-auth/auth/u/p", &[], "", 401, "/detail", json!("unauthorized")),
        ("GET", "/json", &[], "", 200, "/slideshow/author", json!("Squall")),
        ("GET", "/response-headers?X-A=1", &[], "", 200, "/X-A", json!("1")),
        ("GET", "/delay/0.001", &[], "", 200, "/method", json!("GET")),
        ("GET", "/delay/x", &[], "", 400, "/detail", json!("invalid delay: `x`")),
        ("GET", "/get?delay=x", &[], "", 400, "/detail", json!("invalid `delay`: `x`")),
        ("GET", "/bytes/x", &[], "", 400, "/detail", json!("a count or duration is out of range")),
        (
            "GET",
            "/_stats?rate=x",
            &[],
            "",
            400,
            "/detail",
            json!("`rate` is not a positive number"),
        ),
    ];
    let target = start();
    let mut client = Client::to(&target);
    for (method, path, headers, body, status, pointer, want) in cases {
        let response = client.request(method, path, headers, body.as_bytes());
        assert_eq!(response.status, *status, "{method} {path}: {}", response.text());
        assert_eq!(
            response.json().pointer(pointer),
            Some(want),
            "{method} {path}: {}",
            response.text()
        );
    }
}

#[test]
fn statuses_redirects_and_cookies_say_it_in_headers() {
    let cases = [
        ("/status/200", 200, "", ""),
        ("/status/204", 204, "", ""),
        ("/status/302", 302, "Location", "/get"),
        ("/status/401", 401, "WWW-Authenticate", "Basic realm=\"squall\""),
        ("/status/418", 418, "", ""),
        ("/status/999", 999, "", ""),
        ("/status/99", 400, "", ""),
        ("/redirect/1", 302, "Location", "/get"),
        ("/redirect/3", 302, "Location", "/redirect/2"),
        ("/relative-redirect/2", 302, "Location", "/relative-redirect/1"),
        ("/absolute-redirect/2", 302, "Location", "http://demo.test/absolute-redirect/1"),
        ("/absolute-redirect/1", 302, "Location", "http://demo.test/get"),
        ("/redirect/0", 400, "", ""),
        ("/redirect-to?url=%2Fget%3Fa%3Db&status=307", 307, "Location", "/get?a=b"),
        ("/redirect-to?url=http://other.test/", 302, "Location", "http://other.test/"),
        ("/redirect-to?url=/&status=200", 400, "", ""),
        ("/redirect-to", 400, "", ""),
        ("/cookies/set?a=1", 302, "Set-Cookie", "a=1; Path=/"),
        ("/cookies/set/a/1%202", 302, "Set-Cookie", "a=12; Path=/"),
        ("/cookies/set?a=1", 302, "Location", "/cookies"),
        ("/response-headers?X-A=1%0d%0aX-B:2", 200, "X-A", "1  X-B:2"),
        ("/gzip", 200, "Content-Encoding", "gzip"),
        ("/deflate", 200, "Content-Encoding", "deflate"),
        ("/brotli", 200, "Content-Encoding", "br"),
        ("/zstd", 200, "Content-Encoding", "zstd"),
        ("/html", 200, "Content-Type", "text/html; charset=utf-8"),
        ("/encoding/utf8", 200, "Content-Type", "text/plain; charset=utf-8"),
    ];
    let target = start();
    let mut client = Client::to(&target);
    for (path, status, header, value) in cases {
        let response = client.get(path);
        assert_eq!(response.status, status, "{path}: {}", response.text());
        if !header.is_empty() {
            assert_eq!(response.header(header), Some(value), "{path}");
        }
    }
    let gone = client.get("/cookies/delete?a&b");
    let dropped = gone.headers.iter().filter(|(_, value)| value.contains("Max-Age=0")).count();
    assert_eq!(dropped, 2);
    let options = client.request("OPTIONS", "/predict", &[], b"");
    assert_eq!((options.status, options.header("allow")), (200, Some("POST, OPTIONS")));
}

#[test]
fn streamed_bodies_have_their_length_and_framing() {
    let target = start();
    let mut client = Client::to(&target);
    assert_eq!(client.get("/bytes/100000").body.len(), 100_000);
    assert_eq!(client.get("/bytes/10").body, client.get("/bytes/100").body[..10]);
    assert_eq!(client.get("/stream/3").text(), "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n");
    assert_eq!(client.get("/stream/0").text(), "");
    assert_eq!(client.get("/drip?numbytes=5&duration=0.01").text(), "*****");
    assert_eq!(client.get("/get?size=70000").body.len(), 70_000);
    assert_eq!(client.get("/get?size=0").body.len(), 0);
    let slow = client.get("/get?size=1000&rate=20000");
    assert_eq!(slow.body.len(), 1000);
    let slow = target.log().pop().unwrap();
    assert!(slow.actual_ns >= 50_000_000, "1000 bytes at 20000 a second took {slow:?}");
    let html = client.get("/html?rate=100000");
    assert_eq!(html.body, client.get("/html").body);
}

#[test]
fn head_answers_have_the_length_but_no_body() {
    let target = start();
    let mut client = Client::to(&target);
    for path in ["/html", "/bytes/1000000", "/get?size=5", "/stream/3", "/html?delay=1ms"] {
        let head = client.request("HEAD", path, &[], b"");
        assert_eq!(head.status, 200);
        assert_eq!(
            head.header("content-length"),
            client.get(path).header("content-length"),
            "{path}"
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let target = start();
    let mut client = Client::to(&target);
    let mut raw = Vec::new();
    for n in 0..300 {
        let delay = if n % 50 == 7 { "&delay=2ms" } else { "" };
        raw.extend(format!("GET /get?n={n}{delay} HTTP/1.1\r\nHost: x\r\n\r\n").bytes());
    }
    client.send(&raw);
    for n in 0..300 {
        let response = client.response("GET").unwrap();
        assert_eq!(response.json()["args"]["n"], n.to_string());
    }
}

#[test]
fn connections_persist_as_each_version_has_it() {
    let target = start();
    for (request, header, stays) in [
        ("GET / HTTP/1.1\r\n\r\n", None, true),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", Some("close"), false),
        ("GET / HTTP/1.0\r\n\r\n", Some("close"), false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Some("keep-alive"), true),
    ] {
        let mut client = Client::to(&target);
        client.send(request.as_bytes());
        assert_eq!(client.response("GET").unwrap().header("connection"), header, "{request}");
        if stays {
            client.send(request.as_bytes());
            assert_eq!(client.response("GET").unwrap().status, 200);
        } else {
            assert_eq!(client.rest().unwrap(), b"", "{request}");
        }
    }
}

#[test]
fn request_bodies_come_in_any_framing() {
    let target = start();
    let mut client = Client::to(&target);
    client.send(b"POST /post HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab\r\n\r\n1\r\nc\r\n0\r\n\r\n");
    assert_eq!(client.response("POST").unwrap().json()["data"], "ab\r\nc");
    client.send(b"POST /post HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.head().unwrap().0.status, 100);
    client.send(b"abc");
    assert_eq!(client.response("POST").unwrap().json()["data"], "abc");
    let large = "x".repeat(3_000_000);
    let response = client.request("POST", "/post", &[], large.as_bytes());
    assert_eq!(response.json()["data"].as_str().map(str::len), Some(large.len()));
}

#[test]
fn digest_challenges_can_be_met() {
    let target = start();
    let mut client = Client::to(&target);
    let challenge = client.get("/digest-auth/auth/u/p");
    let challenge = challenge.header("www-authenticate").unwrap().to_owned();
    let nonce = challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // With the nonce known, `response` is what is left to get wrong or right.
    let answer = |response: &str| {
        format!(
            "Digest username=\"u\", realm=\"squall\", nonce=\"{nonce}\", \
             uri=\"/digest-auth/auth/u/p\", response=\"{response}\""
        )
    };
    let wrong = answer("00000000000000000000000000000000");
    let refused =
        client.request("GET", "/digest-auth/auth/u/p", &[("Authorization", wrong.as_str())], b"");
    assert_eq!(refused.status, 401);
    // MD5(MD5("u:squall:p") + ":" + nonce + ":" + MD5("GET:/digest-auth/auth/u/p")), computed elsewhere.
    assert_eq!(nonce, "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v");
    let right = answer("9338afe605614ac47b2363e740375b69");
    let accepted =
        client.request("GET", "/digest-auth/auth/u/p", &[("Authorization", right.as_str())], b"");
    assert_eq!(accepted.status, 200);
}

#[test]
fn what_is_not_a_request_gets_an_error_and_the_end() {
    let target = start();
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(300_000));
    for (raw, status) in [
        ("\x16\x03\x01 this is TLS\r\n\r\n", 400),
        ("POST /post HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
        ("POST /post HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (long.as_str(), 431),
    ] {
        let mut client = Client::to(&target);
        client.send(raw.as_bytes());
        client.finish_sending();
        let response = client.response("GET").unwrap();
        assert_eq!(response.status, status);
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(client.rest().unwrap(), b"");
    }
    assert_eq!(target.served().of_route("(malformed)"), 4);
}

#[test]
fn a_taken_address_is_named() {
    let target = start();
    let error = Target::start(TargetConfig::on(target.addrs().to_vec())).unwrap_err();
    assert!(error.to_string().contains(&target.addrs()[0].to_string()), "{error}");
}

#[test]
fn stopping_closes_everything() {
    let target = start();
    let addr = target.addrs()[0];
    let mut idle = Client::connect(addr);
    assert_eq!(idle.get("/").status, 200);
    let mut waiting = Client::connect(addr);
    waiting.send(b"GET /?delay=10m HTTP/1.1\r\n\r\n");
    assert_eq!(idle.get("/").status, 200);
    target.stop();
    assert!(matches!(idle.rest().as_deref(), Ok([]) | Err(_)));
    assert!(matches!(waiting.rest().as_deref(), Ok([]) | Err(_)));
    assert!(std::net::TcpStream::connect(addr).is_err());
}
