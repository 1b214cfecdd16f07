const path = './nested/inner.js';
const inner = require(path);
exports.exported = `from common, ${inner.name}, ${typeof module}`;
