//! A script in CommonJS.
const http = require('k6/http');
const { check } = require('k6');
const inner = require('./lib/nested/inner.js');

exports.options = { iterations: 2 };

exports.default = function () {
  check(http.get(`${__ENV.BASE}/get`), { 'is 200': (r) => r.status === 200 });
  console.log(inner.name, typeof exports, typeof http.default);
};
