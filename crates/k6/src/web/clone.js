// `structuredClone` of the HTML Standard.
(function (native, DOMException) {
  'use strict';

  const refuse = (what) => {
    throw new DOMException(`${what} could not be cloned.`, 'DataCloneError');
  };
  const ERRORS = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  function clone(value, seen) {
    if (typeof value === 'symbol') refuse(String(value));
    if (typeof value === 'function') refuse(String(value).slice(0, 100));
    if (typeof value !== 'object' || value === null) return value;
    const known = seen.get(value);
    if (known !== undefined) return known;
    const keep = (made) => {
      seen.set(value, made);
      return made;
    };
    const properties = (made) => {
      for (const key of Object.keys(value)) {
        Object.defineProperty(made, key, { value: clone(value[key], seen), writable: true, enumerable: true, configurable: true });
      }
      return made;
    };
    switch (native.kind(value)) {
      case 'primitive': return keep(Object(value.valueOf()));
      case 'Date': return keep(new Date(Date.prototype.getTime.call(value)));
      case 'RegExp': return keep(new RegExp(value.source, value.flags));
      case 'ArrayBuffer': return keep(value.slice(0));
      case 'view': {
        const buffer = clone(value.buffer, seen);
        const made = native.view(value);
        return keep(made === 'DataView' ? new DataView(buffer, value.byteOffset, value.byteLength) : new globalThis[made](buffer, value.byteOffset, value.length));
      }
      case 'Map': {
        const made = keep(new Map());
        for (const [key, item] of [...Map.prototype.entries.call(value)]) made.set(clone(key, seen), clone(item, seen));
        return made;
      }
      case 'Set': {
        const made = keep(new Set());
        for (const item of [...Set.prototype.values.call(value)]) made.add(clone(item, seen));
        return made;
      }
      case 'Error': {
        const name = String(value.name);
        const made = keep(Object.create((ERRORS[name] || Error).prototype));
        const error = new Error();
        for (const key of ['stack', 'message']) {
          const property = Object.getOwnPropertyDescriptor(value, key);
          if (property !== undefined && 'value' in property) error[key] = String(property.value);
        }
        Object.setPrototypeOf(error, Object.getPrototypeOf(made));
        if (Object.hasOwn(value, 'cause')) Object.defineProperty(error, 'cause', { value: clone(value.cause, seen), writable: true, configurable: true });
        return keep(error);
      }
      case 'Array': {
        const made = keep(new Array(value.length));
        return properties(made);
      }
      case 'Object': return properties(keep({}));
      default: return refuse(Object.prototype.toString.call(value));
    }
  }

  return function structuredClone(value, options) {
    if (arguments.length === 0) throw new TypeError("The \"value\" argument must be specified");
    const seen = new Map();
    const moved = options === undefined || options === null || options.transfer === undefined ? [] : [...options.transfer];
    for (const item of moved) {
      if (typeof item !== 'object' || item === null || native.kind(item) !== 'ArrayBuffer') {
        throw new DOMException('Value could not be transferred.', 'DataCloneError');
      }
    }
    if (new Set(moved).size !== moved.length) throw new DOMException('A buffer is listed twice.', 'DataCloneError');
    // What is moved stands for itself until all is cloned: a failure must leave the buffers where they are.
    for (const item of moved) seen.set(item, item.slice(0));
    const made = clone(value, seen);
    for (const item of moved) item.transfer(0);
    return made;
  };
})
