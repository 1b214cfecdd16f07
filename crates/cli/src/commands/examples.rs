//! `squall demo --example NAME [DIR]`: whole folders of scripts to start from.

use std::io::Write as _;
use std::path::Path;

use crate::exit::{CommandResult, ExitStatus, Failure, system_text};
use crate::session::Session;

/// A folder of files.
struct Example {
    name: &'static str,
    /// Paths with `/`, and contents.
    files: &'static [(&'static str, &'static str)],
    /// What to type next.
    next: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example {
        name: "sumflow",
        files: &[
            (
                "k6/scripts/adder-grpc-test.js",
                include_str!("../../../../examples/002-sumflow/k6/scripts/adder-grpc-test.js"),
            ),
            (
                "k6/scripts/totalizer-http-test.js",
                include_str!("../../../../examples/002-sumflow/k6/scripts/totalizer-http-test.js"),
            ),
            (
                "k6/scripts/full-flow-test.js",
                include_str!("../../../../examples/002-sumflow/k6/scripts/full-flow-test.js"),
            ),
            (
                "k6/proto/sum.proto",
                include_str!("../../../../examples/002-sumflow/k6/proto/sum.proto"),
            ),
            (
                "k6/lib/grpc-client.js",
                include_str!("../../../../examples/002-sumflow/k6/lib/grpc-client.js"),
            ),
            ("k6/README.md", include_str!("../../../../examples/002-sumflow/k6/README.md")),
        ],
        next: "squall demo-target --pipeline-delay 50ms &\n    \
               squall run --time-scale 0.02 k6/scripts/adder-grpc-test.js\n    \
               squall run --time-scale 0.02 k6/scripts/totalizer-http-test.js\n    \
               squall run --duration 10s --vus 10 k6/scripts/full-flow-test.js",
    },
    Example {
        name: "alphapulse",
        files: &[
            (
                "baseline-test.js",
                include_str!("../../../../examples/003-alphapulse/baseline-test.js"),
            ),
            (
                "target-capacity-test.js",
                include_str!("../../../../examples/003-alphapulse/target-capacity-test.js"),
            ),
        ],
        next: "squall demo-target &\n    \
               squall run --vus 10 --duration 1m baseline-test.js\n    \
               squall run --time-scale 0.05 target-capacity-test.js",
    },
];

/// Writes an example's files below `folder`, or none if one is there already with another content.
pub(super) fn lay_out(session: &Session, name: &str, folder: &str) -> CommandResult {
    let Some(example) = EXAMPLES.iter().find(|example| example.name == name) else {
        let names: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
        return Err(Failure::usage(format!("there is no example {name:?}"))
            .hint(format!("the examples are: {}", names.join(", "))));
    };
    let root = Path::new(folder);
    for (path, text) in example.files {
        let path = root.join(path);
        if path.exists() && std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            let text = format!("{} exists and is not the example's", path.display());
            return Err(Failure::usage(text).hint("name another folder: nothing was written"));
        }
    }
    let mut listing = String::new();
    for (path, text) in example.files {
        let path = root.join(path);
        write(&path, text).map_err(|error| {
            Failure::usage(format!("can't write {}: {}", path.display(), system_text(&error)))
        })?;
        listing += &format!("  {}\n", path.display());
    }
    let first = if folder == "." { String::new() } else { format!("cd {folder}\n    ") };
    session.terminal.out(&format!("{listing}\n  Next:\n    {first}{}\n", example.next));
    Ok(ExitStatus::Success)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::File::create(path)?.write_all(text.as_bytes())
}
