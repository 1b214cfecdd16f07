//! `k6/experimental/csv`: rows of a file that all VUs share, as an array or one after the other.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use plan::segment::Striping;

use crate::csv::{Position, Record};
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, constructor, func};
use crate::module::data::{Elements, array_of};
use crate::module::fs::{File, settled};
use crate::native;
use crate::world::{World, lock};

/// Rows that one file may have: their offsets are kept.
const MAX_ROWS: usize = u32::MAX as usize;

static FUNCTIONS: List<2> =
    List([func(c"parse", 2, native!(parse)), constructor(c"Parser", 2, native!(new_parser))]);

static METHODS: List<1> = List([func(c"next", 0, native!(next))]);

/// Options of a parser, as k6 reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Options {
    delimiter: u8,
    skip_first_line: bool,
    from_line: Option<i64>,
    to_line: Option<i64>,
    as_objects: bool,
    /// Ours: no row is given twice in a run, to whichever VU.
    unique: bool,
}

/// A walk over the rows of a file.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    content: Arc<[u8]>,
    position: Position,
    /// Records that have been read.
    line: i64,
    to_line: Option<i64>,
    /// Names of the columns, where rows are objects.
    columns: Option<Arc<[String]>>,
}

/// A walk that all VUs share. Of the instances that share a test by execution segments each gives rows of its own: those
/// that k6's striping deals to its segment.
#[derive(Debug)]
pub(crate) struct Shared {
    walk: Walk,
    /// Rows that have been read, and given.
    n_read: u64,
    n_given: u64,
    /// Known when the first row is asked for: the options come after the init stage of the probe.
    striping: Option<Striping>,
}

/// One for all VUs.
pub(crate) type Cursor = Mutex<Shared>;

impl Shared {
    fn new(walk: Walk) -> Shared {
        Shared { walk, n_read: 0, n_given: 0, striping: None }
    }

    fn next(&mut self, world: &World) -> Result<Option<Record<'_>>, String> {
        let striping = match self.striping.take() {
            Some(striping) => striping,
            None => world.config().options.striping().map_err(|error| error.to_string())?,
        };
        let own = striping.owned(self.n_given);
        if !world.is_probe() {
            self.striping = Some(striping);
        }
        let Some(own) = own else { return Ok(None) };
        while self.n_read < own {
            if self.walk.next()?.is_none() {
                return Ok(None);
            }
            self.n_read += 1;
        }
        self.n_read += 1;
        self.n_given += 1;
        self.walk.next()
    }
}

impl Walk {
    /// Reads what comes before the first row.
    fn new(content: Arc<[u8]>, at: usize, options: &Options) -> Result<Walk, String> {
        options.check()?;
        let position = Position::new(options.delimiter, at);
        let to_line = options.to_line.filter(|n| *n > 0);
        let mut walk = Walk { content, position, line: 0, to_line, columns: None };
        if options.as_objects {
            let header = walk.skip("failed to read the first line")?;
            walk.columns = Some(header.into());
        }
        let from_line = options.from_line.unwrap_or(0);
        if options.skip_first_line && from_line == 0 {
            walk.skip("failed to skip the first line")?;
        }
        while walk.line < from_line {
            walk.skip(&format!("failed to skip lines until line {from_line}"))?;
        }
        Ok(walk)
    }

    fn skip(&mut self, failed: &str) -> Result<Vec<String>, String> {
        match self.position.next(&self.content) {
            Ok(Some(record)) => {
                self.line += 1;
                Ok(record.into_iter().map(|field| field.into_owned()).collect())
            }
            Ok(None) => Err(format!("{failed}; reason: EOF")),
            Err(error) => Err(format!("{failed}; reason: {error}")),
        }
    }

    /// The next row, `None` behind the last.
    fn next(&mut self) -> Result<Option<Record<'_>>, String> {
        if self.to_line.is_some_and(|last| self.line > last) {
            return Ok(None);
        }
        let record = self.position.next(&self.content).map_err(|error| error.to_string())?;
        let Some(record) = record else { return Ok(None) };
        self.line += 1;
        if let Some(columns) = &self.columns
            && columns.len() != record.len()
        {
            let (n, wanted) = (record.len(), columns.len());
            return Err(format!("record length ({n}) doesn't match header length ({wanted})"));
        }
        Ok(Some(record))
    }
}

