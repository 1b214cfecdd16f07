//! `open()`.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::js::{Args, Ctx, JsResult, Raw, SharedText, Val};
use crate::loading;
use crate::log::Level;
use crate::module::only_in_init;
use crate::resolve::clean;
use crate::world::{World, lock};

/// Texts of this many bytes are kept once for all VUs; smaller ones cost less as copies.
const SHARED_TEXT_BYTES: usize = 16 << 10;

/// What the probe found at a path; later VUs get the same.
#[derive(Debug, Clone)]
pub(crate) enum Opened {
    /// The file's bytes.
    Content(Arc<[u8]>),
    /// Why it can't be read: the kind, and k6's text.
    Failed(ErrorKind, String),
}

/// `open(path[, 'b'])`.
pub(crate) fn open(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go(&only_in_init("open")));
    }
    if args.get(0).is_nullish() {
        return Err(cx.throw_go("open() can't be used with an empty filename"));
    }
    let name = args.get(0).to_text(cx)?.to_string();
    if name.is_empty() {
        return Err(cx.throw_go("open() can't be used with an empty filename"));
    }
    let plain = name.strip_prefix("file://").unwrap_or(&name);
    let path = clean(&host.world.script_dir.join(plain));
    warn_if_relative_to_another(cx, &name, plain, &path);
    let content = read(cx, &path)?;
    let mode = args.get(1);
    if mode.is_string() && mode.to_text(cx)?.as_str() == "b" {
        return cx.shared_buffer(content);
    }
    if content.len() < SHARED_TEXT_BYTES {
        return cx.string(&String::from_utf8_lossy(&content));
    }
    let known = lock(&host.world.texts).get(&path).cloned();
    let text = match known {
        Some(text) => text,
        None => {
            let text = SharedText::of(&content);
            lock(&host.world.texts).entry(path).or_insert(text).clone()
        }
    };
    cx.shared_string(text)
}

fn read(cx: Ctx, path: &Path) -> JsResult<Arc<[u8]>> {
    match opened(&cx.host().world, path) {
        Some(Opened::Content(content)) => Ok(content),
        Some(Opened::Failed(_, why)) => Err(cx.throw_go(&why)),
        None => Err(cx.throw_go(&not_opened_before(path))),
    }
}

/// The file at a path, read once for all VUs; `None` where the probe has not opened it.
pub(crate) fn opened(world: &World, path: &Path) -> Option<Opened> {
    let known = lock(&world.files).get(path).cloned();
    if known.is_some() || !world.is_probe() {
        return known;
    }
    let content = match world.reader.read(path) {
        Ok(content) => Opened::Content(content.into()),
        Err(error) => Opened::Failed(error.kind(), why(path, &error)),
    };
    lock(&world.files).insert(path.to_owned(), content.clone());
    Some(content)
}

/// k6's text for a file that VUs open and the probe did not.
pub(crate) fn not_opened_before(path: &Path) -> String {
    format!(
        "open() can't be used with files that weren't previously opened during initialization (__VU==0), path: \"{}\"",
        path.display()
    )
}

fn why(path: &Path, error: &std::io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => format!("stat {path}: no such file or directory"),
        ErrorKind::IsADirectory => {
            format!("open() can't be used with directories, path: \"{path}\"")
        }
        ErrorKind::PermissionDenied => format!("open {path}: permission denied"),
        _ => format!("open {path}: {error}"),
    }
}

/// k6 resolves relative to the main script and says so where the calling module lives elsewhere.
fn warn_if_relative_to_another(cx: Ctx, name: &str, plain: &str, path: &Path) {
    let world = &cx.host().world;
    if !world.is_probe() || Path::new(plain).is_absolute() {
        return;
    }
    let Some(dir) = loading::calling_dir(cx) else { return };
    let other = clean(&dir.join(plain));
    if other != *path && world.warn_once(&format!("open {name} {}", other.display())) {
        cx.host().log(
            Level::Warning,
            format!(
                "open() was used and is currently relative to '{}', but in the future it will be aligned with how \
                 `require` and imports work and will be relative to '{}'. This means that in the future open will \
                 open relative path relative to the module/file it is written in. You can future proof this by using \
                 `import.meta.resolve()` to get relative paths to the file it is written in the current k6 version.",
                path.display(),
                other.display()
            ),
            Vec::new(),
        );
    }
}
