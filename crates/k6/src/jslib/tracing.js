// What instruments k6/http: each request passes through `headersOf`, which says what headers to add.
const http = require('k6/http');

/** The arguments of `http.request` with more headers; what the script passed stays as it is. */
const withHeaders = (headers, [body = null, params, ...rest]) => [
  body,
  { ...params, headers: { ...(params && params.headers), ...headers } },
  ...rest,
];

/** A client whose requests go to `send` and `sendAsync` with added headers. */
class Instrumented {
  constructor(send = http.request, sendAsync = http.asyncRequest) {
    this.send = send;
    this.sendAsync = sendAsync;
  }

  request(method, url, ...args) {
    return this.around(url, args, (all) => this.send.call(http, method, url, ...all));
  }

  async asyncRequest(method, url, ...args) {
    return this.around(url, args, (all) => this.sendAsync.call(http, method, url, ...all));
  }

  del(url, ...args) {
    return this.request('DELETE', url, ...args);
  }

  get(url, ...args) {
    return this.request('GET', url, null, ...args);
  }

  head(url, ...args) {
    return this.request('HEAD', url, null, ...args);
  }

  options(url, ...args) {
    return this.request('OPTIONS', url, ...args);
  }

  patch(url, ...args) {
    return this.request('PATCH', url, ...args);
  }

  post(url, ...args) {
    return this.request('POST', url, ...args);
  }

  put(url, ...args) {
    return this.request('PUT', url, ...args);
  }
}

const METHODS = ['del', 'get', 'head', 'options', 'patch', 'post', 'put', 'request', 'asyncRequest'];

/** Puts a client's methods in the place of k6/http's. */
const install = (client) => {
  for (const name of METHODS) {
    http[name] = (...args) => client[name](...args);
  }
};

module.exports = { Instrumented, install, withHeaders };
