//! What VUs cost: time to make them and resident memory, printed for a script and a number of VUs.
//!
//! `cargo run -p squall-k6 --example footprint -- script.js 1000`
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::unwrap_used)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::script::{Activation, Interrupt, Iteration, Script, Vu, VuContext};
use k6::{LoadOptions, LogRecord, LogSink, Reader, TestConfig};
use metrics::{Registry, Shard, ShardConfig};
use plan::scenario::{ConstantVus, Executor, Scenario};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Print;

impl LogSink for Print {
    fn log(&self, record: LogRecord) {
        println!("{:?}: {}", record.level, record.message);
    }
}

struct Disk;

impl Reader for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn resident_kib() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4.0
}

fn main() {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().expect("a script"));
    let n: u64 = args.next().map_or(1000, |n| n.parse().unwrap());
    let iterations: u64 = args.next().map_or(1, |n| n.parse().unwrap());
    let registry = Arc::new(Registry::with_builtins());
    let loaded = k6::load(LoadOptions {
        name: path.display().to_string(),
        path: std::fs::canonicalize(&path).unwrap(),
        url: None,
        source: None,
        env: std::env::vars().collect(),
        reader: Arc::new(Disk),
        log: Arc::new(Print),
        text_summary: |_, _, _| String::new(),
        registry: registry.clone(),
        secrets: Arc::default(),
    })
    .unwrap();
    let test = loaded.into_test(TestConfig::default());
    let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
    core.block_on(async move {
        let shard = Rc::new(RefCell::new(Shard::new(0, registry.clone(), ShardConfig::default())));
        let scenario = Scenario {
            name: "default".to_owned(),
            executor: Executor::ConstantVus(ConstantVus {
                vus: n,
                duration: Duration::from_secs(1),
            }),
            start_time: Duration::ZERO,
            graceful_stop: Duration::ZERO,
            exec: "default".to_owned(),
            exec_is_given: false,
            env: Vec::new(),
            tags: Vec::new(),
            browser: None,
        };
        let activation = Rc::new(Activation {
            scenario_idx: 0,
            scenario: Arc::new(scenario),
            started: rt::now(),
            started_unix_ns: rt::unix_nanos(),
        });
        let mut vus = Vec::new();
        let mut before = resident_kib();
        let start = Instant::now();
        for id in 1..=n {
            if id == n / 10 {
                before = resident_kib();
            }
            let context = VuContext {
                id_in_instance: id,
                id_in_test: id,
                core: 0,
                shard: shard.clone(),
                status: Arc::default(),
                interrupt: Rc::new(Interrupt::default()),
            };
            let mut vu = test.new_vu(context).await.unwrap();
            vu.activate(&activation);
            vus.push(vu);
        }
        let made = start.elapsed();
        let share = 0.9 * n as f64;
        println!("{n} VUs made in {made:?}: {:.0} us each", made.as_secs_f64() * 1e6 / n as f64);
        println!("{:.1} KiB a VU after init", (resident_kib() - before) / share);
        let start = Instant::now();
        for vu in &mut vus {
            for i in 0..iterations {
                vu.iterate(Iteration { in_test: i, in_instance: i, intended: None }).await;
            }
        }
        let ran = start.elapsed();
        println!("{:.2} us an iteration", ran.as_secs_f64() * 1e6 / (n * iterations) as f64);
        println!("{:.1} KiB a VU after {iterations} iterations", (resident_kib() - before) / share);
        let start = Instant::now();
        drop(vus);
        println!("freed in {:?}", start.elapsed());
    });
}
