//! Modules from the network: fetched as k6 does, kept in a cache, and held to a lock file where there is one.
//!
//! Without a lock a module is fetched in every run, as in k6; the cache only helps when the network is away. A lock file
//! (`--import-lock FILE`, or `squall.lock` beside the script) has the SHA-256 of each module's text: what it names comes
//! from the cache if that has it, is refused if the network gives something else, and is added if it is new.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use net::http::Request;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fetch::{self, Way};
use crate::exit::{Failure, system_text};
use crate::log::Logger;

/// How long one fetch may take, redirects included; k6's.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How many redirects are followed; Go's.
const MAX_REDIRECTS: usize = 10;

/// Largest module, bytes.
const MAX_MODULE: u64 = 64 << 20;

/// Largest lock file, bytes.
const MAX_LOCK: u64 = 4 << 20;

/// Version of the lock file's form.
const LOCK_VERSION: u64 = 1;

/// Fetches modules.
pub(crate) struct Remote {
    cache: Option<PathBuf>,
    lock: Mutex<Lock>,
    way: Way,
    log: Logger,
    /// What this process has fetched.
    known: Mutex<HashMap<String, Result<Vec<u8>, String>>>,
}

/// Digests of modules by URL, and the file they are kept in.
#[derive(Debug, Default)]
struct Lock {
    file: Option<PathBuf>,
    modules: BTreeMap<String, String>,
}

impl Remote {
    /// Fetches into the folder `cache`, held to the lock file `lock`, which need not exist yet. `insecure` accepts any
    /// certificate.
    ///
    /// # Errors
    /// The lock file can't be read.
    pub(crate) fn new(
        cache: Option<PathBuf>,
        lock: Option<PathBuf>,
        insecure: bool,
        log: Logger,
    ) -> Result<Self, Failure> {
        let lock = match lock {
            Some(file) => Lock::read(file)?,
            None => Lock::default(),
        };
        let way = Way { proxies: fetch::proxies(), insecure, max_body_bytes: MAX_MODULE };
        Ok(Self { cache, lock: Mutex::new(lock), way, log, known: Mutex::default() })
    }

    /// The text of the module at a URL.
    ///
    /// # Errors
    /// Why it can't be had, or may not be used.
    pub(crate) fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        if let Some(known) = locked(&self.known).get(url) {
            return known.clone();
        }
        let result = self.load(url);
        locked(&self.known).insert(url.to_owned(), result.clone());
        result
    }

    fn load(&self, url: &str) -> Result<Vec<u8>, String> {
        let wanted = locked(&self.lock).modules.get(url).cloned();
        let cached = self.cached(url);
        if let (Some(wanted), Some(cached)) = (&wanted, &cached)
            && digest(cached) == *wanted
        {
            return Ok(cached.clone());
        }
        let text = match download(url, &self.way) {
            Ok(text) => {
                self.keep(url, &text);
                text
            }
            // What the server says counts; a server that does not answer leaves the cache.
            Err(Refusal::Unreachable(why)) if wanted.is_none() => {
                let cached = cached.ok_or_else(|| why.clone())?;
                self.log.warn(&format!("{url} comes from the cache of an earlier run: {why}"));
                cached
            }
            Err(Refusal::Unreachable(why) | Refusal::Answered(why)) => return Err(why),
        };
        let found = digest(&text);
        match wanted {
            Some(wanted) if wanted != found => Err(format!(
                "its content has changed: {} has {wanted}, the server gives {found}; if that is right, remove its line",
                locked(&self.lock).name()
            )),
            Some(_) => Ok(text),
            None => {
                locked(&self.lock).add(url, found)?;
                Ok(text)
            }
        }
    }

    fn cache_file(&self, url: &str) -> Option<PathBuf> {
        let name = digest(url.as_bytes());
        Some(self.cache.as_ref()?.join(name.trim_start_matches("sha256-")))
    }

    fn cached(&self, url: &str) -> Option<Vec<u8>> {
        let file = self.cache_file(url)?;
        let size = std::fs::metadata(&file).ok()?.len();
        if size <= MAX_MODULE { std::fs::read(file).ok() } else { None }
    }

    /// A cache that can't be written helps nobody and hurts nobody.
    fn keep(&self, url: &str, text: &[u8]) {
        let Some(file) = self.cache_file(url) else { return };
        let _ = file.parent().map(std::fs::create_dir_all);
        let _ = replace(&file, text);
    }
}

