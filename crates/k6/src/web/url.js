// `URL` and `URLSearchParams` of the WHATWG URL Standard. Parsing is native; this is the objects' behaviour.
(function (native) {
  'use strict';

  const text = (value) => `${value}`.toWellFormed();
  const need = (args, n) => {
    if (args.length < n) {
      throw new TypeError(`${n} argument${n > 1 ? 's' : ''} required, but only ${args.length} present`);
    }
  };

  let attach, refill;

  class URLSearchParams {
    #list = [];
    #changed = null;

    static {
      attach = (params, changed) => { params.#changed = changed; };
      refill = (params, query) => { params.#list = native.parseForm(query); };
    }

    constructor(init = '') {
      if (init === null || (typeof init !== 'object' && typeof init !== 'function')) {
        const query = text(init);
        this.#list = native.parseForm(query.startsWith('?') ? query.slice(1) : query);
        return;
      }
      const iterate = init[Symbol.iterator];
      if (iterate === undefined || iterate === null) {
        for (const key of Reflect.ownKeys(init)) {
          const property = Reflect.getOwnPropertyDescriptor(init, key);
          if (property !== undefined && property.enumerable) {
            // Names that become the same by repair of lone surrogates are one.
            const name = text(key);
            const value = text(init[key]);
            const known = this.#list.find((pair) => pair[0] === name);
            if (known) known[1] = value; else this.#list.push([name, value]);
          }
        }
        return;
      }
      if (typeof iterate !== 'function') throw new TypeError('Query pairs must be iterable');
      for (const pair of init) {
        if ((typeof pair !== 'object' && typeof pair !== 'function') || pair === null || typeof pair[Symbol.iterator] !== 'function') {
          throw new TypeError('Each query pair must be an iterable [name, value] tuple');
        }
        const both = [...pair];
        if (both.length !== 2) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
        this.#list.push([text(both[0]), text(both[1])]);
      }
    }

    #update() {
      if (this.#changed !== null) this.#changed(this.toString());
    }

    get size() { return this.#list.length; }

    append(name, value) {
      need(arguments, 2);
      this.#list.push([text(name), text(value)]);
      this.#update();
    }

    delete(name, value) {
      need(arguments, 1);
      name = text(name);
      if (value !== undefined) value = text(value);
      this.#list = this.#list.filter((pair) => pair[0] !== name || (value !== undefined && pair[1] !== value));
      this.#update();
    }

    get(name) {
      need(arguments, 1);
      name = text(name);
      const pair = this.#list.find((pair) => pair[0] === name);
      return pair === undefined ? null : pair[1];
    }

    getAll(name) {
      need(arguments, 1);
      name = text(name);
      return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
    }

    has(name, value) {
      need(arguments, 1);
      name = text(name);
      if (value !== undefined) value = text(value);
      return this.#list.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
    }

    set(name, value) {
      need(arguments, 2);
      name = text(name);
      value = text(value);
      const at = this.#list.findIndex((pair) => pair[0] === name);
      if (at < 0) {
        this.#list.push([name, value]);
      } else {
        this.#list[at][1] = value;
        this.#list = this.#list.filter((pair, i) => i <= at || pair[0] !== name);
      }
      this.#update();
    }

    sort() {
      this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
      this.#update();
    }

    forEach(callback, self) {
      if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function');
      for (let i = 0; i < this.#list.length; i++) {
        callback.call(self, this.#list[i][1], this.#list[i][0], this);
      }
    }

    toString() { return native.serializeForm(this.#list); }

    entries() { return iterator(() => this.#list, (pair) => [pair[0], pair[1]]); }
    keys() { return iterator(() => this.#list, (pair) => pair[0]); }
    values() { return iterator(() => this.#list, (pair) => pair[1]); }
  }

  // Iterators see what changes while they run, as the standard says.
  const Iterators = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), {
    [Symbol.toStringTag]: { value: 'URLSearchParams Iterator', configurable: true },
  });
  function iterator(list, of) {
    let i = 0;
    return Object.create(Iterators, {
      next: {
        value() {
          const pairs = list();
          return i < pairs.length ? { value: of(pairs[i++]), done: false } : { value: undefined, done: true };
        },
      },
    });
  }

  const invalid = (input, base) => {
    const error = new TypeError('Invalid URL');
    error.code = 'ERR_INVALID_URL';
    error.input = input;
    if (base !== undefined) error.base = base;
    return error;
  };
  const parse = (args) => {
    need(args, 1);
    const base = args[1] === undefined ? undefined : text(args[1]);
    return native.parse(text(args[0]), base);
  };
  // The parts as `native.parse` gives them.
  const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6, PORT = 7, PATHNAME = 8, SEARCH = 9, HASH = 10;
  let of;

  class URL {
    #parts;
    #params = null;

    static {
      of = (parts) => {
        const url = new URL('a:');
        url.#parts = parts;
        return url;
      };
    }

    constructor(url, base) {
      const parts = parse(arguments);
      if (parts === null) throw invalid(`${url}`, base === undefined ? undefined : `${base}`);
      this.#parts = parts;
    }

    static canParse(url, base) { return parse(arguments) !== null; }

    static parse(url, base) {
      const parts = parse(arguments);
      return parts === null ? null : of(parts);
    }

    #set(part, value) {
      value = text(value);
      const parts = native.set(this.#parts[HREF], part, value);
      if (parts === null) {
        if (part === HREF) throw invalid(value);
        return;
      }
      this.#parts = parts;
      if (this.#params !== null && (part === HREF || part === SEARCH)) {
        refill(this.#params, parts[SEARCH].slice(1));
      }
    }

    get href() { return this.#parts[HREF]; }
    set href(value) { this.#set(HREF, value); }
    get origin() { return this.#parts[ORIGIN]; }
    get protocol() { return this.#parts[PROTOCOL]; }
    set protocol(value) { this.#set(PROTOCOL, value); }
    get username() { return this.#parts[USERNAME]; }
    set username(value) { this.#set(USERNAME, value); }
    get password() { return this.#parts[PASSWORD]; }
    set password(value) { this.#set(PASSWORD, value); }
    get host() { return this.#parts[HOST]; }
    set host(value) { this.#set(HOST, value); }
    get hostname() { return this.#parts[HOSTNAME]; }
    set hostname(value) { this.#set(HOSTNAME, value); }
    get port() { return this.#parts[PORT]; }
    set port(value) { this.#set(PORT, value); }
    get pathname() { return this.#parts[PATHNAME]; }
    set pathname(value) { this.#set(PATHNAME, value); }
    get search() { return this.#parts[SEARCH]; }
    set search(value) { this.#set(SEARCH, value); }
    get hash() { return this.#parts[HASH]; }
    set hash(value) { this.#set(HASH, value); }

    get searchParams() {
      if (this.#params === null) {
        this.#params = new URLSearchParams();
        refill(this.#params, this.#parts[SEARCH].slice(1));
        attach(this.#params, (query) => {
          const parts = native.set(this.#parts[HREF], SEARCH, query);
          if (parts !== null) this.#parts = parts;
        });
      }
      return this.#params;
    }

    toString() { return this.#parts[HREF]; }
    toJSON() { return this.#parts[HREF]; }
  }

  const define = Object.defineProperty;
  define(URLSearchParams.prototype, Symbol.iterator, { value: URLSearchParams.prototype.entries, writable: true, configurable: true });
  for (const made of [URL, URLSearchParams]) {
    for (const name of Object.getOwnPropertyNames(made.prototype)) {
      if (name !== 'constructor') define(made.prototype, name, { enumerable: true });
    }
    define(made.prototype, Symbol.toStringTag, { value: made.name, configurable: true });
  }
  return { URL, URLSearchParams };
})
