//! Compiling `.proto` files and reading descriptor sets, once for a process.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::schema::Schema;
use crate::resolve::clean;
use crate::world::{Reader, World, lock};

/// Descriptor sets of servers that are remembered; when there are more, the memory starts anew.
const MAX_REFLECTED: usize = 64;
/// The largest `.proto` file or descriptor set, bytes.
const MAX_FILE_BYTES: usize = 64 << 20;
/// How deep imports may lie in each other: each level of public ones is a level of the library's recursion.
const MAX_IMPORT_DEPTH: usize = 200;

/// Where a set of definitions came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    /// Import paths and files.
    Files(Vec<PathBuf>, Vec<String>),
    Protoset(PathBuf),
}

type Made = Result<Arc<Schema>, String>;

/// All definitions of a test, shared by its VUs.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    files: Mutex<HashMap<Source, Made>>,
    reflected: Mutex<HashMap<Vec<u8>, Made>>,
}

/// `client.load(importPaths, ...files)`: relative import paths lie in the script's folder.
pub(super) fn files(world: &World, import_paths: &[String], files: &[String]) -> Made {
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in import_paths {
        let plain = path.strip_prefix("file://").unwrap_or(path);
        folders.push(clean(&world.script_dir.join(plain)));
    }
    if folders.is_empty() {
        folders.push(world.script_dir.clone());
    }
    let source = Source::Files(folders.clone(), files.to_vec());
    remembered(&world.protos, source, || compile(&world.reader, folders, files))
}

/// `client.loadProtoset(path)`.
pub(super) fn protoset(world: &World, path: &str) -> Made {
    let plain = path.strip_prefix("file://").unwrap_or(path);
    let absolute = clean(&world.script_dir.join(plain));
    remembered(&world.protos, Source::Protoset(absolute.clone()), || {
        let bytes = world.reader.read(&absolute).map_err(|error| {
            format!("couldn't open protoset: {}", not_opened(&absolute, &error))
        })?;
        let set = descriptor_set(&bytes)
            .map_err(|why| format!("couldn't unmarshal protoset file {path}: proto: {why}"))?;
        of_set(set)
    })
}

/// What a server said about itself: encoded files.
pub(super) fn reflected(world: &World, files: Vec<u8>) -> Made {
    let known = lock(&world.protos.reflected).get(&files).cloned();
    if let Some(made) = known {
        return made;
    }
    let made = descriptor_set(&files).and_then(of_set);
    let mut reflected = lock(&world.protos.reflected);
    if reflected.len() >= MAX_REFLECTED {
        reflected.clear();
    }
    reflected.insert(files, made.clone());
    made
}

/// Go's text.
fn not_opened(path: &Path, error: &std::io::Error) -> String {
    let path = path.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("stat {path}: no such file or directory"),
        _ => format!("open {path}: {error}"),
    }
}

fn remembered(schemas: &Schemas, source: Source, make: impl FnOnce() -> Made) -> Made {
    let known = lock(&schemas.files).get(&source).cloned();
    if let Some(made) = known {
        return made;
    }
    let made = make();
    lock(&schemas.files).insert(source, made.clone());
    made
}

/// Reads an encoded `FileDescriptorSet`.
pub(super) fn descriptor_set(bytes: &[u8]) -> Result<FileDescriptorSet, String> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(format!("{} bytes are more than {MAX_FILE_BYTES}", bytes.len()));
    }
    FileDescriptorSet::decode(bytes).map_err(|_| "cannot parse invalid wire-format data".to_owned())
}

/// The tables of a set, checked.
pub(super) fn of_set(mut set: FileDescriptorSet) -> Made {
    for file in &mut set.file {
        // As protoc has it, nothing means the first.
        if file.syntax() == "" {
            file.syntax = None;
        }
    }
    check_files(&set.file)?;
    let pool = DescriptorPool::from_file_descriptor_set(set).map_err(|error| error.to_string())?;
    Schema::new(&pool).map(Arc::new)
}

