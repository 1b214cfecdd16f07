use std::collections::BTreeMap;
use std::io;

use super::*;

/// A disk of names and texts.
struct Files(BTreeMap<PathBuf, String>);

impl Reader for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0
            .get(path)
            .map(|text| text.clone().into_bytes())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn files(files: &[(&str, &str)]) -> Files {
    Files(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect())
}

#[track_caller]
fn check(files: &Files, from: &str, cases: &[(&str, Asked, Option<&str>)]) {
    for (specifier, asked, expect) in cases {
        let found = Finder(files).package(Path::new(from), specifier, *asked);
        assert_eq!(found, Ok(expect.map(PathBuf::from)), "{specifier}");
    }
}

#[test]
fn a_name_without_extension_finds_its_file() {
    let disk = files(&[
        ("/a/one.js", ""),
        ("/a/one.ts", ""),
        ("/a/two.ts", ""),
        ("/a/data.json", ""),
        ("/a/dir/index.ts", ""),
        ("/a/pkg/package.json", r#"{"main": "lib/main"}"#),
        ("/a/pkg/lib/main.js", ""),
        ("/a/self/package.json", r#"{"main": "."}"#),
        ("/a/self/index.js", ""),
    ]);
    for (path, expect) in [
        ("/a/one", Some("/a/one.js")),
        ("/a/two", Some("/a/two.ts")),
        ("/a/two.js", Some("/a/two.ts")),
        ("/a/data", Some("/a/data.json")),
        ("/a/dir", Some("/a/dir/index.ts")),
        ("/a/pkg", Some("/a/pkg/lib/main.js")),
        ("/a/self", Some("/a/self/index.js")),
        ("/a/none", None),
        ("/", None),
    ] {
        assert_eq!(Finder(&disk).file(Path::new(path)), expect.map(PathBuf::from), "{path}");
    }
}

#[test]
fn packages_are_found_upwards_by_their_package_json() {
    let disk = files(&[
        ("/p/node_modules/plain/package.json", r#"{"module": "./es.js", "main": "./cjs"}"#),
        ("/p/node_modules/plain/es.js", ""),
        ("/p/node_modules/plain/cjs.js", ""),
        ("/p/node_modules/plain/sub/x.js", ""),
        (
            "/p/node_modules/@s/n/package.json",
            r#"{"exports": {
            ".": {"node": "./node.js", "import": "./i.mjs", "require": {"default": "./r.cjs"}},
            "./f/*": ["./lib/*.js"], "./f/private/*": null, "./gone": "./gone.js", "./out": "../../out.js"}}"#,
        ),
        ("/p/node_modules/@s/n/i.mjs", ""),
        ("/p/node_modules/@s/n/r.cjs", ""),
        ("/p/node_modules/@s/n/lib/z.js", ""),
        ("/p/out.js", ""),
        ("/p/node_modules/old/index.js", ""),
        ("/p/node_modules/main/package.json", r#"{"exports": "./m.js"}"#),
        ("/p/node_modules/main/m.js", ""),
        ("/p/node_modules/empty/package.json", "{}"),
        ("/p/src/node_modules/near/index.js", ""),
        ("/p/node_modules/near/index.js", ""),
        (
            "/p/package.json",
            r##"{"name": "own", "exports": {"./x": "./src/x.js"}, "imports": {"#a/*": "./src/*.js", "#b": "old"}}"##,
        ),
        ("/p/src/x.js", ""),
    ]);
    use Asked::{Import, Require};
    check(
        &disk,
        "/p/src/main.js",
        &[
            ("plain", Import, Some("/p/node_modules/plain/es.js")),
            ("plain/sub/x", Import, Some("/p/node_modules/plain/sub/x.js")),
            ("plain/../../out", Import, None),
            ("@s/n", Import, Some("/p/node_modules/@s/n/i.mjs")),
            ("@s/n", Require, Some("/p/node_modules/@s/n/r.cjs")),
            ("@s/n/f/z", Import, Some("/p/node_modules/@s/n/lib/z.js")),
            ("old", Import, Some("/p/node_modules/old/index.js")),
            ("main", Require, Some("/p/node_modules/main/m.js")),
            ("near", Import, Some("/p/src/node_modules/near/index.js")),
            ("own/x", Import, Some("/p/src/x.js")),
            ("#a/x", Import, Some("/p/src/x.js")),
            ("#b", Import, Some("/p/node_modules/old/index.js")),
            ("#none", Import, None),
            ("none", Import, None),
            ("@s", Import, None),
            ("c:d", Import, None),
        ],
    );
    for (specifier, part) in [
        ("@s/n/other", "does not export \"./other\""),
        ("@s/n/f/private/z", "does not export"),
        ("@s/n/gone", "has no file ./gone.js"),
        ("@s/n/out", "has no file ../../out.js"),
        ("main/sub", "does not export \"./sub\""),
        ("empty", "names none that exists"),
        ("fs", "part of Node.js"),
        ("node:anything", "part of Node.js"),
    ] {
        let error =
            Finder(&disk).package(Path::new("/p/src/main.js"), specifier, Import).unwrap_err();
        assert!(error.contains(part), "{specifier}: {error}");
    }
    let inside = Path::new("/p/node_modules/@s/n/i.mjs");
    let error = Finder(&disk).package(inside, "node:http", Import).unwrap_err();
    assert!(error.contains("the package \"@s/n\""), "{error}");
}

#[test]
fn aliases_of_tsconfig_come_first() {
    let disk = files(&[
        (
            "/p/tsconfig.json",
            r#"{ // aliases
            "extends": "./base", "compilerOptions": {"paths": {"@/*": ["./gone/*", "./src/*"], "@/lib/*": ["lib/*"], "exact": ["./src/x.ts"],}}}"#,
        ),
        ("/p/base.json", r#"{"compilerOptions": {"baseUrl": "."}}"#),
        ("/p/src/x.ts", ""),
        ("/p/lib/y.ts", ""),
        ("/p/root.js", ""),
        ("/p/node_modules/exact/index.js", ""),
        ("/loop/tsconfig.json", r#"{"extends": "./tsconfig.json"}"#),
    ]);
    use Asked::Import;
    check(
        &disk,
        "/p/src/main.ts",
        &[
            ("@/x", Import, Some("/p/src/x.ts")),
            ("@/lib/y", Import, Some("/p/lib/y.ts")),
            ("exact", Import, Some("/p/src/x.ts")),
            ("root", Import, Some("/p/root.js")),
            ("@/none", Import, None),
        ],
    );
    check(&disk, "/p/node_modules/exact/index.js", &[("root", Import, None)]);
    check(&disk, "/loop/main.ts", &[("root", Import, None)]);
}
