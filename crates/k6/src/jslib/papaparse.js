// What scripts import as papaparse: CSV read and written. Files, streams and workers have no place in a load test.

const BAD_DELIMITERS = ['\r', '\n', '"', '\ufeff'];
const GUESSES = [',', '\t', '|', ';', '\x1e', '\x1f'];

/** The line end that a text uses. */
const guessLineEnd = (input, quote) => {
  const mark = quote.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const plain = input.slice(0, 1 << 20).replace(new RegExp(`${mark}[^]*?${mark}`, 'g'), '');
  if (!plain.includes('\r')) return '\n';
  if (!plain.includes('\n')) return '\r';
  return plain.split('\n').filter((line) => line.endsWith('\r')).length * 2 >= plain.split('\n').length - 1 ? '\r\n' : '\n';
};

/** The delimiter that cuts the first lines into equally many fields, the more the better. */
const guessDelimiter = (input, options, candidates) => {
  let best = null;
  for (const delimiter of candidates) {
    const rows = new Reader({ ...options, delimiter, preview: 10 }, input).rows().rows;
    const counts = rows.filter((row) => row.length > 1 || row[0].length > 0).map((row) => row.length);
    const average = counts.reduce((sum, n) => sum + n, 0) / (counts.length || 1);
    let change = 0;
    for (let i = 1; i < counts.length; i += 1) change += Math.abs(counts[i] - counts[i - 1]);
    if (average > 1.99 && (!best || change < best.change || (change === best.change && average > best.average))) {
      best = { delimiter, change, average };
    }
  }
  return best && best.delimiter;
};

/** Cuts a text into rows of fields. */
class Reader {
  constructor(options, input) {
    this.input = input;
    this.delimiter = options.delimiter;
    this.lineEnd = options.newline;
    this.quote = options.quoteChar;
    this.escape = options.escapeChar;
    this.comments = options.comments;
    this.limit = options.preview || Infinity;
  }

  rows() {
    const { input, lineEnd } = this;
    const rows = [];
    const errors = [];
    let at = 0;
    let isCut = false;
    while (at <= input.length) {
      if (rows.length >= this.limit) {
        isCut = true;
        break;
      }
      if (this.comments && input.startsWith(this.comments, at)) {
        const end = input.indexOf(lineEnd, at);
        at = end < 0 ? input.length + 1 : end + lineEnd.length;
        continue;
      }
      const row = [];
      at = this.row(at, row, errors, rows.length);
      rows.push(row);
    }
    return { rows, errors, isCut };
  }

  /** Reads a row; the result is where the next one starts. */
  row(start, row, errors, number) {
    const { input, delimiter, lineEnd } = this;
    let at = start;
    for (;;) {
      if (input[at] === this.quote && this.quote) {
        at = this.quoted(at + 1, row, errors, number);
      } else {
        const field = input.indexOf(delimiter, at);
        const line = input.indexOf(lineEnd, at);
        const isField = field >= 0 && (line < 0 || field < line);
        const end = isField ? field : line < 0 ? input.length : line;
        row.push(input.slice(at, end));
        at = end;
      }
      if (input.startsWith(delimiter, at) && at < input.length) {
        at += delimiter.length;
        continue;
      }
      return at >= input.length ? input.length + 1 : at + lineEnd.length;
    }
  }

  /** Reads a field in quotes; the result is the place after it. */
  quoted(start, row, errors, number) {
    const { input, quote, escape, delimiter, lineEnd } = this;
    let text = '';
    let at = start;
    for (;;) {
      const end = input.indexOf(quote, at);
      const escaped = escape !== quote ? input.indexOf(escape + quote, at) : -1;
      if (escaped >= 0 && escaped < end) {
        text += input.slice(at, escaped) + quote;
        at = escaped + escape.length + quote.length;
        continue;
      }
      if (end < 0) {
        errors.push({ type: 'Quotes', code: 'MissingQuotes', message: 'Quoted field unterminated', row: number, index: start - 1 });
        row.push(text + input.slice(at));
        return input.length;
      }
      text += input.slice(at, end);
      at = end + 1;
      if (escape === quote && input[at] === quote) {
        text += quote;
        at += 1;
        continue;
      }
      const spaces = /^[ \t]*/.exec(input.slice(at, at + 256))[0].length;
      const after = at + (delimiter.trim() === '' ? 0 : spaces);
      if (after >= input.length || input.startsWith(delimiter, after) || input.startsWith(lineEnd, after)) {
        row.push(text);
        return after;
      }
      errors.push({ type: 'Quotes', code: 'InvalidQuotes', message: 'Trailing quote on quoted field is malformed', row: number, index: start - 1 });
      text += quote;
    }
  }
}

