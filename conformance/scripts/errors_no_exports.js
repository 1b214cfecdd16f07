//! Nothing is exported.
console.log('init');
