//! The command line, configuration and environment: Locust's, and our few flags.

use crate::lab::{Lab, PLAIN, aggregated, python};
use crate::program::Folder;

const TWO: &str = r#"
from locust import FastHttpUser, HttpUser, constant, events, tag, task

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--path", default="/get", env_var="LOCUST_PATH_OF_OURS")

class First(HttpUser):
    wait_time = constant(0.05)

    @task
    @tag("a")
    def one(self):
        self.client.get(self.environment.parsed_options.path)

class Second(FastHttpUser):
    wait_time = constant(0.05)
    weight = 3

    @task
    @tag("b")
    def two(self):
        self.client.get("/anything")
"#;

#[test]
fn lists_and_ratios_are_locusts() {
    let Some(lab) = Lab::new(TWO) else { return };
    let ended = lab.squall("--list").run().expect_code(0);
    assert_eq!(ended.stdout, "Available Users:\n    First\n    Second\n");
    let ended = lab.squall("--show-task-ratio").run().expect_code(0);
    assert!(ended.stdout.contains("Task ratio per User class"), "{}", ended.stdout);
    let ended = lab.squall("--show-task-ratio-json").run().expect_code(0);
    let ratio: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(ratio["per_class"]["Second"]["ratio"], 0.75);
    lab.squall("--version").run().expect_code(0).expect_stdout("locust 2.");
    lab.squall("--help").run().expect_code(0).expect_stdout("--locust-rounding");
    let ended = lab.locust("--help").run().expect_code(0);
    assert!(ended.stdout.contains("--headless") && !ended.stdout.contains("--locust-rounding"));
}

#[test]
fn users_tags_custom_arguments_files_and_variables_are_heeded() {
    let Some(lab) = Lab::new(TWO) else { return };
    let ended = lab.run("-u 2 -r 2 -t 1s --path /headers First").expect_code(0);
    assert!(ended.stderr.contains("\nGET      /headers "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("/anything"), "{}", ended.stderr);
    let ended = lab.run("-u 2 -r 2 -t 1s Second -T b").expect_code(0);
    assert!(ended.stderr.contains("\nGET      /anything "), "{}", ended.stderr);
    lab.folder.write("locust.conf", "users = 3\nspawn-rate = 3\nrun-time = 1s\nheadless = true\n");
    let ended = lab
        .squall(&format!("-H {} First", lab.target.url()))
        .env("LOCUST_PATH_OF_OURS", "/ip")
        .run()
        .expect_code(0);
    assert!(ended.stderr.contains("{\"First\": 3} (3 total users)"), "{}", ended.stderr);
    assert!(ended.stderr.contains("\nGET      /ip "), "{}", ended.stderr);
}

#[test]
fn wrong_options_end_as_in_locust() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    lab.squall("--headlesss").run().expect_code(2).expect_stderr("locust: error: ");
    lab.squall("--csv-full-history").run().expect_code(2).expect_stderr("requires '--csv'");
    lab.squall("--autoquit 3").run().expect_code(1).expect_stderr("--autoquit is only meaningful");
    lab.squall("-f nowhere.py").run().expect_code(1).expect_stderr("Could not find 'nowhere.py'");
    lab.squall("--headless Nobody").run().expect_code(1).expect_stderr("Unknown User(s): Nobody");
    lab.squall("--master --worker").run().expect_code(255);
    lab.squall("--csv-names old").run().expect_code(2).expect_stderr("neither `locust` nor `both`");
    lab.folder.write("broken.py", "def x(:\n");
    lab.squall("-f broken.py").run().expect_code(1).expect_stderr("SyntaxError");
}

#[test]
fn rounding_can_be_locusts() {
    let Some(lab) = Lab::new(
        r#"
from locust import User, constant, events, task

class Custom(User):
    wait_time = constant(0.1)

    @task
    def fire(self):
        events.request.fire(
            request_type="X", name="x", response_time=147.0, response_length=0, exception=None, context={}
        )
"#,
    ) else {
        return;
    };
    let row = |words: &str| {
        let ended = lab.run(&format!("-u 1 -t 1s --csv a {words}")).expect_code(0);
        assert!(aggregated(&ended.stderr).0 > 2);
        lab.folder.read("a_stats.csv").lines().nth(1).unwrap().to_owned()
    };
    assert!(row("").ends_with(",147,147,147,147,147,147,147,147,147,147,147"));
    assert!(row("--locust-rounding").ends_with(",150,150,150,150,150,150,150,150,150,150,150"));
}

#[test]
fn without_python_or_locust_a_line_says_what_to_do() {
    let folder = Folder::new();
    let ended =
        folder.squall(&["locust", "-f", "a.py"]).env("PATH", "/nowhere").run().expect_code(1);
    assert!(ended.stderr.contains("no `python3` on the PATH"), "{}", ended.stderr);
    assert!(ended.stderr.contains("pip install locust"), "{}", ended.stderr);
    folder
        .squall(&["locust", "--python", "/nowhere/python"])
        .run()
        .expect_code(1)
        .expect_stderr("--python /nowhere/python: there is no such program");
    let Some(python) = python() else { return };
    // An environment without Locust: the packages of the other are not looked for.
    let bare = folder.path().join("bare");
    let made = std::process::Command::new(&python)
        .args(["-m", "venv", "--without-pip"])
        .arg(&bare)
        .status()
        .unwrap();
    assert!(made.success());
    let ended = folder
        .squall(&["locust", "-f", "a.py"])
        .env("VIRTUAL_ENV", bare.to_str().unwrap())
        .run()
        .expect_code(1);
    assert!(ended.stderr.contains("has no package `locust`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("-m pip install locust"), "{}", ended.stderr);
}

#[test]
fn another_version_of_locust_runs_as_it_is_with_a_warning() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let other = lab.folder.path().join("other/locust");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("__init__.py"), "__version__ = '3.1.0'\n").unwrap();
    let main = "import sys\ndef main():\n    print('its own', sys.argv)\n";
    std::fs::write(other.join("main.py"), main).unwrap();
    let path = lab.folder.path().join("other");
    let ended = lab.squall("-u 3").env("PYTHONPATH", path.to_str().unwrap()).run().expect_code(0);
    assert_eq!(ended.stdout, "its own ['locust', '-u', '3']\n");
    let warning = "warning: Locust 3.1.0 is not a version this was tested with (2.47)";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
}

#[test]
fn presets_are_listed_and_taken() {
    let folder = Folder::new();
    folder.squall(&["locust", "--list-presets"]).run().expect_code(0).expect_stdout("medium");
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.run("--preset heavy -u 2 -t 1s").expect_code(0);
    assert!(ended.stderr.contains("Ramping to 2 users at a rate of 50.00"), "{}", ended.stderr);
}
