//! Any `package.json` and `tsconfig.json`, any name: an answer in bounded time, within the folder of the package.
#![no_main]

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;

struct Files(HashMap<PathBuf, Vec<u8>>);

impl k6::Reader for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| Error::from(ErrorKind::NotFound))
    }
}

fuzz_target!(|input: (&str, &str, &str)| {
    let (specifier, package, config) = input;
    let file = |path: &str, text: &str| (PathBuf::from(path), text.as_bytes().to_vec());
    let files = Files(HashMap::from([
        file("/p/node_modules/a/package.json", package),
        file("/p/node_modules/a/index.js", ""),
        file("/p/node_modules/a/lib/b.js", ""),
        file("/p/tsconfig.json", config),
        file("/p/lib/c.ts", ""),
    ]));
    let base = Path::new("/p/src/main.ts");
    if let Ok(Some(found)) = k6::find_package(&files, base, specifier) {
        assert!(files.0.contains_key(&found), "{found:?} is not there");
    }
});
