//! Compiles the vendored QuickJS-NG and picks the bindings of the target.

use std::path::Path;
use std::{env, fs};

const SOURCES: [&str; 4] = ["libregexp.c", "libunicode.c", "quickjs.c", "dtoa.c"];

fn main() {
    println!("cargo:rerun-if-changed=quickjs");
    println!("cargo:rerun-if-changed=src/bindings");
    println!("cargo:rerun-if-env-changed=CARGO_CFG_SANITIZE");

    let out_dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let bindings = format!("src/bindings/{target}.rs");
    assert!(
        Path::new(&bindings).exists(),
        "no QuickJS bindings for {target}: see third_party/rquickjs-sys/PATCHES.md"
    );
    fs::write(
        Path::new(&out_dir).join("bindings.rs"),
        format!("macro_rules! bindings_env {{ (\"TARGET\") => {{ \"{target}\" }}; }}"),
    )
    .expect("OUT_DIR is writable");

    let mut builder = cc::Build::new();
    builder
        .extra_warnings(false)
        .warnings(false)
        .flag_if_supported("-Wno-implicit-const-int-float-conversion")
        .define("_GNU_SOURCE", None)
        .define("SQUALL_NO_ARENAS", None)
        // The interpreter is the product even in test builds: a -O0 QuickJS is 10 times slower.
        .opt_level(if env::var("PROFILE").as_deref() == Ok("release") { 3 } else { 2 })
        .debug(false);
    // GCC copies a few arguments with `rep movs`, which takes 30 cycles to start.
    for what in ["memcpy", "memset"] {
        builder.flag_if_supported(format!("-m{what}-strategy=unrolled_loop:64:noalign,libcall:-1:noalign"));
    }
    if env::var("CARGO_CFG_SANITIZE").as_deref() == Ok("address") {
        builder.flag("-fsanitize=address").flag("-fno-omit-frame-pointer");
    }
    // Assertions find our mistakes in tests; a run must not abort for them.
    let release = env::var("PROFILE").as_deref() == Ok("release");
    if release || env::var_os("CARGO_FEATURE_DISABLE_ASSERTIONS").is_some() {
        builder.define("NDEBUG", None);
    }
    for source in SOURCES {
        builder.file(Path::new("quickjs").join(source));
    }
    builder.compile("libquickjs.a");
}
