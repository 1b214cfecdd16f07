//! Running k6 or Squall on a case, in a folder of its own with a target of its own, with a bound on its time.

use crate::case::Case;
use crate::normal::{Names, log_lines, stdout_lines};
use crate::observed::Observed;
use crate::sandbox::{Folder, files, wait};
use crate::{export, grpc_server, points, requests, secure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names of the two files that the harness asks for.
const POINTS: &str = "conformance-points.json";
const EXPORT: &str = "conformance-export.json";

/// k6, or Squall under the name of `k6`: it then prints nothing that k6 would not print.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
}

impl Program {
    pub(crate) fn k6(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn squall() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("named-k6");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("k6");
        // Two tests may do this at once; the link of either is right.
        let _ = fs::remove_file(&path);
        let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_squall"), &path);
        Self { path }
    }

    /// The second word of what `version` prints.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.path).arg("version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().nth(1).unwrap_or_default().to_owned()
    }

    /// Runs a case and gives what it left behind, normalised.
    pub(crate) fn run(&self, case: &Case, home: &Path) -> Observed {
        let folder = Folder::with_copy_of(&home.join("scripts"));
        let before = files(&folder.0);
        let mut config = demo::TargetConfig::on_free_port();
        config.transcript = true;
        let target = demo::Target::start(config).unwrap();
        let protos = home.join("scripts/proto");
        let grpc = case.wants_grpc.then(|| grpc_server::start(&protos, "echo.proto"));
        let secure = case.is_secure.then(secure::address);
        let grpc_addr = grpc.as_ref().map(|grpc| grpc.addr);
        let names = Names::new(&folder.0, target.addrs()[0], grpc_addr, secure);
        let output = wait(self.command(case, &folder.0, &names).spawn().unwrap(), &case.name);
        let mut after = files(&folder.0);
        after.retain(|name, _| !before.contains_key(name));
        let points = after.remove(POINTS).unwrap_or_default();
        let export = after.remove(EXPORT).unwrap_or_default();
        let mut observed = Observed {
            exit: output
                .status
                .code()
                .map_or_else(|| "killed by a signal".into(), |code| code.to_string()),
            requests: requests::lines(&target.transcript(), &names, case.is_ordered),
            log: log_lines(&String::from_utf8_lossy(&output.stderr), &names),
            stdout: stdout_lines(&String::from_utf8_lossy(&output.stdout), &names, &case.cut),
            summary: export::lines(&export, &names, &case.cut),
            samples: points::lines(&points, &names, &case.cut),
            files: file_lines(&after, &names),
        };
        if let Some(grpc) = grpc {
            let seen = grpc.seen.lock().unwrap();
            observed.requests.extend(seen.calls.iter().map(|line| names.clean(line)));
        }
        if !case.is_ordered {
            observed.requests.sort();
            observed.log.sort();
        }
        observed
    }

    fn command(&self, case: &Case, folder: &Path, names: &Names) -> Command {
        let target = names.target();
        let mut command = Command::new(&self.path);
        command.args(["run", "--no-usage-report", "--no-color"]);
        if !case.is_loud {
            command.arg("--quiet");
        }
        command.args(["--out", &format!("json={POINTS}"), "--summary-export", EXPORT]);
        command.args(["-e", &format!("BASE=http://{target}"), "-e", &format!("TARGET={target}")]);
        let grpc = names.grpc();
        if case.wants_grpc {
            command.args(["-e", &format!("GRPC={grpc}")]);
        }
        if case.is_secure {
            command.args(["-e", &format!("SECURE={}", secure::address())]);
        }
        let named = |word: &String| word.replace("{TARGET}", target).replace("{GRPC}", grpc);
        command.args(case.words.iter().map(named));
        command.arg(&case.file);
        let input = if case.file == "-" {
            Stdio::from(fs::File::open(folder.join(&case.script)).unwrap())
        } else {
            Stdio::null()
        };
        command
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("PATH", "/usr/bin:/bin")
            // Data and recordings of runs stay in the folder; nothing outside is asked for unknown modules.
            .env("XDG_DATA_HOME", folder.join("home/data"))
            .env("K6_AUTO_EXTENSION_RESOLUTION", "false")
            .envs(case.env.iter().map(|(name, value)| (name, value)))
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn file_lines(files: &BTreeMap<String, String>, names: &Names) -> Vec<String> {
    let lines = |(name, text): (&String, &String)| -> Vec<String> {
        names.clean(text).lines().map(|line| format!("{name}: {line}")).collect()
    };
    files.iter().flat_map(lines).collect()
}