impl Lock {
    fn read(file: PathBuf) -> Result<Self, Failure> {
        let failure =
            |why: String| Failure::usage(format!("import lock {}: {why}", file.display()));
        let text = match std::fs::metadata(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { file: Some(file), modules: BTreeMap::new() });
            }
            Err(error) => return Err(failure(system_text(&error))),
            Ok(metadata) if metadata.len() > MAX_LOCK => {
                return Err(failure(format!("it is larger than {MAX_LOCK} bytes")));
            }
            Ok(_) => std::fs::read(&file).map_err(|error| failure(system_text(&error)))?,
        };
        let json: Value =
            serde_json::from_slice(&text).map_err(|error| failure(error.to_string()))?;
        if json.get("version").and_then(Value::as_u64) != Some(LOCK_VERSION) {
            return Err(failure(format!("its version is not {LOCK_VERSION}")));
        }
        let modules = json.get("modules").and_then(Value::as_object);
        let modules = modules.ok_or_else(|| failure("it has no `modules`".to_owned()))?;
        let pair =
            |(url, digest): (&String, &Value)| Some((url.clone(), digest.as_str()?.to_owned()));
        let modules = modules.iter().map(pair).collect::<Option<_>>();
        let modules = modules.ok_or_else(|| failure("a digest is not a text".to_owned()))?;
        Ok(Self { file: Some(file), modules })
    }

    fn name(&self) -> String {
        self.file.as_ref().map_or_else(String::new, |file| file.display().to_string())
    }

    fn add(&mut self, url: &str, digest: String) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        self.modules.insert(url.to_owned(), digest);
        let json = json!({ "version": LOCK_VERSION, "modules": self.modules });
        replace(file, format!("{json:#}\n").as_bytes())
            .map_err(|error| format!("import lock {}: {}", file.display(), system_text(&error)))
    }
}

/// Writes a file as a whole or not at all.
fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    std::fs::write(&beside, content)?;
    std::fs::rename(&beside, file)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256-".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Why a download failed.
enum Refusal {
    /// Nobody answered.
    Unreachable(String),
    /// Somebody did, but not with a module.
    Answered(String),
}

fn download(url: &str, way: &Way) -> Result<Vec<u8>, Refusal> {
    let (url, way) = (url.to_owned(), way.clone());
    let body = fetch::run("imports", move || async move { get(&url, &way).await });
    body.unwrap_or_else(|error| Err(Refusal::Unreachable(error)))
}

async fn get(url: &str, way: &Way) -> Result<Vec<u8>, Refusal> {
    // k6 marks its downloads, and asks again without the mark where that is not liked.
    let marked = match url.split_once('#').map_or(url, |(url, _)| url) {
        url if url.contains('?') => format!("{url}&_k6=1"),
        url => format!("{url}?_k6=1"),
    };
    match follow(&marked, way).await {
        Ok(text) => Ok(text),
        Err(_) => follow(url, way).await,
    }
}

async fn follow(url: &str, way: &Way) -> Result<Vec<u8>, Refusal> {
    let own = |error: String| Refusal::Unreachable(format!("Get \"{url}\": {error}"));
    let client = way.client().map_err(own)?;
    let deadline = rt::Nanos(rt::now().0 + TIMEOUT.as_nanos() as u64);
    let mut request = Request::get(url).map_err(|error| own(error.to_string()))?;
    for _ in 0..=MAX_REDIRECTS {
        let response = client.send(&request, Some(deadline)).await.result;
        let response = response.map_err(|error| own(error.detail().to_owned()))?;
        match response.status {
            200 => return Ok(response.into_body()),
            301 | 302 | 303 | 307 | 308 => {
                let to = response.header("location").map(String::from_utf8_lossy);
                let to = to.ok_or_else(|| {
                    Refusal::Answered(format!(
                        "{} response missing Location header",
                        response.status
                    ))
                })?;
                let next = request.url.join(&to).map_err(|error| own(error.to_string()))?;
                if request.url.scheme_str() == "https" && next.scheme_str() != "https" {
                    return Err(Refusal::Answered(format!(
                        "it is redirected from https to {}, which is not secure",
                        next.as_str()
                    )));
                }
                request = Request::new(request.method.clone(), next);
            }
            404 => return Err(Refusal::Answered(format!("not found: {url}"))),
            status => {
                return Err(Refusal::Answered(format!("wrong status code ({status}) for: {url}")));
            }
        }
    }
    Err(own(format!("stopped after {MAX_REDIRECTS} redirects")))
}
