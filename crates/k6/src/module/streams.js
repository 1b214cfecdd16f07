// `k6/experimental/streams`: readable and writable streams of the WHATWG Streams Standard, with default controllers.
// Names of internal steps are the standard's, shortened.
(function () {
  'use strict';

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
  const later = () => {
    const made = {};
    made.promise = new Promise((resolve, reject) => { made.resolve = resolve; made.reject = reject; });
    return made;
  };
  // Rejections that nobody need hear.
  const quiet = (promise) => { promise.then(undefined, () => {}); return promise; };
  const rejected = (error) => quiet(Promise.reject(error));
  const attempt = (f, self, args) => {
    try {
      return Promise.resolve(f.apply(self, args));
    } catch (error) {
      return Promise.reject(error);
    }
  };
  const method = (what, object, name) => {
    const found = object === undefined ? undefined : object[name];
    if (found === undefined || found === null) return undefined;
    if (typeof found !== 'function') throw new TypeError(`${what}.[[${name}]] must be a function`);
    return found;
  };
  const dictionary = (value, what) => {
    if (value === undefined || value === null) return undefined;
    if (!isObject(value)) throw new TypeError(`${what} must be an object`);
    return value;
  };

  // Strategies.
  const highWaterMark = (strategy, otherwise) => {
    if (strategy === undefined || strategy.highWaterMark === undefined) return otherwise;
    const mark = Number(strategy.highWaterMark);
    if (Number.isNaN(mark) || mark < 0) throw new RangeError('highWaterMark must be a non-negative number');
    return mark;
  };
  const sizeOf = (strategy) => {
    if (strategy === undefined || strategy.size === undefined) return () => 1;
    if (typeof strategy.size !== 'function') throw new TypeError('size must be a function');
    const { size } = strategy;
    return (chunk) => size(chunk);
  };

  const one = { size() { return 1; } }.size;
  class CountQueuingStrategy {
    #mark;
    constructor(init) {
      if (arguments.length !== 1) throw new TypeError('CountQueuingStrategy takes a single argument');
      if (!isObject(init)) throw new TypeError('CountQueuingStrategy argument must be an object');
      if (init.highWaterMark === undefined) throw new TypeError("CountQueuingStrategy argument must have 'highWaterMark' property");
      this.#mark = Number(init.highWaterMark);
    }
    get highWaterMark() { return this.#mark; }
    get size() {
      void this.#mark;
      return one;
    }
  }

  // Queues of chunks with their sizes.
  class Queue {
    #items = [];
    #from = 0;
    size = 0;
    get isEmpty() { return this.#from === this.#items.length; }
    push(value, size) {
      if (typeof size !== 'number' || Number.isNaN(size) || size < 0 || size === Infinity) {
        throw new RangeError('size must be a finite, non-NaN number');
      }
      this.#items.push({ value, size });
      this.size += size;
    }
    peek() { return this.#items[this.#from].value; }
    shift() {
      const { value, size } = this.#items[this.#from];
      this.#items[this.#from++] = undefined;
      if (this.#from > 32 && this.#from * 2 > this.#items.length) {
        this.#items.splice(0, this.#from);
        this.#from = 0;
      }
      this.size = this.isEmpty ? 0 : Math.max(0, this.size - size);
      return value;
    }
    clear() {
      this.#items = [];
      this.#from = 0;
      this.size = 0;
    }
  }

  // Objects that scripts get and can't make.
  const secret = Symbol('secret');
  const guard = (key) => { if (key !== secret) throw new TypeError('Illegal constructor'); };
  const inner = new WeakMap();
  const of = (object, kind) => {
    const found = isObject(object) ? inner.get(object) : undefined;
    if (found === undefined || found.kind !== kind) throw new TypeError(`this is not a ${kind}`);
    return found;
  };

  // Readable streams.
  class ReadableStreamDefaultController {
    constructor(key) { guard(key); }
    get desiredSize() { return readableDesired(of(this, 'ReadableStreamDefaultController').stream); }
    close() {
      const { stream } = of(this, 'ReadableStreamDefaultController');
      if (!canEnqueue(stream)) throw new TypeError('cannot close or enqueue');
      stream.closing = true;
      if (stream.queue.isEmpty) {
        forget(stream);
        closeReadable(stream);
      }
    }
    enqueue(chunk) {
      const { stream } = of(this, 'ReadableStreamDefaultController');
      if (!canEnqueue(stream)) throw new TypeError('cannot close or enqueue');
      if (stream.reader !== undefined && stream.reader.requests.length > 0) {
        stream.reader.requests.shift().chunk(chunk);
      } else {
        try {
          stream.queue.push(chunk, stream.sizeOf(chunk));
        } catch (error) {
          errorController(stream, error);
          throw error;
        }
      }
      pull(stream);
    }
    error(error) { errorController(of(this, 'ReadableStreamDefaultController').stream, error); }
  }

  const canEnqueue = (stream) => stream.state === 'readable' && !stream.closing;
  const readableDesired = (stream) => (stream.state === 'errored' ? null : stream.state === 'closed' ? 0 : stream.mark - stream.queue.size);
  const forget = (stream) => {
    stream.pull = undefined;
    stream.cancel = undefined;
    stream.sizeOf = undefined;
  };

  function errorController(stream, error) {
    if (stream.state !== 'readable') return;
    stream.queue.clear();
    forget(stream);
    stream.state = 'errored';
    stream.error = error;
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.reject(error);
    quiet(reader.closed.promise);
    for (const request of reader.requests.splice(0)) request.error(error);
  }

  function closeReadable(stream) {
    stream.state = 'closed';
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.resolve(undefined);
    for (const request of reader.requests.splice(0)) request.close();
  }

  function pull(stream) {
    const wanted = canEnqueue(stream) && stream.started
      && ((stream.reader !== undefined && stream.reader.requests.length > 0) || readableDesired(stream) > 0);
    if (!wanted) return;
    if (stream.pulling) {
      stream.again = true;
      return;
    }
    stream.pulling = true;
    stream.pull().then(() => {
      stream.pulling = false;
      if (stream.again) {
        stream.again = false;
        pull(stream);
      }
    }, (error) => errorController(stream, error));
  }

  function cancelReadable(stream, reason) {
    stream.disturbed = true;
    if (stream.state === 'closed') return Promise.resolve(undefined);
    if (stream.state === 'errored') return Promise.reject(stream.error);
    closeReadable(stream);
    stream.queue.clear();
    const { cancel } = stream;
    forget(stream);
    return cancel(reason).then(() => undefined);
  }

  function readInto(stream, request) {
    stream.disturbed = true;
    if (stream.state === 'closed') request.close();
    else if (stream.state === 'errored') request.error(stream.error);
    else if (!stream.queue.isEmpty) {
      const chunk = stream.queue.shift();
      if (stream.closing && stream.queue.isEmpty) {
        forget(stream);
        closeReadable(stream);
      } else {
        pull(stream);
      }
      request.chunk(chunk);
    } else {
      stream.reader.requests.push(request);
      pull(stream);
    }
  }

  function setUpReadable(object, start, pullBy, cancelBy, mark, size) {
    const stream = {
      kind: 'ReadableStream', object, state: 'readable', queue: new Queue(), mark, sizeOf: size, pull: pullBy, cancel: cancelBy,
      started: false, closing: false, pulling: false, again: false, reader: undefined, error: undefined, disturbed: false,
    };
    inner.set(object, stream);
    const controller = new ReadableStreamDefaultController(secret);
    inner.set(controller, { kind: 'ReadableStreamDefaultController', stream });
    stream.controller = controller;
    Promise.resolve(start(controller)).then(() => {
      stream.started = true;
      pull(stream);
    }, (error) => errorController(stream, error));
    return stream;
  }

  class ReadableStream {
    constructor(source, strategy) {
      if (source === null) throw new TypeError('underlyingSource must be an object');
      source = dictionary(source, 'underlyingSource');
      strategy = dictionary(strategy, 'The strategy');
      const [cancelBy, pullBy, startBy] = ['cancel', 'pull', 'start'].map((name) => method('underlyingSource', source, name));
      const type = source === undefined ? undefined : source.type;
      if (type !== undefined) {
        if (`${type}` === 'bytes') throw Object.assign(new Error("'bytes' stream is not supported yet"), { name: 'NotSupportedError' });
        throw new TypeError('invalid underlying source type');
      }
      const size = sizeOf(strategy);
      const mark = highWaterMark(strategy, 1);
      let controller;
      setUpReadable(
        this,
        (made) => {
          controller = made;
          return startBy === undefined ? undefined : startBy.call(source, made);
        },
        () => (pullBy === undefined ? Promise.resolve() : attempt(pullBy, source, [controller])),
        (reason) => (cancelBy === undefined ? Promise.resolve() : attempt(cancelBy, source, [reason])),
        mark,
        size,
      );
    }

    static from(iterable) {
      const by = iterable[Symbol.asyncIterator] || iterable[Symbol.iterator];
      if (typeof by !== 'function') throw new TypeError('ReadableStream.from() needs an iterable');
      const iterator = by.call(iterable);
      const next = iterator.next;
      return new ReadableStream({
        async pull(controller) {
          const step = await next.call(iterator);
          if (!isObject(step)) throw new TypeError('The iterator gave no object');
          if (step.done) controller.close(); else controller.enqueue(await step.value);
        },
        async cancel(reason) {
          if (typeof iterator.return === 'function') await iterator.return(reason);
        },
      }, { highWaterMark: 0 });
    }

    get locked() { return of(this, 'ReadableStream').reader !== undefined; }

    cancel(reason) {
      let stream;
      try {
        stream = of(this, 'ReadableStream');
        if (stream.reader !== undefined) throw new TypeError('cannot cancel a locked stream');
      } catch (error) {
        return Promise.reject(error);
      }
      return cancelReadable(stream, reason);
    }

    getReader(options) {
      of(this, 'ReadableStream');
      const mode = options === undefined || options === null ? undefined : options.mode;
      if (mode !== undefined) {
        if (`${mode}` === 'byob') throw Object.assign(new Error("'byob' mode is not supported yet"), { name: 'NotSupportedError' });
        throw new TypeError("options.mode is not 'byob'");
      }
      return new ReadableStreamDefaultReader(this);
    }

    tee() {
      const stream = of(this, 'ReadableStream');
      const reader = new ReadableStreamDefaultReader(this);
      let reading = false;
      let again = false;
      const canceled = [false, false];
      const reasons = [undefined, undefined];
      const cancels = later();
      const branches = [];
      const pullBoth = () => {
        if (reading) {
          again = true;
          return Promise.resolve();
        }
        reading = true;
        readInto(stream, {
          chunk: (chunk) => queueMicrotaskOf(() => {
            again = false;
            branches.forEach((branch, i) => { if (!canceled[i]) branch.controller.enqueue(chunk); });
            reading = false;
            if (again) pullBoth();
          }),
          close: () => {
            reading = false;
            branches.forEach((branch, i) => { if (!canceled[i]) branch.controller.close(); });
            if (!canceled[0] || !canceled[1]) cancels.resolve(undefined);
          },
          error: () => { reading = false; },
        });
        return Promise.resolve();
      };
      const cancelOf = (i) => (reason) => {
        canceled[i] = true;
        reasons[i] = reason;
        if (canceled[1 - i]) cancels.resolve(cancelReadable(stream, reasons));
        return cancels.promise;
      };
      for (const i of [0, 1]) {
        const object = Object.create(ReadableStream.prototype);
        branches.push(setUpReadable(object, () => undefined, pullBoth, cancelOf(i), 1, () => 1));
      }
      quiet(reader.closed.catch((error) => {
        branches.forEach((branch) => errorController(branch, error));
        if (!canceled[0] || !canceled[1]) cancels.resolve(undefined);
      }));
      return branches.map((branch) => branch.object);
    }

    values(options) {
      const reader = this.getReader();
      const keeps = options !== undefined && options !== null && Boolean(options.preventCancel);
      let isOver = false;
      let ongoing = Promise.resolve();
      const next = async () => {
        if (isOver) return { value: undefined, done: true };
        let step;
        try {
          step = await reader.read();
        } catch (error) {
          isOver = true;
          reader.releaseLock();
          throw error;
        }
        if (step.done) {
          isOver = true;
          reader.releaseLock();
        }
        return step;
      };
      return {
        next() { return (ongoing = ongoing.then(next, next)); },
        return(value) {
          const end = async () => {
            if (isOver) return { value, done: true };
            isOver = true;
            const done = keeps ? undefined : reader.cancel(value);
            reader.releaseLock();
            await done;
            return { value, done: true };
          };
          return (ongoing = ongoing.then(end, end));
        },
        [Symbol.asyncIterator]() { return this; },
      };
    }

    async pipeTo(destination, options = {}) {
      const writer = destination.getWriter();
      const reader = this.getReader();
      try {
        for (;;) {
          await writer.ready;
          let step;
          try {
            step = await reader.read();
          } catch (error) {
            if (!options.preventAbort) await writer.abort(error);
            throw error;
          }
          if (step.done) break;
          quiet(writer.write(step.value));
        }
        if (options.preventClose) await writer.ready; else await writer.close();
      } catch (error) {
        if (!options.preventCancel) quiet(reader.cancel(error));
        throw error;
      } finally {
        writer.releaseLock();
        reader.releaseLock();
      }
    }
  }
  ReadableStream.prototype[Symbol.asyncIterator] = ReadableStream.prototype.values;
  const queueMicrotaskOf = (f) => { Promise.resolve().then(f); };

  class ReadableStreamDefaultReader {
    constructor(object) {
      if (arguments.length !== 1) throw new TypeError('ReadableStreamDefaultReader takes a single argument');
      const stream = of(object, 'ReadableStream');
      if (stream.reader !== undefined) throw new TypeError('stream is locked');
      const reader = { kind: 'ReadableStreamDefaultReader', stream, requests: [], closed: later() };
      stream.reader = reader;
      inner.set(this, reader);
      if (stream.state === 'closed') reader.closed.resolve(undefined);
      else if (stream.state === 'errored') reader.closed.reject(stream.error);
      quiet(reader.closed.promise);
    }

    get closed() {
      try {
        return of(this, 'ReadableStreamDefaultReader').closed.promise;
      } catch (error) {
        return rejected(error);
      }
    }

    read() {
      let reader;
      try {
        reader = of(this, 'ReadableStreamDefaultReader');
        if (reader.stream === undefined) throw new TypeError('stream is undefined');
      } catch (error) {
        return Promise.reject(error);
      }
      const result = later();
      readInto(reader.stream, {
        chunk: (value) => result.resolve({ done: false, value }),
        close: () => result.resolve({ done: true, value: undefined }),
        error: result.reject,
      });
      return result.promise;
    }

    cancel(reason) {
      let reader;
      try {
        reader = of(this, 'ReadableStreamDefaultReader');
        if (reader.stream === undefined) throw new TypeError('stream is undefined');
      } catch (error) {
        return Promise.reject(error);
      }
      return cancelReadable(reader.stream, reason);
    }

    releaseLock() {
      const reader = of(this, 'ReadableStreamDefaultReader');
      const { stream } = reader;
      if (stream === undefined) return;
      const error = new TypeError('reader released');
      if (stream.state !== 'readable') reader.closed = later();
      reader.closed.reject(error);
      quiet(reader.closed.promise);
      stream.reader = undefined;
      reader.stream = undefined;
      for (const request of reader.requests.splice(0)) request.error(error);
    }
  }

  // Writable streams.
  const CLOSE = Symbol('close');

  class WritableStreamDefaultController {
    constructor(key) { guard(key); }
    get signal() { return of(this, 'WritableStreamDefaultController').stream.signal; }
    error(error) {
      const { stream } = of(this, 'WritableStreamDefaultController');
      if (stream.state === 'writable') startErroring(stream, error);
    }
  }

  const isClosing = (stream) => stream.closeRequest !== undefined || stream.inFlightClose !== undefined;
  const writableDesired = (stream) => stream.mark - stream.queue.size;
  const hasBackpressure = (stream) => writableDesired(stream) <= 0;
  const forgetSink = (stream) => {
    stream.write = undefined;
    stream.close = undefined;
    stream.abort = undefined;
    stream.sizeOf = undefined;
  };

  function settleReady(writer, error) {
    if (writer.readyPending) writer.ready.reject(error);
    else {
      writer.ready = later();
      writer.ready.reject(error);
    }
    writer.readyPending = false;
    quiet(writer.ready.promise);
  }
  function settleClosed(writer, error) {
    if (writer.closedPending) writer.closed.reject(error);
    else {
      writer.closed = later();
      writer.closed.reject(error);
    }
    writer.closedPending = false;
    quiet(writer.closed.promise);
  }

  function startErroring(stream, reason) {
    stream.state = 'erroring';
    stream.error = reason;
    if (stream.writer !== undefined) settleReady(stream.writer, reason);
    if (stream.inFlightWrite === undefined && stream.inFlightClose === undefined && stream.started) finishErroring(stream);
  }

  function finishErroring(stream) {
    stream.state = 'errored';
    stream.queue.clear();
    const { error } = stream;
    for (const request of stream.writeRequests.splice(0)) request.reject(error);
    const pending = stream.pendingAbort;
    if (pending === undefined) {
      rejectCloseAndClosed(stream);
      return;
    }
    stream.pendingAbort = undefined;
    if (pending.wasErroring) {
      pending.reject(error);
      rejectCloseAndClosed(stream);
      return;
    }
    const { abort } = stream;
    forgetSink(stream);
    abort(pending.reason).then(() => {
      pending.resolve(undefined);
      rejectCloseAndClosed(stream);
    }, (reason) => {
      pending.reject(reason);
      rejectCloseAndClosed(stream);
    });
  }

  function rejectCloseAndClosed(stream) {
    if (stream.closeRequest !== undefined) {
      stream.closeRequest.reject(stream.error);
      stream.closeRequest = undefined;
    }
    if (stream.writer !== undefined) settleClosed(stream.writer, stream.error);
  }

  const dealWith = (stream, error) => {
    if (stream.state === 'writable') startErroring(stream, error); else finishErroring(stream);
  };

  function setBackpressure(stream, backpressure) {
    const { writer } = stream;
    if (writer !== undefined && backpressure !== stream.backpressure) {
      if (backpressure) {
        writer.ready = later();
        writer.readyPending = true;
      } else {
        writer.ready.resolve(undefined);
        writer.readyPending = false;
      }
    }
    stream.backpressure = backpressure;
  }

  function advance(stream) {
    if (!stream.started || stream.inFlightWrite !== undefined || stream.inFlightClose !== undefined) return;
    if (stream.state === 'erroring') {
      finishErroring(stream);
      return;
    }
    if ((stream.state !== 'writable') || stream.queue.isEmpty) return;
    if (stream.queue.peek() === CLOSE) processClose(stream); else processWrite(stream, stream.queue.peek());
  }

  function processClose(stream) {
    stream.inFlightClose = stream.closeRequest;
    stream.closeRequest = undefined;
    stream.queue.shift();
    const { close } = stream;
    forgetSink(stream);
    close().then(() => {
      stream.inFlightClose.resolve(undefined);
      stream.inFlightClose = undefined;
      if (stream.state === 'erroring') {
        stream.error = undefined;
        if (stream.pendingAbort !== undefined) {
          stream.pendingAbort.resolve(undefined);
          stream.pendingAbort = undefined;
        }
      }
      stream.state = 'closed';
      if (stream.writer !== undefined) {
        stream.writer.closed.resolve(undefined);
        stream.writer.closedPending = false;
      }
    }, (error) => {
      stream.inFlightClose.reject(error);
      stream.inFlightClose = undefined;
      if (stream.pendingAbort !== undefined) {
        stream.pendingAbort.reject(error);
        stream.pendingAbort = undefined;
      }
      dealWith(stream, error);
    });
  }

  function processWrite(stream, chunk) {
    stream.inFlightWrite = stream.writeRequests.shift();
    stream.write(chunk).then(() => {
      stream.inFlightWrite.resolve(undefined);
      stream.inFlightWrite = undefined;
      stream.queue.shift();
      if (!isClosing(stream) && stream.state === 'writable') setBackpressure(stream, hasBackpressure(stream));
      advance(stream);
    }, (error) => {
      if (stream.state === 'writable') forgetSink(stream);
      stream.inFlightWrite.reject(error);
      stream.inFlightWrite = undefined;
      dealWith(stream, error);
    });
  }

  function abortWritable(stream, reason) {
    if (stream.state === 'closed' || stream.state === 'errored') return Promise.resolve(undefined);
    if (stream.pendingAbort !== undefined) return stream.pendingAbort.promise;
    const wasErroring = stream.state === 'erroring';
    stream.pendingAbort = Object.assign(later(), { reason: wasErroring ? undefined : reason, wasErroring });
    const { promise } = stream.pendingAbort;
    if (!wasErroring) startErroring(stream, reason);
    return promise;
  }

  function closeWritable(stream) {
    if (stream.state === 'closed' || stream.state === 'errored') {
      return Promise.reject(new TypeError(`The stream is ${stream.state} and can't be closed`));
    }
    stream.closeRequest = later();
    const { promise } = stream.closeRequest;
    const { writer } = stream;
    if (writer !== undefined && stream.backpressure && stream.state === 'writable') {
      writer.ready.resolve(undefined);
      writer.readyPending = false;
    }
    stream.queue.push(CLOSE, 0);
    advance(stream);
    return promise;
  }

  class WritableStream {
    constructor(sink, strategy) {
      if (sink === null) throw new TypeError('underlyingSink must be an object');
      sink = dictionary(sink, 'underlyingSink');
      strategy = dictionary(strategy, 'The strategy');
      const [abortBy, closeBy, startBy, writeBy] = ['abort', 'close', 'start', 'write'].map((name) => method('underlyingSink', sink, name));
      if (sink !== undefined && sink.type !== undefined) throw new RangeError("'type' is not supported by WritableStream");
      const size = sizeOf(strategy);
      const mark = highWaterMark(strategy, 1);
      const call = (by, ...args) => (by === undefined ? Promise.resolve() : attempt(by, sink, args));
      const controller = new WritableStreamDefaultController(secret);
      const stream = {
        kind: 'WritableStream', state: 'writable', queue: new Queue(), mark, sizeOf: size, started: false, writer: undefined, error: undefined,
        writeRequests: [], inFlightWrite: undefined, inFlightClose: undefined, closeRequest: undefined, pendingAbort: undefined, backpressure: false,
        write: (chunk) => call(writeBy, chunk, controller), close: () => call(closeBy), abort: (reason) => call(abortBy, reason),
      };
      inner.set(this, stream);
      inner.set(controller, { kind: 'WritableStreamDefaultController', stream });
      stream.backpressure = hasBackpressure(stream);
      Promise.resolve(startBy === undefined ? undefined : startBy.call(sink, controller)).then(() => {
        stream.started = true;
        advance(stream);
      }, (error) => {
        stream.started = true;
        dealWith(stream, error);
      });
    }

    get locked() { return of(this, 'WritableStream').writer !== undefined; }

    abort(reason) {
      try {
        const stream = of(this, 'WritableStream');
        if (stream.writer !== undefined) throw new TypeError('cannot abort a locked stream');
        return abortWritable(stream, reason);
      } catch (error) {
        return Promise.reject(error);
      }
    }

    close() {
      try {
        const stream = of(this, 'WritableStream');
        if (stream.writer !== undefined) throw new TypeError('cannot close a locked stream');
        if (isClosing(stream)) throw new TypeError('stream is closing');
        return closeWritable(stream);
      } catch (error) {
        return Promise.reject(error);
      }
    }

    getWriter() { return new WritableStreamDefaultWriter(this); }
  }

  class WritableStreamDefaultWriter {
    constructor(object) {
      if (arguments.length !== 1) throw new TypeError('WritableStreamDefaultWriter takes a single argument');
      const stream = of(object, 'WritableStream');
      if (stream.writer !== undefined) throw new TypeError('stream is locked');
      const writer = { kind: 'WritableStreamDefaultWriter', stream, ready: later(), closed: later(), readyPending: true, closedPending: true };
      stream.writer = writer;
      inner.set(this, writer);
      const isReady = () => {
        writer.ready.resolve(undefined);
        writer.readyPending = false;
      };
      if (stream.state === 'writable') {
        if (isClosing(stream) || !stream.backpressure) isReady();
      } else if (stream.state === 'erroring') {
        settleReady(writer, stream.error);
      } else if (stream.state === 'closed') {
        isReady();
        writer.closed.resolve(undefined);
        writer.closedPending = false;
      } else {
        settleReady(writer, stream.error);
        settleClosed(writer, stream.error);
      }
    }

    get closed() {
      try { return of(this, 'WritableStreamDefaultWriter').closed.promise; } catch (error) { return rejected(error); }
    }
    get ready() {
      try { return of(this, 'WritableStreamDefaultWriter').ready.promise; } catch (error) { return rejected(error); }
    }
    get desiredSize() {
      const { stream } = of(this, 'WritableStreamDefaultWriter');
      if (stream === undefined) throw new TypeError('stream is undefined');
      if (stream.state === 'errored' || stream.state === 'erroring') return null;
      return stream.state === 'closed' ? 0 : writableDesired(stream);
    }

    #stream() {
      const { stream } = of(this, 'WritableStreamDefaultWriter');
      if (stream === undefined) throw new TypeError('stream is undefined');
      return stream;
    }

    abort(reason) {
      try { return abortWritable(this.#stream(), reason); } catch (error) { return Promise.reject(error); }
    }
    close() {
      try {
        const stream = this.#stream();
        if (isClosing(stream)) throw new TypeError('stream is closing');
        return closeWritable(stream);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    write(chunk) {
      try {
        const stream = this.#stream();
        let size = 1;
        try {
          size = stream.sizeOf === undefined ? 1 : stream.sizeOf(chunk);
        } catch (error) {
          if (stream.state === 'writable') startErroring(stream, error);
          size = 1;
        }
        if (of(this, 'WritableStreamDefaultWriter').stream !== stream) throw new TypeError('stream is undefined');
        if (stream.state === 'errored') throw stream.error;
        if (isClosing(stream) || stream.state === 'closed') throw new TypeError('stream is closing or closed');
        if (stream.state === 'erroring') throw stream.error;
        const request = later();
        stream.writeRequests.push(request);
        try {
          stream.queue.push(chunk, size);
        } catch (error) {
          if (stream.state === 'writable') startErroring(stream, error);
          return request.promise;
        }
        if (!isClosing(stream) && stream.state === 'writable') setBackpressure(stream, hasBackpressure(stream));
        advance(stream);
        return request.promise;
      } catch (error) {
        return Promise.reject(error);
      }
    }
    releaseLock() {
      const writer = of(this, 'WritableStreamDefaultWriter');
      const { stream } = writer;
      if (stream === undefined) return;
      const error = new TypeError('writer released');
      settleReady(writer, error);
      settleClosed(writer, error);
      stream.writer = undefined;
      writer.stream = undefined;
    }
  }

  const classes = { ReadableStream, ReadableStreamDefaultReader, WritableStream, WritableStreamDefaultWriter, CountQueuingStrategy };
  for (const made of [...Object.values(classes), ReadableStreamDefaultController, WritableStreamDefaultController]) {
    Object.defineProperty(made.prototype, Symbol.toStringTag, { value: made.name, configurable: true });
  }
  return classes;
})