const NUMBER = /^\s*-?(\d+\.?|\.\d+|\d+\.\d+)([eE][-+]?\d+)?\s*$/;
const DATE = /^((\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d+([+-][0-2]\d:[0-5]\d|Z))|(\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d([+-][0-2]\d:[0-5]\d|Z))|(\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d([+-][0-2]\d:[0-5]\d|Z)))$/;

/** A field as number, boolean, date or null, where it is one and nothing is lost. */
const typed = (text) => {
  if (text === 'true' || text === 'TRUE') return true;
  if (text === 'false' || text === 'FALSE') return false;
  if (NUMBER.test(text)) {
    const number = parseFloat(text);
    return number > -(2 ** 53) && number < 2 ** 53 ? number : text;
  }
  if (DATE.test(text)) return new Date(text);
  return text === '' ? null : text;
};

/** Whether the option holds for a column, by name or for all. */
const holds = (option, column) => {
  if (typeof option === 'function') return option(column);
  if (option && typeof option === 'object') return option[column];
  return option;
};

const isBlank = (row, how) => (how === 'greedy' ? row.join('').trim() === '' : row.length === 1 && row[0].length === 0);

/** Names of columns; those that come twice get a number. */
const uniqueNames = (names, options, meta) => {
  const seen = new Map();
  return names.map((name, i) => {
    const own = options.transformHeader ? options.transformHeader(name, i) : name;
    const count = seen.get(own) || 0;
    seen.set(own, count + 1);
    if (count === 0) return own;
    const renamed = `${own}_${count}`;
    meta.renamedHeaders = { ...meta.renamedHeaders, [renamed]: own };
    return renamed;
  });
};

/** Makes objects of rows, and reports rows that don't fit. */
const named = (rows, fields, convert, errors, offset) => rows.map((row, number) => {
  const object = {};
  row.forEach((value, i) => {
    if (i < fields.length) {
      object[fields[i]] = convert(value, fields[i]);
    } else {
      (object.__parsed_extra = object.__parsed_extra || []).push(convert(value, '__parsed_extra'));
    }
  });
  const problem = row.length > fields.length ? 'Too many' : row.length < fields.length ? 'Too few' : null;
  if (problem) {
    errors.push({
      type: 'FieldMismatch',
      code: problem === 'Too many' ? 'TooManyFields' : 'TooFewFields',
      message: `${problem} fields: expected ${fields.length} fields but parsed ${row.length}`,
      row: offset + number,
    });
  }
  return object;
});

const parse = (input, config = {}) => {
  if (typeof input !== 'string') {
    throw new TypeError('papaparse: only text can be parsed here; read files with open()');
  }
  if (config.worker || config.download) {
    throw new TypeError('papaparse: workers and downloads are not available in a load test');
  }
  const text = input[0] === '\ufeff' ? input.slice(1) : input;
  const quoteChar = config.quoteChar === undefined ? '"' : config.quoteChar || '';
  const options = {
    quoteChar,
    escapeChar: config.escapeChar === undefined ? quoteChar : config.escapeChar,
    comments: config.comments === true ? '#' : config.comments,
    newline: ['\n', '\r', '\r\n'].includes(config.newline) ? config.newline : guessLineEnd(text, quoteChar || '"'),
    preview: config.preview && (config.header ? config.preview + 1 : config.preview),
  };
  const errors = [];
  let { delimiter } = config;
  if (typeof delimiter === 'function') delimiter = delimiter(text);
  if (!delimiter || BAD_DELIMITERS.includes(delimiter)) {
    delimiter = guessDelimiter(text, options, config.delimitersToGuess || GUESSES);
    if (!delimiter) {
      errors.push({ type: 'Delimiter', code: 'UndetectableDelimiter', message: "Unable to auto-detect delimiting character; defaulted to ','" });
      delimiter = ',';
    }
  }
  const meta = { delimiter, linebreak: options.newline, aborted: false, truncated: false };
  if (text === '') return { data: [], errors, meta: { ...meta, cursor: 0, ...(config.header && { fields: [] }) } };
  const skipped = config.skipFirstNLines ? text.split(options.newline).slice(config.skipFirstNLines).join(options.newline) : text;
  const read = new Reader({ ...options, delimiter }, skipped).rows();
  errors.push(...read.errors);
  meta.truncated = read.isCut;
  let rows = config.skipEmptyLines ? read.rows.filter((row) => !isBlank(row, config.skipEmptyLines)) : read.rows;
  const convert = (value, column) => {
    const own = config.transform ? config.transform(value, column) : value;
    return holds(config.dynamicTyping, column) && typeof own === 'string' ? typed(own) : own;
  };
  let data;
  if (config.header) {
    meta.fields = uniqueNames(rows[0] || [], config, meta);
    rows = rows.slice(1);
    data = named(rows, meta.fields, convert, errors, 0);
  } else {
    data = rows.map((row) => row.map((value, i) => convert(value, i)));
  }
  meta.cursor = text.length;
  return deliver({ data, errors, meta }, config);
};

