//! `k6/http` against the bundled target over real sockets: what the server sees, what the script sees, what is measured.
//!
//! Expectations were taken from k6 2.2.0 running the same scripts.
#![allow(clippy::unwrap_used)]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use demo::{Target, TargetConfig, TargetHandle, TranscriptEntry};
use engine::script::{Interrupt, Outcome, Script, Vu, VuContext};
use k6::{Level, SystemTags, TestConfig};
use plan::options::Options;
use rt::{Core, CoreConfig};
use support::{Bench, Case, activation, case, iteration};

/// A finished run.
struct Ran {
    target: TargetHandle,
    case: Case,
    outcomes: Vec<Outcome>,
    /// Metric, value, tags of each sample.
    samples: Vec<(String, f64, BTreeMap<String, String>)>,
}

/// Runs iterations of a script whose `T` is the target's address.
fn run(script: &str, iterations: u64) -> Ran {
    run_until(script, iterations, None)
}

fn run_until(script: &str, iterations: u64, stop_after: Option<Duration>) -> Ran {
    let config = TargetConfig { transcript: true, ..TargetConfig::on_free_port() };
    let target = Target::start(config).unwrap();
    let source = format!("import http from 'k6/http';\nconst T = '{}';\n{script}", target.url());
    let case = case(&source);
    let loaded = case.load().unwrap();
    let json = loaded.options_json.clone().unwrap_or_else(|| "{}".to_owned());
    let options = Options::from_script_json(&json).unwrap().0;
    let system_tags = options.system_tags.clone().map_or_else(SystemTags::default, SystemTags::new);
    let test = loaded.into_test(TestConfig {
        options: Arc::new(options),
        system_tags,
        ..TestConfig::default()
    });
    let bench = Bench::new(&case.registry);
    bench.shard.borrow_mut().set_raw_tap(true);
    let shard = bench.shard.clone();
    let mut core = Core::new(CoreConfig { spin: false }).unwrap();
    let interrupt = Rc::new(Interrupt::default());
    let context = VuContext { interrupt: interrupt.clone(), ..bench.context(1) };
    let outcomes = Rc::new(RefCell::new(Vec::new()));
    let kept = outcomes.clone();
    core.block_on(async move {
        let mut vu = test.new_vu(context).await.unwrap();
        vu.activate(&activation("default"));
        if let Some(after) = stop_after {
            rt::spawn(async move {
                rt::sleep(after).await;
                interrupt.raise();
            });
        }
        for i in 0..iterations {
            let outcome = vu.iterate(iteration(i)).await;
            kept.borrow_mut().push(outcome);
        }
    });
    let mut shard = shard.borrow_mut();
    let mut samples = Vec::new();
    for raw in shard.take_raw() {
        let (metric, tags) = shard.series_info(raw.series);
        let name = case.registry.info(metric).name.to_string();
        let tags = shard.tags(tags).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        samples.push((name, raw.value, tags));
    }
    drop(shard);
    Ran { target, case, outcomes: outcomes.take(), samples }
}

impl Ran {
    /// What the script printed, the target's address shown as `T`.
    fn printed(&self) -> Vec<String> {
        let url = self.target.url();
        self.case.log.printed().iter().map(|line| line.replace(&url, "T")).collect()
    }

    /// Message and `error` field of warnings.
    fn warnings(&self) -> Vec<String> {
        let records = self.case.log.0.lock().unwrap();
        let of = |name: &str, fields: &[(&str, String)]| {
            fields
                .iter()
                .find(|(key, _)| *key == name)
                .map_or(String::new(), |(_, value)| value.clone())
        };
        let warnings = records.iter().filter(|r| r.level == Level::Warning);
        let lines = warnings.map(|r| format!("{}|{}", r.message, of("error", &r.fields)));
        lines.map(|line| line.replace(&self.target.url(), "T")).collect()
    }

    fn errors(&self) -> Vec<String> {
        self.case.log.lines().into_iter().filter(|line| line.starts_with("error")).collect()
    }