/// What the library takes for granted, and panics without: syntaxes it knows, imports that exist and make no circle.
fn check_files(files: &[FileDescriptorProto]) -> Result<(), String> {
    for file in files {
        let (name, n) = (file.name(), file.dependency.len());
        if !matches!(file.syntax(), "" | "proto2" | "proto3") {
            let syntax = file.syntax();
            return Err(format!(
                "{name}: syntax {syntax:?} is not supported, proto2 and proto3 are"
            ));
        }
        let is_there = |at: &i32| usize::try_from(*at).is_ok_and(|at| at < n);
        let mut marked = file.public_dependency.iter().chain(&file.weak_dependency);
        if let Some(at) = marked.find(|at| !is_there(at)) {
            return Err(format!("{name}: there is no import number {at}, there are {n}"));
        }
    }
    let mut imports: HashMap<&str, Vec<&str>> = HashMap::new();
    for file in files {
        let own = imports.entry(file.name()).or_default();
        own.extend(file.dependency.iter().map(String::as_str));
    }
    // Layer by layer from the files that import nothing (Kahn 1962).
    for _ in 0..MAX_IMPORT_DEPTH {
        if imports.is_empty() {
            return Ok(());
        }
        let left: HashSet<&str> = imports.keys().copied().collect();
        imports.retain(|_, needed| needed.iter().any(|name| left.contains(name)));
        if imports.len() == left.len() {
            let name = imports.keys().min().copied().unwrap_or_default();
            return Err(format!("{name:?} imports itself, by itself or through others"));
        }
    }
    Err(format!("imports lie more than {MAX_IMPORT_DEPTH} deep in each other"))
}

/// Compiles files that are found in `folders`.
pub(super) fn compile(reader: &Arc<dyn Reader>, folders: Vec<PathBuf>, files: &[String]) -> Made {
    let first = folders.first().cloned().unwrap_or_default();
    let all = folders.clone();
    let is_there = |file: &str| {
        all.iter().any(|folder| reader.read(&clean(&folder.join(file))).is_ok())
            || GoogleFileResolver::new().open_file(file).is_ok()
    };
    let mut chain = ChainFileResolver::new();
    chain.add(Folders { reader: reader.clone(), folders });
    chain.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(chain);
    compiler.include_imports(true);
    for file in files {
        if !is_there(file) {
            let none = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(not_opened(&clean(&first.join(file)), &none));
        }
        compiler.open_file(file).map_err(|error| explain(&error))?;
    }
    Schema::new(&compiler.descriptor_pool()).map(Arc::new)
}

/// `file:line:column: what`, where the compiler knows the place.
fn explain(error: &protox::Error) -> String {
    // The form with file, line and column is that of `Debug`.
    format!("{error:?}")
}

/// Finds imports in folders, through the front end's reader.
struct Folders {
    reader: Arc<dyn Reader>,
    folders: Vec<PathBuf>,
}

impl FileResolver for Folders {
    /// Names may lead out of the folders, as in k6.
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        for folder in &self.folders {
            let path = clean(&folder.join(Path::new(name)));
            let Ok(bytes) = self.reader.read(&path) else { continue };
            if bytes.len() > MAX_FILE_BYTES {
                let text = format!("{name}: {} bytes are more than {MAX_FILE_BYTES}", bytes.len());
                return Err(protox::Error::new(std::io::Error::other(text)));
            }
            let text = String::from_utf8_lossy(&bytes);
            return File::from_source(name, &text);
        }
        Err(protox::Error::file_not_found(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, imports: &[&str]) -> FileDescriptorProto {
        FileDescriptorProto {
            name: Some(name.to_owned()),
            dependency: imports.iter().map(|name| (*name).to_owned()).collect(),
            public_dependency: (0..imports.len() as i32).collect(),
            ..FileDescriptorProto::default()
        }
    }

    fn of(file: Vec<FileDescriptorProto>) -> Result<(), String> {
        of_set(FileDescriptorSet { file }).map(|_| ())
    }

    #[test]
    fn a_set_in_another_syntax_is_refused_by_name() {
        let of = |syntax: &str| {
            of(vec![FileDescriptorProto {
                syntax: Some(syntax.to_owned()),
                ..file("a.proto", &[])
            }])
        };
        for syntax in ["", "proto2", "proto3"] {
            assert_eq!(of(syntax), Ok(()), "{syntax:?}");
        }
        let error = of("editions").unwrap_err();
        assert_eq!(error, "a.proto: syntax \"editions\" is not supported, proto2 and proto3 are");
    }

    #[test]
    fn imports_that_make_no_sense_are_refused() {
        assert_eq!(of(vec![file("b", &["a"]), file("a", &[]), file("c", &["a", "b"])]), Ok(()));
        for files in [
            vec![file("a", &["a"])],
            vec![file("a", &["b"]), file("b", &["c"]), file("c", &["a"]), file("d", &[])],
        ] {
            let error = of(files).unwrap_err();
            assert_eq!(error, "\"a\" imports itself, by itself or through others");
        }
        let wrong = FileDescriptorProto { public_dependency: vec![1], ..file("a", &["b"]) };
        let error = of(vec![wrong, file("b", &[])]).unwrap_err();
        assert_eq!(error, "a: there is no import number 1, there are 1");
        let names: Vec<String> = (0..300).map(|n| format!("f{n}")).collect();
        let chain = (0..300).map(|n| match n {
            0 => file(&names[0], &[]),
            n => file(&names[n], &[&names[n - 1]]),
        });
        assert!(of(chain.collect()).unwrap_err().contains("200 deep"));
    }
}
