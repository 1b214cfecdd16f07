// What scripts import as http-instrumentation-tempo: a trace context in the headers of each request, its id in the
// metadata of each sample.
const http = require('k6/http');
const exec = require('k6/execution');
const { Instrumented, install, withHeaders } = require('jslib:tracing');

const hex = (digits) => {
  let out = '';
  for (let i = 0; i < digits; i += 1) out += Math.floor(Math.random() * 16).toString(16);
  return out;
};

/** Where a trace id of k6 starts; then comes the time in nanoseconds, then chance. */
const PREFIX = 'dc0718';

const newTraceId = () => {
  // Whole numbers of JavaScript end below nanoseconds since 1970: milliseconds in the upper part, zeros below.
  let time = '';
  let rest = Date.now() * 1e6;
  for (let i = 0; i < 16; i += 1) {
    const digit = rest % 16;
    time = digit.toString(16) + time;
    rest = (rest - digit) / 16;
  }
  return PREFIX + time + hex(32 - PREFIX.length - time.length);
};

const PROPAGATORS = {
  w3c: (isSampled, trace) => ({ traceparent: `00-${trace}-${hex(16)}-${isSampled ? '01' : '00'}` }),
  jaeger: (isSampled, trace) => ({ 'uber-trace-id': `${trace}:${hex(8)}:0:${isSampled ? 1 : 0}` }),
  b3: (isSampled, trace) => ({ b3: `${trace}-${hex(16)}-${isSampled ? 1 : 0}` }),
};

class Client extends Instrumented {
  constructor(options, send, sendAsync) {
    super(send, sendAsync);
    this.configure(options);
  }

  configure(options) {
    const { propagator, sampling = 1 } = options;
    if (sampling < 0 || sampling > 1) throw 'sampling rate must be between 0.0 and 1.0';
    if (!(propagator in PROPAGATORS)) throw `unknown propagator: ${propagator}`;
    this.propagate = PROPAGATORS[propagator];
    this.sampling = sampling;
  }

  around(url, args, send) {
    const trace = newTraceId();
    const headers = this.propagate(Math.random() < this.sampling, trace);
    const { metadata } = exec.vu.metrics;
    metadata.trace_id = trace;
    try {
      return send(withHeaders(headers, args));
    } finally {
      delete metadata.trace_id;
    }
  }
}

const instrumentHTTP = (options) => install(new Client(options, http.request, http.asyncRequest));

module.exports = { Client, instrumentHTTP };