    /// What the target saw. It notes a request after answering it, so the last may be a moment late.
    fn requests(&self, n: usize) -> Vec<TranscriptEntry> {
        for _ in 0..300_000 {
            let seen = self.target.transcript();
            if seen.len() >= n {
                return seen;
            }
            std::thread::yield_now();
        }
        let seen: Vec<String> = self.target.transcript().iter().map(line).collect();
        panic!(
            "the target saw {} requests, not {n}: {seen:#?}; warnings {:?}",
            seen.len(),
            self.warnings()
        );
    }

    fn of_metric(&self, name: &str) -> Vec<(f64, BTreeMap<String, String>)> {
        let of_name = self.samples.iter().filter(|(metric, ..)| metric == name);
        of_name.map(|(_, value, tags)| (*value, tags.clone())).collect()
    }
}

/// `METHOD target headers body`, without `Host`.
fn line(request: &TranscriptEntry) -> String {
    let headers = request.headers.iter().filter(|(name, _)| name != "Host" && name != "User-Agent");
    let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    let body = request.body.as_deref().unwrap_or_default();
    format!("{} {} [{}] {body}", request.method, request.target, headers.join("; "))
        .trim_end()
        .to_owned()
}

#[test]
fn verbs_and_bodies_go_out_as_k6_sends_them() {
    let ran = run(
        "export default function () {
           http.get(T + '/anything/a b?x=é&y=|#f');
           http.head(T + '/get');
           http.post(T + '/anything', 'hello');
           http.post(T + '/anything');
           http.post(T + '/anything', '');
           http.put(T + '/anything', { b: 1, a: 'x y&z', c: [1, null], e: { f: 1 } });
           http.patch(T + '/anything', new Uint8Array([104, 105]).buffer);
           http.del(T + '/anything');
           http.options(T + '/anything', 'x');
           http.request('FOO', T + '/anything', null, { headers: { 'x-b': '2', accept: '*/*', 'x-a': 5, host: 'h.test',
             'content-length': '99', 'content-type': 'a/b' } });
           http.get(T.replace('//', '//us%20er:pa%40ss@') + '/anything/u');
           http.post(T + '/anything', 'hello', { compression: 'gzip', headers: { 'User-Agent': 'mine' } });
         }",
        1,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    let requests = ran.requests(12);
    let lines: Vec<String> = requests.iter().map(line).collect();
    let gzip_length =
        requests[11].headers.iter().find(|(n, _)| n == "Content-Length").unwrap().1.clone();
    assert_eq!(
        &lines[..11],
        [
            "GET /anything/a%20b?x=é&y=| []",
            "HEAD /get []",
            "POST /anything [Content-Length: 5] hello",
            "POST /anything [Content-Length: 0]",
            "POST /anything [Transfer-Encoding: chunked]",
            "PUT /anything [Content-Length: 46; Content-Type: application/x-www-form-urlencoded] \
             a=x+y%26z&b=1&c=1&c=%3Cnil%3E&e=map%5Bf%3A1%5D",
            "PATCH /anything [Content-Length: 2] hi",
            "DELETE /anything []",
            "OPTIONS /anything [Content-Length: 1] x",
            "FOO /anything [Accept: */*; Content-Type: a/b; X-A: 5; X-B: 2]",
            "GET /anything/u [Authorization: Basic dXMgZXI6cGFAc3M=]",
        ]
    );
    assert!(lines[11].starts_with(&format!(
        "POST /anything [Content-Length: {gzip_length}; Content-Encoding: gzip]"
    )));
    let names = |at: usize| requests[at].headers.iter().take(2).cloned().collect::<Vec<_>>();
    assert_eq!(names(0)[0].0, "Host");
    assert_eq!(names(0)[1], ("User-Agent".to_owned(), "Grafana k6/2.2.0".to_owned()));
    assert_eq!(names(9)[0], ("Host".to_owned(), "h.test".to_owned()));
    assert_eq!(names(11)[1].1, "mine");
    assert!(ran.warnings()[0].starts_with(
        "The specified Content-Length header \"99\" in the FOO request for T/anything"
    ));
}

#[test]
fn files_make_a_multipart_body_with_the_given_names() {
    let ran = run(
        "export default function () {
           http.post(T + '/anything', { f: http.file('data', 'a.txt', 'text/plain'), b: '1' });
         }",
        1,
    );
    let request = &ran.requests(1)[0];
    let parts: Vec<_> = request
        .parts
        .iter()
        .map(|p| {
            (p.name.as_str(), p.filename.as_deref(), p.content_type.as_deref(), p.text.as_deref())
        })
        .collect();
    assert_eq!(
        parts,
        [("b", None, None, Some("1")), ("f", Some("a.txt"), Some("text/plain"), Some("data"))]
    );
}

