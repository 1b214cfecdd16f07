//! A loaded test: the probe that finds out what the script wants, and the [`Script`] the engine runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::script::{Script, ScriptError, VuContext};
use metrics::Registry;
use rt::Core;

use crate::compile::{CompileError, Graph};
use crate::host::Phase;
use crate::log::LogSink;
use crate::realm::{Failure, Realm};
use crate::resolve;
use crate::secrets::Secrets;
use crate::summary_files::{self, SummaryResult};
use crate::vu::{K6Vu, script_error, throw_away_context};
use crate::world::{Reader, TestConfig, TextSummary, World, lock};

/// What [`load`] needs.
pub struct LoadOptions {
    /// The script as the user named it, for messages; `-` for standard input.
    pub name: String,
    /// Its absolute path. For standard input any name in the working directory.
    pub path: PathBuf,
    /// Its URL, where it is not that of `path`: a script from the network.
    pub url: Option<String>,
    /// Its text, if it does not come from `reader` (standard input).
    pub source: Option<Vec<u8>>,
    /// `__ENV`.
    pub env: Vec<(String, String)>,
    /// Reads the script, its modules and what it opens.
    pub reader: Arc<dyn Reader>,
    /// Where console output and warnings go.
    pub log: Arc<dyn LogSink>,
    /// Renders `textSummary`.
    pub text_summary: TextSummary,
    /// Metrics of the run; the script's own are declared here.
    pub registry: Arc<Registry>,
    /// What `k6/secrets` gives.
    pub secrets: Arc<Secrets>,
}

/// A script whose init code has run once.
pub struct Loaded {
    world: Arc<World>,
    /// The exported `options` as JSON; `None` where there are none.
    pub options_json: Option<String>,
    /// Names of exported functions, in the order of their export.
    pub functions: Vec<String>,
    has_setup: bool,
    has_teardown: bool,
}

/// What the probe reports.
struct Exports {
    options: Result<Option<String>, String>,
    functions: Vec<String>,
    kinds: [Kind; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absent,
    Function,
    Other,
}

/// Reads and compiles the script and runs its init code once (`__VU` is 0).
///
/// # Errors
/// k6's text and exit code for a script that is missing, does not parse, throws, or exports nothing to run.
pub fn load(options: LoadOptions) -> Result<Loaded, ScriptError> {
    let source = source(&options)?;
    let url = options.url.unwrap_or_else(|| resolve::url_of(&options.path));
    let graph = Graph::compile(&url, &source, &*options.reader)
        .map_err(|error| compile_error(&options.name, &url, &error))?;
    let world = Arc::new(World {
        graph,
        registry: options.registry,
        log: options.log,
        env: options.env,
        reader: options.reader,
        text_summary: options.text_summary,
        script_dir: options.path.parent().unwrap_or_else(|| Path::new("/")).to_path_buf(),
        files: Default::default(),
        texts: Default::default(),
        cursors: Default::default(),
        arrays: Default::default(),
        config: OnceLock::new(),
        probe_config: TestConfig::default(),
        setup_data: Default::default(),
        warned: Default::default(),
        protos: Default::default(),
        tls: Default::default(),
        http: OnceLock::new(),
        secrets: options.secrets,
    });
    let not_loaded = |what: &str| {
        format!("could not initialize '{}': could not load JS test '{url}': {what}", options.name)
    };
    let exports = probe(&world).map_err(|failure| match failure {
        Failure::Aborted(text) => script_error(Failure::Aborted(not_loaded(&text))),
        failure => script_error(failure),
    })?;
    let fail =
        |message: &str| ScriptError { message: message.to_owned(), exit_code: 255, hint: None };
    let options_json =
        exports.options.map_err(|text| fail(&format!("error parsing script options: {text}")))?;
    for (name, kind) in ["setup", "teardown"].iter().zip(exports.kinds) {
        if kind == Kind::Other {
            return Err(fail(&format!("exported '{name}' must be a function")));
        }
    }
    if exports.functions.is_empty() {
        return Err(fail("no exported functions in script"));
    }
    let [has_setup, has_teardown] = exports.kinds.map(|kind| kind == Kind::Function);
    Ok(Loaded { world, options_json, functions: exports.functions, has_setup, has_teardown })
}

/// The script's text.
pub(crate) fn source(options: &LoadOptions) -> Result<Vec<u8>, ScriptError> {
    match &options.source {
        Some(source) => Ok(source.clone()),
        None => options.reader.read(&options.path).map_err(|_| ScriptError {
            message: resolve::not_found(&options.name),
            exit_code: 255,
            hint: None,
        }),
    }
}

/// k6's sentence about a script that does not compile.
pub(crate) fn compile_error(name: &str, url: &str, error: &CompileError) -> ScriptError {
    ScriptError {
        message: format!(
            "could not initialize '{name}': could not load JS test '{url}': {}",
            error.message
        ),
        exit_code: error.exit_code,
        hint: None,
    }
}

/// Runs the init code in a VU that is thrown away, on a core of its own.
fn probe(world: &Arc<World>) -> Result<Exports, Failure> {
    let world = world.clone();
    on_a_core(async move {
        let context = throw_away_context(&world);
        let mut vu = K6Vu::new(world, &context).await?;
        vu.inspect(exports).await
    })
}

fn exports(realm: &Realm) -> Exports {
    let cx = realm.cx();
    let kind = |name: &str| {
        let value = realm.export(name);
        if value.is_nullish() {
            Kind::Absent
        } else if value.is_function(cx) {
            Kind::Function
        } else {
            Kind::Other
        }
    };
    let options = realm.export("options");
    let options = if options.is_nullish() {
        Ok(None)
    } else {
        crate::vu::stringify_strictly(cx, options.raw()).map_err(|thrown| {
            let _ = thrown;
            let error = cx.take_exception();
            crate::exception::headline(cx, error.raw())
        })
    };
    Exports {
        options,
        functions: realm.exported_functions(),
        kinds: [kind("setup"), kind("teardown")],
    }
}

/// Runs a future that needs a core where there is none.
fn on_a_core<T: 'static>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let core = Core::new(rt::CoreConfig { spin: false });
    let mut core = core.map_err(|error| Failure::Threw(format!("can't start a core: {error}")))?;
    core.block_on(future)
}