impl Options {
    fn check(&self) -> Result<(), String> {
        let refuse = |text: &str| Err(text.to_owned());
        if self.as_objects && self.skip_first_line {
            return refuse("the 'header' option cannot be enabled when 'skipFirstLine' is true");
        }
        if self.as_objects && self.from_line.is_some_and(|n| n > 0) {
            let text = "the 'header' option cannot be enabled when 'fromLine' is set to a value greater than 0";
            return refuse(text);
        }
        for (name, line) in [("fromLine", self.from_line), ("toLine", self.to_line)] {
            if let Some(n) = line.filter(|n| *n < 0) {
                return Err(format!(
                    "the '{name}' option must be greater than or equal to 0; got {n}"
                ));
            }
        }
        Ok(())
    }

    fn read(cx: Ctx, value: Raw) -> JsResult<Result<Options, String>> {
        let mut options = Options {
            delimiter: b',',
            skip_first_line: false,
            from_line: None,
            to_line: None,
            as_objects: false,
            unique: false,
        };
        if !value.is_object() {
            return Ok(Ok(options));
        }
        let keys = value.keys(cx)?;
        for i in 0..keys.len() {
            let item = keys.value(i)?;
            let integer = || -> JsResult<i64> { Ok(item.to_f64(cx)? as i64) };
            match keys.name(i)?.as_str() {
                "delimiter" => {
                    let text = item.to_text(cx)?;
                    match text.as_bytes() {
                        [one] => options.delimiter = *one,
                        _ => return Ok(Err("delimiter must be a single character".to_owned())),
                    }
                }
                "skipFirstLine" => options.skip_first_line = item.to_bool(cx),
                "fromLine" => options.from_line = Some(integer()?),
                "toLine" => options.to_line = Some(integer()?),
                "asObjects" => options.as_objects = item.to_bool(cx),
                "unique" => options.unique = item.to_bool(cx),
                _ => {}
            }
        }
        if let (Some(from), Some(to)) = (options.from_line, options.to_line)
            && from >= to
        {
            return Ok(Err("fromLine must be less than or equal to toLine".to_owned()));
        }
        if matches!(options.delimiter, b'"' | b'\r' | b'\n') {
            return Ok(Err("csv: invalid field or comment delimiter".to_owned()));
        }
        Ok(Ok(options))
    }
}

/// The rows of a file by their place: where each starts, and the bytes that all VUs share. A row becomes a value when it
/// is read.
#[derive(Debug)]
pub(crate) struct Rows {
    content: Arc<[u8]>,
    delimiter: u8,
    starts: Vec<u64>,
    columns: Option<Arc<[String]>>,
}

impl Rows {
    /// Reads all rows once, so that mistakes are found now.
    fn of(mut walk: Walk, delimiter: u8) -> Result<Rows, String> {
        let mut starts = Vec::new();
        loop {
            let start = walk.position.offset() as u64;
            if walk.next()?.is_none() {
                break;
            }
            if starts.len() == MAX_ROWS {
                return Err(format!("the file has more than {MAX_ROWS} rows"));
            }
            starts.push(start);
        }
        starts.shrink_to_fit();
        Ok(Rows { content: walk.content, delimiter, starts, columns: walk.columns })
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(crate) fn get(&self, cx: Ctx, i: usize) -> JsResult<Option<Val>> {
        let Some(start) = self.starts.get(i) else { return Ok(None) };
        let mut position = Position::new(self.delimiter, *start as usize);
        match position.next(&self.content) {
            Ok(Some(record)) => row(cx, &record, self.columns.as_deref()).map(Some),
            _ => Ok(None),
        }
    }
}

/// A row as a script sees it.
fn row(cx: Ctx, record: &Record<'_>, columns: Option<&[String]>) -> JsResult<Val> {
    match columns {
        None => {
            let array = cx.array()?;
            for (i, field) in record.iter().enumerate() {
                array.set_idx(cx, i as u32, cx.string(field)?)?;
            }
            Ok(array)
        }
        Some(columns) => {
            let object = cx.object()?;
            for (name, field) in columns.iter().zip(record) {
                object.set_key(cx, name, cx.string(field)?)?;
            }
            Ok(object)
        }
    }
}

/// A parser of one VU, or its end of the shared one.
struct Parser {
    walk: RefCell<Option<Walk>>,
    shared: Option<Arc<Cursor>>,
}

impl Class for Parser {
    const ID: u32 = FIRST_CLASS_ID + 67;
    const NAME: &'static std::ffi::CStr = c"Parser";
}

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    cx.register_class::<Parser, 1>(&METHODS)?;
    // Files come from that module; a script that has none gets an error, not undefined behaviour.
    crate::module::fs::open(cx)?;
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    let prototype = cx.object()?;
    exports.get_str(cx, c"Parser")?.define_str(cx, c"prototype", prototype, 0)?;
    Ok(exports)
}

