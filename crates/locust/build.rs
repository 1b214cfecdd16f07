//! Puts the Python side into the program: every file of `python/squall_locust`, and the engine, which a `cargo` of its own
//! compiles from `crates/pyengine`: as `release` for a release, else as `quick`, which takes a third of the time.
//! `SQUALL_PYENGINE=/path/to/_engine.abi3.so` takes a ready one instead; `SQUALL_PYENGINE=none` leaves it out, and with it
//! `squall locust`.

#![allow(
    clippy::disallowed_methods,
    reason = "cargo talks to a build script through the environment"
)]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// Crates the engine is made of: a change there makes a new one.
const PARTS: [&str; 5] = ["pyengine", "net", "rt", "metrics", "plan"];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let package = here.join("python/squall_locust");
    println!("cargo::rerun-if-changed={}", package.display());
    println!("cargo::rerun-if-env-changed=SQUALL_PYENGINE");
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&package)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "py") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((format!("squall_locust/{name}"), path));
        }
    }
    if let Some(engine) = engine(&here, &out)? {
        let engine = stripped(&engine, &out)?;
        files.push(("squall_locust/_engine.abi3.so".to_owned(), engine));
    }
    files.sort();
    let mut hash = Sha256::new();
    let mut list = String::new();
    for (name, path) in &files {
        hash.update(name.as_bytes());
        hash.update(fs::read(path)?);
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())?;
    }
    let hash: String = hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let source = format!(
        "/// Names the contents.\nconst HASH: &str = {hash:?};\n\
         /// Names and contents.\nconst FILES: &[(&str, &[u8])] = &[\n{list}];\n"
    );
    fs::write(out.join("embedded.rs"), source)?;
    Ok(())
}

/// Where the compiled engine is.
fn engine(here: &Path, out: &Path) -> Result<Option<PathBuf>, Box<dyn Error>> {
    if let Some(ready) = env::var_os("SQUALL_PYENGINE").filter(|path| !path.is_empty()) {
        if ready == "none" {
            return Ok(None);
        }
        let ready = PathBuf::from(ready);
        println!("cargo::rerun-if-changed={}", ready.display());
        return Ok(Some(ready));
    }
    let crates = here.join("..");
    if !crates.join("pyengine").exists() {
        return Ok(None);
    }
    for part in PARTS {
        println!("cargo::rerun-if-changed={}", crates.join(part).join("src").display());
        println!("cargo::rerun-if-changed={}", crates.join(part).join("Cargo.toml").display());
    }
    // A folder of its own: the outer cargo holds the lock of the usual one.
    let outer = outer_profile(out);
    let target = outer.parent().unwrap_or(outer).join("pyengine");
    let profile = if outer.ends_with("release") { "release" } else { "quick" };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(&crates)
        .args(["build", "--package", "squall-pyengine", "--features", "extension"])
        .args(["--profile", profile, "--target-dir"])
        .arg(&target)
        // Without it the library would be linked to one version of Python.
        .env("PYO3_BUILD_EXTENSION_MODULE", "1");
    // The outer cargo may be checking, linting or measuring; this is a plain build.
    for variable in [
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "CLIPPY_ARGS",
        "CLIPPY_CONF_DIR",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_MAKEFLAGS",
        "MAKEFLAGS",
    ] {
        cargo.env_remove(variable);
    }
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!("the engine for Python could not be compiled: {status}").into());
    }
    let ending = if cfg!(target_os = "macos") { "dylib" } else { "so" };
    Ok(Some(target.join(profile).join(format!("lib_engine.{ending}"))))
}

/// The engine without what only debuggers read, which is most of it; as it is where there is no `strip`.
fn stripped(engine: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let copy = out.join(engine.file_name().unwrap_or_default());
    fs::copy(engine, &copy)?;
    let flag = if cfg!(target_os = "macos") { "-x" } else { "--strip-unneeded" };
    match Command::new("strip").arg(flag).arg(&copy).status() {
        Ok(status) if status.success() => Ok(copy),
        _ => Ok(engine.to_owned()),
    }
}

/// The folder of the outer cargo's profile: `…/target/debug` of `…/target/debug/build/squall-locust-…/out`.
fn outer_profile(out: &Path) -> &Path {
    let is_build = |path: &&Path| path.file_name().is_some_and(|name| name == "build");
    out.ancestors().find(is_build).and_then(Path::parent).unwrap_or(out)
}
