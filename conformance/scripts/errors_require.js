//! require of what is not there.
const missing = require('./lib/not_there.js');

exports.default = function () {};
