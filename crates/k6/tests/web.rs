//! Globals of the web platform against Node's, line by line: `web/cases.js`, `web/cases.node.txt`.

#![allow(clippy::unwrap_used)]

mod support;

use support::case;

const FILE_WITH_BAR: &str =
    "[\"file:///C|/x\",\"null\",\"file:\",\"\",\"\",\"\",\"\",\"\",\"/C|/x\",\"\",\"\"]";

/// Lines that are not Node's, and why.
const OURS: &[(&str, &str)] = &[
    // The standard wants a DataCloneError; Node has an error of its own.
    ("transfer nonsense", "throws DataCloneError"),
    // `null` is a text here by the standard and in browsers.
    ("params of nil", "\"null=\""),
    // The test's clock is simulated; `Date` is not.
    ("performance", "[\"number\",true,true,false,\"[object Performance]\"]"),
    // Node 20 resolves these against an opaque path, which the standard refuses.
    ("new URL(\"x?y#z\", \"foo:opaque\")", "throws TypeError"),
    ("new URL(\"x?y#z\", \"data:x\")", "throws TypeError"),
    // Of the `url` crate: slashes too many, drive letters, dots at the root, and setters of URLs without a host.
    ("new URL(\"file:///C|/x\")", FILE_WITH_BAR),
    ("new URL(\"///x\", \"http://base.test/a/b/c?q#f\")", "throws TypeError"),
    ("new URL(\"///x\", \"https://u:p@base.test:8080/\")", "throws TypeError"),
    ("new URL(\"///x\", \"http://base.test\")", "throws TypeError"),
    (
        "new URL(\"/..//x\", \"file:///a/b\")",
        "[\"file:///x\",\"null\",\"file:\",\"\",\"\",\"\",\"\",\"\",\"/x\",\"\",\"\"]",
    ),
    (
        "new URL(\"../..\", \"foo://h/a/b\")",
        "[\"foo://h/\",\"null\",\"foo:\",\"\",\"\",\"h\",\"h\",\"\",\"/\",\"\",\"\"]",
    ),
    (
        "new URL(\"\\\\x\", \"foo://h/a/b\")",
        "[\"foo://h/x\",\"null\",\"foo:\",\"\",\"\",\"h\",\"h\",\"\",\"/x\",\"\",\"\"]",
    ),
    ("http://h.test/ protocol = \"file\"", "\"http://h.test/\""),
    ("file:///a/b pathname = \"//x\"", "\"file:///x\""),
    ("foo:/p host = \"x.test:81\"", "\"foo://x.test:81/p\""),
    ("foo:/p host = \"x.test:443\"", "\"foo://x.test:443/p\""),
    ("foo:/p host = \"\"", "\"foo:///p\""),
    ("foo:/p host = \"x.test:8a\"", "\"foo://x.test:8/p\""),
    ("foo:/p host = \"[::1]:5\"", "\"foo://[::1]:5/p\""),
    ("foo:/p hostname = \"\"", "\"foo:///p\""),
    ("foo:/p pathname = \"//x\"", "\"foo://x\""),
];

#[test]
fn web_globals_do_what_they_do_in_node() {
    let program = include_str!("web/cases.js");
    let main = format!(
        "{program}\nexport default function () {{ for (const line of cases()) console.log(line); }}"
    );
    let printed = case(&main).run(1);
    let expect: Vec<String> = include_str!("web/cases.node.txt")
        .lines()
        .map(|line| {
            let label = line.split(" => ").next().unwrap_or_default();
            match OURS.iter().find(|(ours, _)| *ours == label) {
                Some((_, result)) => format!("{label} => {result}"),
                None => line.to_owned(),
            }
        })
        .collect();
    let differing: Vec<String> = printed
        .iter()
        .zip(&expect)
        .filter(|(ours, node)| ours != node)
        .map(|(ours, node)| format!("ours {ours}\nnode {node}"))
        .collect();
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    assert_eq!(printed.len(), expect.len());
}

#[test]
fn a_script_may_bring_its_own_globals() {
    let printed = case(
        "globalThis.URL = class { constructor(x) { this.x = x; } };
         structuredClone = (x) => x + 1;
         export default function () {
           console.log(new URL('no url').x, structuredClone(1), typeof btoa, delete globalThis.atob, typeof atob);
         }",
    )
    .run(1);
    assert_eq!(printed, ["no url 2 function true undefined"]);
}

#[test]
fn what_a_script_does_not_mention_is_not_there() {
    let printed = case(
        "export default function () {
           console.log(Object.getOwnPropertyNames(globalThis).filter((n) => n[0] === 'U' || n[0] === 's').sort().join());
         }",
    )
    .run(1);
    assert_eq!(printed, ["URIError,setInterval,setTimeout"]);
}

#[test]
fn files_that_are_required_later_get_what_they_mention() {
    let printed =
        case("const lib = require('./lib.js'); module.exports.default = () => console.log(lib.a);")
            .file("/lib.js", "exports.a = btoa('x') + new URL('http://h.test/').host;")
            .run(1);
    assert_eq!(printed, ["eA==h.test"]);
}
