// What scripts import as httpx: sessions with defaults on top of k6/http.
const http = require('k6/http');

/** A request to be made later, by `Httpx.execute` or `batch`. */
class Request {
  constructor(method, url, params) {
    const { body = null, ...rest } = params || {};
    this.method = method;
    this.url = url;
    this.body = body || null;
    this.params = rest;
  }

  addHeader(name, value) {
    this.params.headers = { ...this.params.headers, [name]: value };
    return this;
  }

  addTag(name, value) {
    this.params.tags = { ...this.params.tags, [name]: value };
    return this;
  }
}

const requestOf = (method) => class extends Request {
  constructor(url, params) {
    super(method, url, params);
  }
};

/** The second's settings over the first's; headers and tags are joined. */
const merged = (base = {}, over = {}) => ({
  ...base,
  ...over,
  headers: { ...(base && base.headers), ...(over && over.headers) },
  tags: { ...(base && base.tags), ...(over && over.tags) },
});

class Httpx {
  constructor(options = {}) {
    const {
      baseURL = '',
      headers = {},
      tags = {},
      errorMetric = null,
      errorMetricCondition = (response) => response.status >= 200 && response.status <= 399,
      ...others
    } = options;
    this.baseURL = baseURL;
    this.k6params = { headers, tags, ...others };
    this.errorMetric = errorMetric;
    this.errorMetricCondition = errorMetricCondition;
    this.lastRequest = { responseObject: null, responseChainDuration: null };
  }

  get lastRequestChainDuration() {
    return this.lastRequest.responseChainDuration;
  }

  setBaseUrl(baseURL) {
    this.baseURL = baseURL;
  }

  setTimeout(timeout) {
    this.k6params.timeout = timeout;
  }

  addHeader(name, value) {
    this.k6params.headers[name] = value;
  }

  addHeaders(headers) {
    Object.assign(this.k6params.headers, headers);
  }

  clearHeader(name) {
    delete this.k6params.headers[name];
  }

  addTag(name, value) {
    this.k6params.tags[name] = value;
  }

  addTags(tags) {
    Object.assign(this.k6params.tags, tags);
  }

  clearTag(name) {
    delete this.k6params.tags[name];
  }

  execute(request) {
    return this.request(request.method, request.url, request.body, request.params);
  }

  request(method, url, body, params) {
    const all = merged(this.k6params, params || {});
    const started = Date.now();
    const response = http.request(method, this.baseURL + url, body, all);
    this.finished(response, all, started);
    return response;
  }

  async asyncRequest(method, url, body, params) {
    const all = merged(this.k6params, params || {});
    const started = Date.now();
    const response = await http.asyncRequest(method, this.baseURL + url, body, all);
    this.finished(response, all, started);
    return response;
  }

  finished(response, params, started) {
    if (this.errorMetric) {
      const isExpected = params.expect || this.errorMetricCondition;
      this.errorMetric.add(!isExpected(response));
    }
    this.lastRequest.responseObject = response;
    this.lastRequest.responseChainDuration = Date.now() - started;
  }

  batch(requests, shared) {
    const made = [];
    for (const request of requests) {
      const [method, url, body, params] = request instanceof Request
        ? [request.method, request.url, request.body, request.params]
        : request;
      const all = merged(this.k6params, merged(shared || {}, params || {}));
      made.push([method, this.baseURL + url, body || null, all]);
    }
    const started = Date.now();
    const responses = http.batch(made);
    this.lastRequest.responseObject = responses;
    this.lastRequest.responseChainDuration = Date.now() - started;
    return responses;
  }
}

for (const method of ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace']) {
  Httpx.prototype[method] = function send(url, body, params) {
    return this.request(method.toUpperCase(), url, body, params);
  };
}

module.exports = {
  Httpx,
  Request,
  Get: requestOf('GET'),
  Post: requestOf('POST'),
  Put: requestOf('PUT'),
  Patch: requestOf('PATCH'),
  Delete: requestOf('DELETE'),
  Options: requestOf('OPTIONS'),
};