fn file_of<'a>(cx: Ctx, value: Raw) -> JsResult<&'a File> {
    cx.inner::<File>(value).ok_or_else(|| {
        let text = "first argument expected to be a fs.File instance, got *sobek.Object instead";
        cx.throw_go(text)
    })
}

/// `parse(file, options)`: a promise of an array that all VUs share.
fn parse(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let file = file_of(cx, args.get(0))?;
    let options = Options::read(cx, args.get(1))?.map_err(|why| {
        cx.throw_go(&format!("failed to interpret the provided Parser options; reason: {why}"))
    })?;
    let name = format!("csv.parse.{} {options:?}", file.path.display());
    let known = lock(&host.world.arrays).get(&name).cloned();
    if let Some(elements) = known {
        return settled(cx, array_of(cx, elements));
    }
    let walk = Walk::new(file.content.clone(), file.offset.get(), &options)
        .map_err(|why| cx.throw_go(&format!("failed to create a new parser; reason: {why}")))?;
    file.offset.set(file.content.len());
    let world = host.world.clone();
    let made = rt::blocking(move || {
        let rows = Rows::of(walk, options.delimiter)?;
        let elements = Arc::new(Elements::Rows(rows));
        // Two VUs may both get here; the first wins.
        Ok::<_, String>(lock(&world.arrays).entry(name).or_insert(elements).clone())
    });
    host.promise_of(cx, made, |cx, elements| match elements {
        Ok(elements) => array_of(cx, elements),
        Err(why) => Err(cx.throw_go(&format!("failed to read record; reason: {why}"))),
    })
}

fn new_parser(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go("csv Parser constructor must be called in the init context"));
    }
    if args.get(0).is_nullish() {
        let text = "csv Parser constructor takes at least one non-nil source argument";
        return Err(cx.throw_go(text));
    }
    let file = file_of(cx, args.get(0))?;
    let options = Options::read(cx, args.get(1))?.map_err(|why| {
        cx.throw_go(&format!(
            "encountered an error while interpreting Parser options; reason: {why}"
        ))
    })?;
    let make = || {
        Walk::new(file.content.clone(), file.offset.get(), &options)
            .map_err(|why| cx.throw_go(&format!("failed to create a new parser; reason: {why}")))
    };
    if !options.unique {
        return cx.wrap(Parser { walk: RefCell::new(Some(make()?)), shared: None });
    }
    let name = format!("{} {} {options:?}", file.path.display(), file.offset.get());
    let known = lock(&host.world.cursors).get(&name).cloned();
    let cursor = match known {
        Some(cursor) => cursor,
        None => {
            let made = Arc::new(Mutex::new(Shared::new(make()?)));
            lock(&host.world.cursors).entry(name).or_insert(made).clone()
        }
    };
    cx.wrap(Parser { walk: RefCell::new(None), shared: Some(cursor) })
}

/// `next()`: a promise of `{done, value}`.
fn next(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let parser = cx.inner_of::<Parser>(this)?;
    let give = |record: Result<Option<Record<'_>>, String>,
                columns: Option<Arc<[String]>>|
     -> JsResult<Val> {
        let record = record.map_err(|why| cx.throw_error("", &why))?;
        let result = cx.object()?;
        result.set_str(cx, c"done", cx.boolean(record.is_none()))?;
        let value = match record {
            Some(record) => row(cx, &record, columns.as_deref())?,
            None => cx.array()?,
        };
        result.set_str(cx, c"value", value)?;
        Ok(result)
    };
    let result = match (&parser.shared, &mut *parser.walk.borrow_mut()) {
        (Some(cursor), _) => {
            let mut shared = lock(cursor);
            let columns = shared.walk.columns.clone();
            give(shared.next(&cx.host().world), columns)
        }
        (None, Some(walk)) => {
            let columns = walk.columns.clone();
            give(walk.next(), columns)
        }
        (None, None) => Err(cx.throw_type("this is not a Parser")),
    };
    settled(cx, result)
}
