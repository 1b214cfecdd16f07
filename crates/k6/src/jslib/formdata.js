// What scripts import as formdata: bodies of multipart/form-data.
const { join } = require('jslib:bytes');

/** A text is a field, anything else a file as `http.file()` makes it. */
const partOf = (field, data) => ({
  field,
  file: typeof data === 'string' ? { data, content_type: 'text/plain' } : data,
});

class FormData {
  constructor() {
    this.boundary = `------SquallFormDataBoundary${Math.random().toString(36).slice(2)}`;
    this.parts = [];
  }

  append(...args) {
    if (args.length < 2) throw new SyntaxError('Not enough arguments');
    this.parts.push(partOf(...args));
  }

  /** Replaces the first part of that name. */
  set(...args) {
    if (args.length < 2) throw new SyntaxError('Not enough arguments');
    const at = this.parts.findIndex((part) => part.field === args[0]);
    this.parts[at < 0 ? this.parts.length : at] = partOf(...args);
  }

  /** All parts, as a buffer. */
  body() {
    const pieces = [];
    for (const { field, file } of this.parts) {
      const name = file.filename ? `; filename="${String(file.filename).replace(/"/g, '%22')}"` : '';
      const type = file.content_type || 'application/octet-stream';
      pieces.push(`--${this.boundary}\r\nContent-Disposition: form-data; name="${field}"${name}\r\nContent-Type: ${type}\r\n\r\n`);
      pieces.push(file.data, '\r\n');
    }
    pieces.push(`--${this.boundary}--\r\n`);
    return join(pieces);
  }
}

exports.FormData = FormData;
