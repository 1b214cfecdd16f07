module.exports = { name: 'inner' };
