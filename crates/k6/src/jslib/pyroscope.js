// What scripts import as http-instrumentation-pyroscope: baggage that labels a server's profiles.
const http = require('k6/http');
const exec = require('k6/execution');
const { Instrumented, install, withHeaders } = require('jslib:tracing');

const baggage = (url, body, params) => {
  const name = (params && params.tags && params.tags.name) || url;
  const run = __ENV.K6_CLOUDRUN_TEST_RUN_ID;
  return { baggage: `k6.test_run_id=${run}, k6.scenario=${exec.scenario.name}, k6.name=${name}` };
};

class Client extends Instrumented {
  constructor(generateHeaders, send, sendAsync) {
    super(send, sendAsync);
    this.generateHeaders = generateHeaders || baggage;
  }

  around(url, args, send) {
    return send(withHeaders(this.generateHeaders(url, ...args), args));
  }
}

const instrumentHTTP = () => install(new Client(null, http.request, http.asyncRequest));

module.exports = { Client, instrumentHTTP };
