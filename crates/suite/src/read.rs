//! Reading a plan: text, tree, variables, data, and everything that can be told wrong before anything is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plan::probe::Probes;
use plan::suite::{Complaint, Script, Suite};

use crate::mistake::Mistake;
use crate::secrets;
use crate::variables::{self, Known};
use crate::yaml::{self, Node, Place, Value};

/// The longest plan that is read, bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Where the bundled target listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// `127.0.0.1:PORT` of its gRPC services; empty if it has none.
    pub grpc: String,
    /// The file that names its simulated cluster; empty if it has none.
    pub kubeconfig: String,
}

/// What a plan is read with.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The environment.
    pub var: &'a dyn Fn(&str) -> Option<String>,
    /// The bundled target, where it runs already.
    pub target: Option<&'a Target>,
    /// The suite's folder, where there is one already.
    pub folder: Option<&'a Path>,
    /// Local addresses of forwards that stand already, by name.
    pub forwards: &'a [(String, String)],
}

/// A plan that can be run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub suite: Suite,
    /// Its file, as it was named.
    pub file: PathBuf,
    /// Its folder, absolute; scripts and files are relative to it.
    pub folder: PathBuf,
    /// Its text.
    pub text: String,
    tree: Node,
}

impl Loaded {
    /// A mistake at a value of the plan.
    pub fn mistake(&self, path: &plan::suite::Path, message: &str) -> Mistake {
        Mistake::new(&self.file, self.tree.place_of(path, None), message)
    }
}

/// Reads and checks a plan file.
///
/// # Errors
/// Every mistake in it, in the order of the file; the first alone where it cannot be read beyond.
pub fn read(file: &Path, given: Given<'_>) -> Result<Loaded, Vec<Mistake>> {
    let text = text_of(file).map_err(|mistake| vec![mistake])?;
    let told = |fault| vec![Mistake::of(file, fault)];
    let raw = yaml::parse(&text).map_err(told)?;
    let mut mistakes: Vec<Mistake> =
        secrets::find(&raw).into_iter().map(|fault| Mistake::of(file, fault)).collect();
    let folder = folder_of(file).map_err(|mistake| vec![mistake])?;
    let tree = variables::resolve(&raw, &known(&raw, &folder, given)).map_err(told)?;
    let mut suite: Suite = yaml::read(&tree).map_err(told)?;
    anchor_suite(&mut suite, &folder);
    let loaded = Loaded { suite, file: file.to_owned(), folder, text, tree };
    let complaints = loaded.suite.check().into_iter().chain(files(&loaded));
    mistakes.extend(complaints.map(|complaint| blamed(&loaded, &complaint)));
    if mistakes.is_empty() {
        return Ok(loaded);
    }
    mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    Err(mistakes)
}

/// Reads a file that has only what is to be watched, as a plan's `probes`; with or without that key.
///
/// # Errors
/// The first mistake in it.
pub fn read_probes(file: &Path, given: Given<'_>) -> Result<Probes, Mistake> {
    let text = text_of(file)?;
    let told = |fault| Mistake::of(file, fault);
    let raw = yaml::parse(&text).map_err(told)?;
    if let Some(fault) = secrets::find(&raw).into_iter().next() {
        return Err(told(fault));
    }
    let folder = folder_of(file)?;
    let tree = variables::resolve(&raw, &known(&raw, &folder, given)).map_err(told)?;
    let mut probes: Probes = yaml::read(tree.get("probes").unwrap_or(&tree)).map_err(told)?;
    probes.complete().map_err(|error| Mistake::new(file, Place::START, error.to_string()))?;
    anchor(&mut probes, &folder);
    Ok(probes)
}

/// Files that a plan names are in its folder, wherever what reads them is started.
fn anchor_suite(suite: &mut Suite, folder: &Path) {
    let own = suite.scenarios.iter_mut().map(|scenario| &mut scenario.probes);
    for probes in own.chain([&mut suite.probes]).flatten() {
        anchor(probes, folder);
    }
    let own = suite.scenarios.iter_mut().flat_map(|scenario| &mut scenario.ready);
    let gates = own.chain(&mut suite.ready).map(|gate| &mut gate.kubeconfig);
    let forwards = suite.forwards.iter_mut().map(|forward| &mut forward.kubeconfig);
    for kubeconfig in gates.chain(forwards) {
        anchor_file(kubeconfig, folder);
    }
}

fn anchor(probes: &mut Probes, folder: &Path) {
    for probe in &mut probes.kubernetes {
        anchor_file(&mut probe.kubeconfig, folder);
    }
    for probe in &mut probes.logs {
        probe.file = folder.join(&probe.file).to_string_lossy().into_owned();
    }
}