/** Gives the result to the functions that want it. */
const deliver = (result, config) => {
  if (typeof config.step === 'function') {
    let isAborted = false;
    const parser = { abort: () => { isAborted = true; }, pause() {}, resume() {} };
    for (const row of result.data) {
      config.step({ data: row, errors: [], meta: result.meta }, parser);
      if (isAborted) break;
    }
    const end = { data: [], errors: result.errors, meta: { ...result.meta, aborted: isAborted } };
    if (typeof config.complete === 'function') config.complete(end);
    return end;
  }
  if (typeof config.chunk === 'function') config.chunk(result, { abort() {}, pause() {}, resume() {} });
  if (typeof config.complete === 'function') config.complete(result);
  return result;
};

/** Field names and rows of what is to be written. */
const tableOf = (input, config) => {
  const data = typeof input === 'string' ? JSON.parse(input) : input;
  const columns = config.columns && config.columns.length ? config.columns : null;
  if (Array.isArray(data)) {
    if (!data.length || Array.isArray(data[0])) return [columns, data];
    return [columns || Object.keys(data[0]), data];
  }
  if (data && typeof data === 'object') {
    let rows = typeof data.data === 'string' ? JSON.parse(data.data) : data.data;
    if (rows === undefined) rows = [];
    if (Array.isArray(rows)) {
      let fields = columns || data.fields || (data.meta && data.meta.fields);
      if (!fields) fields = Array.isArray(rows[0]) ? null : Object.keys(rows[0] || {});
      if (rows.length && !Array.isArray(rows[0]) && typeof rows[0] !== 'object') rows = [rows];
      return [fields, rows];
    }
  }
  throw new Error('Unable to serialize unrecognized input');
};

const unparse = (input, config = {}) => {
  const delimiter = config.delimiter && !BAD_DELIMITERS.includes(config.delimiter) ? config.delimiter : ',';
  const newline = config.newline || '\r\n';
  const quote = config.quoteChar || '"';
  const escape = config.escapeChar === undefined ? quote : config.escapeChar;
  const formulae = config.escapeFormulae === true ? /^[=+\-@\t\r].*$/ : config.escapeFormulae;
  const mustQuote = (value, text, column) => {
    const { quotes } = config;
    if (quotes === true || (typeof quotes === 'function' && quotes(value, column)) || (Array.isArray(quotes) && quotes[column])) return true;
    return [delimiter, quote, '\r', '\n', '\ufeff'].some((part) => text.includes(part)) || text.startsWith(' ') || text.endsWith(' ');
  };
  const field = (value, column) => {
    if (value === undefined || value === null) return '';
    let text = value instanceof Date ? JSON.stringify(value).slice(1, 25) : String(value);
    let isFormula = false;
    if (formulae && typeof value === 'string' && formulae.test(value)) {
      text = `'${text}`;
      isFormula = true;
    }
    return isFormula || mustQuote(value, text, column) ? quote + text.split(quote).join(escape + quote) + quote : text;
  };
  const [fields, rows] = tableOf(input, config);
  const lines = [];
  if (fields && fields.length && config.header !== false) lines.push(fields.map(field).join(delimiter));
  for (const row of rows) {
    const values = Array.isArray(row) ? row : (fields || Object.keys(row)).map((name) => row[name]);
    const isEmpty = config.skipEmptyLines === 'greedy'
      ? values.join('').trim() === ''
      : config.skipEmptyLines && values.length <= 1 && !values[0];
    if (!isEmpty) lines.push(values.map(field).join(delimiter));
  }
  return lines.join(newline);
};

module.exports = { parse, unparse, BAD_DELIMITERS, RECORD_SEP: '\x1e', UNIT_SEP: '\x1f', BYTE_ORDER_MARK: '\ufeff', DefaultDelimiter: ',' };
