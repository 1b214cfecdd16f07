//! The wheel, in a fresh environment: `SQUALL_WHEEL=$(bash scripts/wheel.sh)` says where it is. Without it there is nothing to do.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Lab, PLAIN, aggregated};

/// The lowest and the newest version of Locust that the overlay is for, and one that it is not.
const VERSIONS: [(&str, bool); 2] = [("2.47.0", true), ("2.46.7", false)];

fn environment(lab: &Lab, wheel: &Path, locust: &str) -> PathBuf {
    let fresh = lab.folder.path().join(format!("fresh-{locust}"));
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    run(Command::new(lab.python()).args(["-m", "venv"]).arg(&fresh));
    run(Command::new(fresh.join("bin/python3"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .arg(wheel)
        .arg(format!("locust=={locust}")));
    fresh
}

#[test]
fn the_wheel_installs_and_its_program_runs_locust_files_of_its_environment() {
    let Some(wheel) = std::env::var_os("SQUALL_WHEEL").filter(|path| !path.is_empty()) else {
        return;
    };
    let Some(lab) = Lab::new(PLAIN) else { return };
    for (version, is_laid_over) in VERSIONS {
        let fresh = environment(&lab, Path::new(&wheel), version);
        let imported = Command::new(fresh.join("bin/python3"))
            .args(["-c", "from squall_locust import _engine; print(_engine.version())"])
            .output()
            .unwrap();
        assert!(imported.status.success(), "{imported:?}");
        let before = lab.served();
        let ended = Command::new(fresh.join("bin/squall"))
            .args([
                "locust",
                "--headless",
                "-u",
                "2",
                "-r",
                "2",
                "-t",
                "3s",
                "-s",
                "5",
                "-H",
                &lab.target.url(),
            ])
            .current_dir(lab.folder.path())
            .env_clear()
            .env("HOME", lab.folder.path())
            .env("PATH", format!("{}:/usr/bin:/bin", fresh.join("bin").display()))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{told}");
        assert_eq!(lab.served() - before, 60, "{told}");
        assert_eq!(aggregated(&told), (60, 0));
        let warned =
            told.contains(&format!("Locust {version} is not a version this was tested with"));
        assert_eq!(
            (warned, told.contains("\nSquall: p50 ")),
            (!is_laid_over, is_laid_over),
            "{told}"
        );
    }
}