impl Loaded {
    /// Whether the script exports `name` as a function.
    pub fn exports(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function == name)
    }

    /// What all VUs share, for those who load metrics or files before the run.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The test, ready for the engine. Only the first call on a script counts its `config`.
    pub fn into_test(self, config: TestConfig) -> Test {
        let _ = self.world.config.set(config);
        Test { world: self.world, has_setup: self.has_setup, has_teardown: self.has_teardown }
    }
}

/// A test the engine can run.
pub struct Test {
    world: Arc<World>,
    has_setup: bool,
    has_teardown: bool,
}

impl std::fmt::Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Test({})", self.world.graph.main)
    }
}

impl Test {
    /// Checks the options that only HTTP needs (TLS, names, addresses), so that a mistake is told before the run.
    /// What the user should know about them is returned.
    ///
    /// # Errors
    /// What can't be used.
    pub fn check_http(&self) -> Result<Vec<String>, String> {
        crate::http::Settings::of(&self.world).map(|settings| settings.warnings.clone())
    }

    /// What `setup()` returned, JSON; `None` where it returned nothing.
    pub fn setup_data(&self) -> Option<Arc<str>> {
        self.world.setup_data()
    }

    /// Replaces what `setup()` returned: JSON, or nothing. VUs that have used the old data keep it.
    pub fn set_setup_data(&self, json: Option<String>) {
        *lock(&self.world.setup_data) = json.map(Into::into);
    }

    /// Calls `handleSummary(data)` in a VU of its own, for at most `timeout`.
    ///
    /// # Errors
    /// k6's text where it took too long; nothing is shown then.
    pub fn handle_summary(
        &self,
        data_json: &str,
        timeout: Duration,
    ) -> Result<SummaryResult, String> {
        let world = self.world.clone();
        let data = data_json.to_owned();
        let late =
            format!("handleSummary() execution timed out after {} seconds", timeout.as_secs());
        let result = on_a_core(async move {
            let context = throw_away_context(&world);
            let interrupt = context.interrupt.clone();
            let summary = async {
                let mut vu = K6Vu::new(world, &context).await?;
                vu.inspect(move |realm| summary_files::run(realm, &data)).await?
            };
            let mut summary = std::pin::pin!(summary);
            match rt::timeout(timeout, summary.as_mut()).await {
                Ok(result) => result,
                Err(_) => {
                    interrupt.raise();
                    let _ = summary.await;
                    Err(Failure::Interrupted)
                }
            }
        });
        match result {
            Ok(result) => Ok(result),
            Err(Failure::Interrupted) => Err(late),
            Err(Failure::Threw(text) | Failure::Rejected(text) | Failure::Aborted(text)) => {
                Ok(SummaryResult::Threw(text))
            }
        }
    }
}

/// JSON with the keys of its objects in order, as k6 keeps what `setup()` returns.
fn sorted(json: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(mut value) => {
            value.sort_all_objects();
            value.to_string()
        }
        Err(_) => json.to_owned(),
    }
}

impl Script for Test {
    type Vu = K6Vu;

    async fn new_vu(&self, context: VuContext) -> Result<K6Vu, ScriptError> {
        K6Vu::new(self.world.clone(), &context).await.map_err(|failure| {
            let mut error = script_error(failure);
            if let Some(hint) = &error.hint {
                error.hint =
                    Some(format!("error while initializing VU #{} ({hint})", context.id_in_test));
            }
            error
        })
    }

    async fn setup(&self, context: VuContext) -> Result<(), ScriptError> {
        if !self.has_setup {
            self.set_setup_data(None);
            return Ok(());
        }
        let mut vu = K6Vu::new(self.world.clone(), &context).await.map_err(script_error)?;
        let data = vu.call(Phase::Setup, "setup", None).await.map_err(script_error)?;
        self.set_setup_data(data.map(|json| sorted(&json)));
        Ok(())
    }

    async fn teardown(&self, context: VuContext) -> Result<(), ScriptError> {
        if !self.has_teardown {
            return Ok(());
        }
        let mut vu = K6Vu::new(self.world.clone(), &context).await.map_err(script_error)?;
        vu.call(Phase::Teardown, "teardown", self.world.setup_data())
            .await
            .map_err(script_error)?;
        Ok(())
    }
}
