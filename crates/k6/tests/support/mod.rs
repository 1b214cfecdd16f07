//! Runs a script's VUs on a simulated or real core, without an engine.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::script::{
    Activation, Interrupt, Iteration, Outcome, Script, ScriptError, Vu, VuContext,
};
use k6::{Level, LoadOptions, Loaded, LogRecord, LogSink, Reader, Test, TestConfig};
use metrics::{Registry, Shard, ShardConfig};
use plan::scenario::{ConstantVus, Executor, Scenario};
use rt::{Core, Nanos};

/// Keeps what was logged.
#[derive(Default)]
pub struct Log(pub Mutex<Vec<LogRecord>>);

impl LogSink for Log {
    fn log(&self, record: LogRecord) {
        self.0.lock().unwrap().push(record);
    }
}

impl Log {
    /// `level: message` of each line.
    pub fn lines(&self) -> Vec<String> {
        let name = |level| match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let records = self.0.lock().unwrap();
        records.iter().map(|r| format!("{}: {}", name(r.level), r.message)).collect()
    }

    /// What `console.log` and `console.info` printed.
    pub fn printed(&self) -> Vec<String> {
        let records = self.0.lock().unwrap();
        records.iter().filter(|r| r.level == Level::Info).map(|r| r.message.clone()).collect()
    }
}

/// A file system in memory.
pub struct Files(pub HashMap<PathBuf, Vec<u8>>);

impl Reader for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// A test to be run in memory; the main script is `/t.js`.
pub struct Case {
    pub files: Vec<(&'static str, String)>,
    pub env: Vec<(String, String)>,
    pub log: Arc<Log>,
    pub registry: Arc<Registry>,
}

pub fn case(main: &str) -> Case {
    Case {
        files: vec![("/t.js", main.to_owned())],
        env: Vec::new(),
        log: Arc::default(),
        registry: Arc::new(Registry::with_builtins()),
    }
}

impl Case {
    pub fn file(mut self, path: &'static str, text: &str) -> Self {
        self.files.push((path, text.to_owned()));
        self
    }

    pub fn load(&self) -> Result<Loaded, ScriptError> {
        let files =
            self.files.iter().map(|(path, text)| (PathBuf::from(path), text.clone().into_bytes()));
        k6::load(LoadOptions {
            name: "t.js".to_owned(),
            path: PathBuf::from("/t.js"),
            url: None,
            source: None,
            env: self.env.clone(),
            reader: Arc::new(Files(files.collect())),
            log: self.log.clone(),
            text_summary: |json, indent, colors| {
                format!("summary of {} bytes {indent:?} {colors}", json.len())
            },
            registry: self.registry.clone(),
            secrets: Arc::default(),
        })
    }

    pub fn test(&self) -> Test {
        self.load().unwrap().into_test(TestConfig::default())
    }

    /// Runs `n` iterations of one VU in simulated time; what it printed in them.
    pub fn run(&self, n: u64) -> Vec<String> {
        self.outcomes(n);
        self.log.printed()
    }

    /// The same, with how each iteration ended.
    pub fn outcomes(&self, n: u64) -> Vec<Outcome> {
        let test = self.test();
        self.log.0.lock().unwrap().clear();
        let bench = Bench::new(&self.registry);
        let mut core = Core::simulated(Nanos(1_000_000_000));
        core.block_on(async move {
            test.setup(bench.context(0)).await.unwrap();
            let mut vu = test.new_vu(bench.context(1)).await.unwrap();
            vu.activate(&activation("default"));
            let mut outcomes = Vec::new();
            for i in 0..n {
                outcomes.push(vu.iterate(iteration(i)).await);
            }
            outcomes
        })
    }
}

/// What VUs of one core share.
#[derive(Clone)]
pub struct Bench {
    pub shard: Rc<RefCell<Shard>>,
}

impl Bench {
    pub fn new(registry: &Arc<Registry>) -> Bench {
        Bench {
            shard: Rc::new(RefCell::new(Shard::new(0, registry.clone(), ShardConfig::default()))),
        }
    }

    pub fn context(&self, id: u64) -> VuContext {
        VuContext {
            id_in_instance: id,
            id_in_test: id,
            core: 0,
            shard: self.shard.clone(),
            status: Arc::default(),
            interrupt: Rc::new(Interrupt::default()),
        }
    }
}

pub fn activation(exec: &str) -> Rc<Activation> {
    let scenario = Scenario {
        name: "default".to_owned(),
        executor: Executor::ConstantVus(ConstantVus { vus: 1, duration: Duration::from_secs(10) }),
        start_time: Duration::ZERO,
        graceful_stop: Duration::ZERO,
        exec: exec.to_owned(),
        exec_is_given: true,
        env: vec![("FROM_SCENARIO".to_owned(), "yes".to_owned())],
        tags: vec![("team".to_owned(), "red".to_owned())],
        browser: None,
    };
    Rc::new(Activation {
        scenario_idx: 0,
        scenario: Arc::new(scenario),
        started: rt::now(),
        started_unix_ns: rt::unix_nanos(),
    })
}

pub fn iteration(i: u64) -> Iteration {
    Iteration { in_test: i, in_instance: i, intended: None }
}
