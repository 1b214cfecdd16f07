// `performance`: High Resolution Time and User Timing. Times are milliseconds since the VU was made.
(function (native, DOMException) {
  'use strict';

  // How many entries are kept; the oldest go.
  const MAX_ENTRIES = 65536;
  let entries = [];

  class PerformanceEntry {
    constructor(entryType, name, startTime, duration, detail) {
      Object.assign(this, { name, entryType, startTime, duration, detail });
    }
    toJSON() {
      return { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration, detail: this.detail };
    }
  }
  class PerformanceMark extends PerformanceEntry {}
  class PerformanceMeasure extends PerformanceEntry {}

  const keep = (entry) => {
    let at = entries.length;
    while (at > 0 && entries[at - 1].startTime > entry.startTime) at--;
    entries.splice(at, 0, entry);
    if (entries.length > MAX_ENTRIES) entries.shift();
    return entry;
  };
  const time = (mark) => {
    if (typeof mark === 'number') {
      if (mark < 0) throw new TypeError(`${mark} is not a valid timestamp`);
      return mark;
    }
    const name = `${mark}`;
    const found = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === name);
    if (found === undefined) throw new DOMException(`The "${name}" performance mark has not been set`, 'SyntaxError');
    return found.startTime;
  };
  const copy = (detail) => (detail === undefined ? null : native.clone(detail));
  const clear = (kind, name) => {
    entries = entries.filter((entry) => entry.entryType !== kind || (name !== undefined && entry.name !== `${name}`));
  };

  class Performance {
    get timeOrigin() { return native.timeOrigin; }
    now() { return native.now(); }

    mark(name, options = {}) {
      if (arguments.length === 0) throw new TypeError('The "name" argument must be specified');
      const start = options.startTime === undefined ? native.now() : time(Number(options.startTime));
      return keep(new PerformanceMark('mark', `${name}`, start, 0, copy(options.detail)));
    }

    measure(name, from, to) {
      if (arguments.length === 0) throw new TypeError('The "name" argument must be specified');
      let detail;
      let duration;
      if (typeof from === 'object' && from !== null) ({ start: from, end: to = to, duration, detail } = from);
      let end = to !== undefined ? time(to) : duration !== undefined && from !== undefined ? time(from) + duration : native.now();
      const start = from !== undefined ? time(from) : duration !== undefined && to !== undefined ? end - duration : 0;
      return keep(new PerformanceMeasure('measure', `${name}`, start, end - start, copy(detail)));
    }

    clearMarks(name) { clear('mark', name); }
    clearMeasures(name) { clear('measure', name); }
    getEntries() { return entries.slice(); }
    getEntriesByName(name, kind) {
      return entries.filter((entry) => entry.name === `${name}` && (kind === undefined || entry.entryType === `${kind}`));
    }
    getEntriesByType(kind) { return entries.filter((entry) => entry.entryType === `${kind}`); }
    toJSON() { return { timeOrigin: native.timeOrigin }; }
  }
  Object.defineProperty(Performance.prototype, Symbol.toStringTag, { value: 'Performance', configurable: true });
  return new Performance();
})