fn anchor_file(file: &mut Option<String>, folder: &Path) {
    if let Some(file) = file {
        *file = folder.join(&*file).to_string_lossy().into_owned();
    }
}

fn text_of(file: &Path) -> Result<String, Mistake> {
    let wrong = |message: String| Mistake::new(file, Place::START, message);
    let io = |error: std::io::Error| {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
        wrong(format!("can't be read: {text}"))
    };
    let meta = std::fs::metadata(file).map_err(io)?;
    if meta.is_dir() {
        return Err(wrong("is a folder; name the plan file in it".to_owned()));
    }
    if meta.len() > MAX_BYTES {
        return Err(wrong(format!("is longer than {} MiB", MAX_BYTES >> 20)));
    }
    let bytes = std::fs::read(file).map_err(io)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Mistake::new(file, Place { line, column: 1 }, "this is not UTF-8")
    })
}

fn folder_of(file: &Path) -> Result<PathBuf, Mistake> {
    let absolute = std::path::absolute(file).map_err(|error| {
        Mistake::new(file, Place::START, format!("its folder can't be told: {error}"))
    })?;
    Ok(absolute.parent().unwrap_or_else(|| Path::new("/")).to_owned())
}

fn known<'a>(tree: &Node, folder: &Path, given: Given<'a>) -> Known<'a> {
    let suite = given
        .folder
        .map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
    let suite = suite.unwrap_or_else(|| PathBuf::from("DIR"));
    let mut own = BTreeMap::from([
        ("plan.folder".to_owned(), folder.display().to_string()),
        ("suite.folder".to_owned(), suite.display().to_string()),
    ]);
    if let Some(Node { value: Value::List(forwards), .. }) = tree.get("forwards") {
        for to in forwards.iter().filter_map(|forward| forward.get("to")?.text()) {
            let name = plan::suite::name_of_forward(to);
            let standing = given.forwards.iter().find(|(known, _)| known == name);
            let address = standing.map_or("127.0.0.1:1", |(_, address)| address);
            own.insert(format!("forward.{name}"), address.to_owned());
        }
    }
    if tree.get("target").is_some() {
        // Before it runs, a plan with a target is read with addresses that nobody listens on.
        let placeholder = Target {
            url: "http://127.0.0.1:1".to_owned(),
            grpc: "127.0.0.1:1".to_owned(),
            kubeconfig: String::from("DIR/kubeconfig"),
        };
        let target = given.target.unwrap_or(&placeholder);
        let host = target.url.strip_prefix("http://").unwrap_or(&target.url);
        own.insert("target.host".to_owned(), host.to_owned());
        own.insert("target.url".to_owned(), target.url.clone());
        own.insert("target.grpc".to_owned(), target.grpc.clone());
        own.insert("target.kubeconfig".to_owned(), target.kubeconfig.clone());
    }
    Known { var: given.var, own }
}

fn blamed(loaded: &Loaded, complaint: &Complaint) -> Mistake {
    let place = loaded.tree.place_of(&complaint.path, complaint.column);
    Mistake::new(&loaded.file, place, complaint.message.clone())
}

/// Files that a plan names and that are not there.
fn files(loaded: &Loaded) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut need = |path: plan::suite::Path, name: &str, what: &str| {
        let full = loaded.folder.join(name);
        let message = match std::fs::metadata(&full) {
            Ok(meta) if meta.is_file() => return,
            Ok(_) => format!("the {what} `{name}` is a folder"),
            Err(_) => format!("the {what} `{name}` is not there: looked for {}", full.display()),
        };
        complaints.push(Complaint { path, column: None, message });
    };
    let root = plan::suite::Path::root();
    for (at, scenario) in loaded.suite.scenarios.iter().enumerate() {
        let path = root.key("scenarios").index(at);
        match scenario.script() {
            Some(Script::K6(name)) => need(path.key("k6"), name, "script"),
            Some(Script::Locust(name)) => need(path.key("locust"), name, "Locust file"),
            Some(Script::Burst(_)) | None => {}
        }
        if let Some(name) = scenario.data.as_deref().and_then(|data| data.strip_prefix('@')) {
            need(path.key("data"), name, "body's file");
        }
    }
    let is_built_in = |name: &str| report::BUILT_IN.iter().any(|(known, ..)| *known == name);
    if let Some(name) = loaded.suite.report.template.as_ref().filter(|name| !is_built_in(name)) {
        need(root.key("report").key("template"), name, "report's template");
    }
    complaints
}

/// A file of YAML as JSON, its variables as they stand there: what a schema is held against.
///
/// # Errors
/// It is no YAML; a sentence.
pub fn to_json(text: &str) -> Result<serde_json::Value, String> {
    yaml::parse(text)
        .map(|tree| tree.to_json())
        .map_err(|fault| format!("line {}: {}", fault.place.line, fault.message))
}