#[test]
fn redirects_follow_gos_rules_with_one_sample_set_for_each_hop() {
    let ran = run(
        "const to = (status, url) => `${T}/redirect-to?status=${status}&url=${encodeURIComponent(url)}`;
         const headers = { Authorization: 'a', 'Content-Type': 'a/b', 'X-A': '1' };
         export default function () {
           http.post(to(302, '/anything/1'), 'body', { headers });
           http.put(to(307, '/anything/2'), 'body', { headers });
           http.get(to(302, T.replace('127.0.0.1', 'localhost') + '/anything/3'), { headers, cookies: { ck: 'v' } });
           console.log(http.get(T + '/redirect/3', { redirects: 2 }).status, http.get(T + '/redirect/3').url);
           console.log(http.get(T + '/redirect/20').status);
         }",
        1,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    let lines: Vec<String> =
        ran.requests(24).iter().map(|r| line(r).replace(&ran.target.url(), "T")).collect();
    assert_eq!(
        lines[1],
        format!("GET /anything/1 [Authorization: a; Referer: {}; X-A: 1]", referer(&lines[0]))
    );
    assert_eq!(
        lines[3],
        format!(
            "PUT /anything/2 [Content-Length: 4; Authorization: a; Content-Type: a/b; Referer: {}; X-A: 1] body",
            referer(&lines[2])
        )
    );
    assert_eq!(
        lines[5],
        format!("GET /anything/3 [Cookie: ck=v; Referer: {}; X-A: 1]", referer(&lines[4]))
    );
    assert_eq!(ran.printed(), ["302 T/get", "302"]);
    assert!(
        ran.warnings()
            .last()
            .unwrap()
            .starts_with("Stopped after 11 redirects and returned the redirection;")
    );
    assert_eq!(ran.warnings().len(), 1, "an explicit number of redirects is not warned about");
    assert_eq!(ran.of_metric("http_reqs").len(), 6 + 3 + 4 + 11);
    let first: Vec<_> = ran
        .of_metric("http_reqs")
        .into_iter()
        .take(2)
        .map(|(_, tags)| (tags["status"].clone(), tags["method"].clone()))
        .collect();
    assert_eq!(
        first,
        [("302".to_owned(), "POST".to_owned()), ("200".to_owned(), "GET".to_owned())]
    );
}

/// The URL a transcript line asked for.
fn referer(line: &str) -> String {
    format!("T{}", line.split(' ').nth(1).unwrap())
}

#[test]
fn cookies_are_kept_for_one_iteration_and_sent_where_they_belong() {
    let ran = run(
        "export default function () {
           const first = http.get(T + '/cookies/set/a/1', { redirects: 0 });
           http.get(T + '/anything/x', { cookies: { p: '2', a: { value: '9', replace: true } }, headers: { Cookie: 'h=0' } });
           const jar = http.cookieJar();
           jar.set(T, 'j', 'x y', { path: '/anything' });
           console.log(JSON.stringify(jar.cookiesForURL(T + '/anything/q')), first.cookies.a[0].value);
           jar.delete(T, 'a');
           http.get(T + '/anything/y', { jar: new http.CookieJar() });
           http.get(T + '/anything/z');
         }",
        2,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    let cookies: Vec<String> = ran
        .requests(8)
        .iter()
        .map(|r| {
            r.headers.iter().find(|(n, _)| n == "Cookie").map_or(String::new(), |(_, v)| v.clone())
        })
        .collect();
    let once = ["", "h=0; p=2; a=9", "", "j=\"x y\""];
    assert_eq!(cookies, [once, once].concat(), "the second iteration starts with an empty jar");
    assert_eq!(ran.printed()[0], "{\"j\":[\"x y\"],\"a\":[\"1\"]} 1");
}

#[test]
fn failures_are_data_with_k6s_codes_and_texts() {
    let ran = run(
        "const show = (r) => console.log(r.status, r.error_code, r.error, r.body);
         export default function () {
           show(http.get('http://127.0.0.1:1/'));
           show(http.get('http://a b/'));
           show(http.get('/rel'));
           show(http.get(T + '/get?close=before'));
           show(http.get(T + '/get?close=never', { timeout: 60 }));
           show(http.post(T + '/get', 5));
           show(http.get(T + '/status/503?size=0'));
           show(http.get(T + '/get', { headers: { 'a b': 'x' } }));
           try { http.get('http://127.0.0.1:1/', { throw: true }) } catch (e) { console.log(String(e)) }
         }",
        1,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    assert_eq!(
        ran.printed(),
        [
            "0 1212 dial: connection refused null",
            "0 1020 invalid URL: parse \"http://a b/\": invalid character \" \" in host name null",
            "0 1000 unsupported protocol scheme \"\" null",
            "0 1000 EOF null",
            "0 1050 request timeout null",
            "0 0 unknown request body type int64 null",
            "503 1503  ",
            "0 1000 net/http: invalid header field name \"a b\" null",
            "GoError: Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
        ]
    );
    assert_eq!(
        ran.warnings(),
        [
            "Request Failed|Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
            "Request Failed|invalid URL: parse \"http://a b/\": invalid character \" \" in host name",
            "Request Failed|Get \"/rel\": unsupported protocol scheme \"\"",
            "Request Failed|Get \"T/get?close=before\": EOF",
            "Request Failed|Get \"T/get?close=never\": request timeout",
            "Request Failed|unknown request body type int64",
            "Request Failed|Get \"T/get\": net/http: invalid header field name \"a b\"",
        ]
    );
    let failed: Vec<f64> =
        ran.of_metric("http_req_failed").into_iter().map(|(value, _)| value).collect();
    assert_eq!(failed, [1.0; 7], "requests that could not be built are not samples");
    let (_, tags) = &ran.of_metric("http_reqs")[0];
    assert_eq!((tags["status"].as_str(), tags["error_code"].as_str()), ("0", "1212"));
    assert_eq!(tags["error"], "dial: connection refused");
    assert!(!tags.contains_key("proto"));
}

#[test]
fn samples_come_in_k6s_order_with_its_tags() {
    let ran = run(
        "export default function () {
           http.get(T.replace('//', '//u:p@') + '/get?a=b#f', { tags: { a: 1, status: 'zz', group: 'g' } });
           http.get(http.url`${T}/anything/${5}`);
           http.get(T + '/get', { tags: { name: 'N' } });
         }",
        1,
    );
    let names: Vec<&str> = ran.samples.iter().map(|(name, ..)| name.as_str()).collect();
    let one = [
        "http_reqs",
        "http_req_duration",
        "http_req_blocked",
        "http_req_connecting",
        "http_req_tls_handshaking",
        "http_req_sending",
        "http_req_waiting",
        "http_req_receiving",
        "http_req_failed",
    ];
    assert_eq!(&names[..27], [one, one, one].concat());
    let tags: Vec<BTreeMap<String, String>> =
        ran.of_metric("http_req_waiting").into_iter().map(|(_, tags)| tags).collect();
    let port = ran.target.addrs()[0].port();
    let url = format!("http://****:****@127.0.0.1:{port}/get?a=b#f");
    let mut want: BTreeMap<String, String> = [
        ("a", "1"),
        ("expected_response", "true"),
        ("group", "g"),
        ("method", "GET"),
        ("name", &url),
        ("proto", "HTTP/1.1"),
        ("scenario", "default"),
        ("status", "200"),
        ("team", "red"),
        ("url", &url),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    assert_eq!(tags[0], want);
    assert_eq!(
        (tags[1]["name"].as_str(), tags[1]["url"].as_str()),
        ("${}/anything/${}", "${}/anything/${}")
    );
    want.remove("a");
    want.extend(
        [("group", ""), ("name", "N"), ("url", "N")].map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    assert_eq!(tags[2], want);
    let bytes = ran.of_metric("data_sent");
    assert_eq!(bytes.len(), 1);
    assert!(bytes[0].0 > 200.0, "{bytes:?}");
}

#[test]
fn the_response_callback_decides_what_failed() {
    let ran = run(
        "export default function () {
           http.get(T + '/status/404', { responseCallback: http.expectedStatuses(404) });
           http.get(T + '/get', { responseCallback: http.expectedStatuses({ min: 300, max: 399 }, 201) });
           http.get(T + '/get', { responseCallback: null });
           http.setResponseCallback(http.expectedStatuses(404));
           http.get(T + '/status/404');
           http.setResponseCallback(null);
           http.get(T + '/get');
         }",
        1,
    );
    let failed: Vec<(f64, String)> = ran
        .of_metric("http_req_failed")
        .into_iter()
        .map(|(v, tags)| (v, tags["expected_response"].clone()))
        .collect();
    let (t, f) = ("true".to_owned(), "false".to_owned());
    assert_eq!(failed, [(0.0, t.clone()), (1.0, f), (0.0, t)]);
    let reqs = ran.of_metric("http_reqs");
    assert_eq!(reqs.len(), 5);
    assert!(
        !reqs[2].1.contains_key("expected_response")
            && !reqs[4].1.contains_key("expected_response")
    );
    assert_eq!(reqs[3].1["error_code"], "1404");
}

#[test]
fn batches_keep_their_shape_and_their_limits() {
    let ran = run(
        "export const options = { batch: 4, batchPerHost: 3 };
         export default function () {
           const list = http.batch(Array.from({ length: 9 }, (_, i) => ['GET', `${T}/anything/${i}?delay=30ms`]));
           console.log(list.map((r) => r.url.match(/anything.([0-9])/)[1]).join(''));
           const map = http.batch({ a: T + '/get', b: { method: 'post', url: T + '/anything', body: 'x' } });
           console.log(Object.keys(map), map.b.json('data'));
           const bad = http.batch([T + '/get', 5, T + '/get']);
           console.log(bad[0].status, bad[1].error, bad[2]);
         }",
        1,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    assert_eq!(ran.printed(), ["012345678", "[ \"a\", \"b\" ] x", "0 invalid URL: '#5' null"]);
    let requests = ran.requests(11);
    assert_eq!(requests.len(), 11, "nothing of a batch with a bad entry is sent");
    let mut connections: Vec<u32> = requests[..9].iter().map(|r| r.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    assert_eq!(connections.len(), 3);
}

#[test]
fn promises_of_requests_settle_while_the_script_goes_on() {
    let ran = run(
        "export default async function () {
           const slow = http.asyncRequest('GET', T + '/get?delay=30ms').then((r) => console.log('slow', r.status));
           console.log('first');
           const r = await http.asyncRequest('POST', T + '/anything', 'b');
           console.log('fast', r.json('data'));
           await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { throw: true }).catch((e) => console.log(String(e)));
           await slow;
         }",
        1,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    assert_eq!(
        ran.printed(),
        [
            "first",
            "fast b",
            "Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
            "slow 200",
        ]
    );
}

#[test]
fn a_response_behaves_like_k6s_object() {
    let ran = run(
        "export default function () {
           const r = http.get(T + '/response-headers?X-One=1');
           console.log(Object.keys(r).join(), 'status' in r, r.hasOwnProperty('body'), r.nope);
           console.log(r.headers['X-One'], r.status_text, r.proto, r.remote_ip, r.request.method, r.timings.looking_up);
           const copy = JSON.parse(JSON.stringify(r));
           console.log(Object.keys(copy).length, copy.url === r.url, copy.error_code, { ...r }.status);
           r.status = 7; r.body = '{\"a\":{\"b\":[1,\"x\"]}}';
           console.log(r.status, r.json('a.b.1'), r.json('a.c'), r.json().a.b.length, r.json() === r.json());
           try { r.foo = 1 } catch (e) { console.log(String(e)) }
           try { delete r.status } catch (e) { console.log(String(e)) }
           try { http.get(T + '/get', { responseType: 'none' }).json() } catch (e) { console.log(String(e)) }
           console.log(r.html('body').text(), r.html().url === r.url)
           const b = http.get(T + '/bytes/3', { responseType: 'binary' });
           console.log(b.body.byteLength, http.get(T + '/get', { responseType: 'none' }).body);
           console.log(http.get(T + '/gzip').json('encoding'), http.get(T + '/brotli').json('encoding'), http.get(T + '/zstd').json('encoding'));
         }",
        1,
    );
    assert_eq!(ran.errors(), Vec::<String>::new());
    assert_eq!(
        ran.printed(),
        [
            "remote_ip,remote_port,url,status,status_text,proto,headers,cookies,body,timings,tls_version,tls_cipher_suite,ocsp,error,\
             error_code,request,clickLink,html,json,submitForm true true undefined",
            "1 200 OK HTTP/1.1 127.0.0.1 GET 0",
            "16 true 0 200",
            "7 x undefined 2 true",
            "TypeError: Cannot assign to property foo of a host object",
            "TypeError: Cannot delete property status from a Go type",
            "GoError: the body is null so we can't transform it to JSON - this likely was because of a request error getting the response",
            "{\"a\":{\"b\":[1,\"x\"]}} true",
            "3 null",
            "gzip br zstd",
        ]
    );
}

#[test]
fn options_of_the_test_reach_the_client() {
    let ran = run(
        "export const options = { userAgent: '', maxRedirects: 1, discardResponseBodies: true, noConnectionReuse: true,
           hosts: { 'x.test': '127.0.0.1' }, blockHostnames: ['*.blocked.test'], blacklistIPs: ['10.0.0.0/8'], throw: true,
           systemTags: ['status', 'ip'] };
         const said = (f) => { try { return f() } catch (e) { return String(e) } };
         export default function () {
           console.log(http.get(T + '/redirect/3').status, http.get(T + '/get').body);
           console.log(http.get(T.replace('127.0.0.1', 'x.test') + '/get', { responseType: 'text' }).body.length > 10);
           console.log(said(() => http.get('http://a.blocked.test/')));
           console.log(said(() => http.get('http://10.1.1.1/')));
           console.log(said(() => http.get('http://a b/')));
         }",
        1,
    );
    assert_eq!(
        ran.printed(),
        [
            "302 null",
            "true",
            "GoError: Get \"http://a.blocked.test/\": hostname (a.blocked.test) is in a blocked pattern (*.blocked.test)",
            "GoError: Get \"http://10.1.1.1/\": IP (10.1.1.1) is in a blacklisted range (10.0.0.0/8)",
            "GoError: invalid URL: parse \"http://a b/\": invalid character \" \" in host name",
        ]
    );
    assert_eq!(
        ran.warnings(),
        Vec::<String>::new(),
        "redirects beyond a chosen limit are not warned about"
    );
    let requests = ran.requests(4);
    assert!(requests.iter().all(|r| !r.headers.iter().any(|(name, _)| name == "User-Agent")));
    assert!(
        requests.iter().all(|r| r.headers.contains(&("Connection".to_owned(), "close".to_owned())))
    );
    let (_, tags) = &ran.of_metric("http_reqs")[0];
    let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
    assert_eq!(keys, ["ip", "status", "team"]);
}

#[test]
fn requests_of_the_init_stage_are_refused() {
    let ran = run(
        "for (const f of [() => http.get(T), () => http.batch([T]), () => http.cookieJar()])
           try { f() } catch (e) { console.log(String(e)) }
         export default function () {}",
        1,
    );
    let refused = [
        "GoError: Making http requests in the init context is not supported",
        "GoError: Using batch in the init context is not supported",
        "GoError: Making cookie jars in the init context is not supported",
    ];
    assert_eq!(ran.printed()[..3], refused);
    assert!(ran.requests(0).is_empty());
}

#[test]
fn an_interrupt_ends_waiting_requests_and_batches() {
    for wait in [
        "http.get(T + '/get?close=never')",
        "http.batch([T + '/get?close=never', T + '/get?delay=5s'])",
    ] {
        let script = format!(
            "export default function () {{ try {{ {wait} }} catch (e) {{}} console.log('survived'); }}"
        );
        let ran = run_until(&script, 1, Some(Duration::from_millis(100)));
        assert_eq!(ran.outcomes, [Outcome::Interrupted], "{wait}");
        assert_eq!(ran.printed(), Vec::<String>::new());
        assert_eq!(ran.of_metric("http_reqs").len(), 0);
        assert!(ran.of_metric("data_sent")[0].0 > 0.0, "bytes of interrupted requests count");
    }
}
