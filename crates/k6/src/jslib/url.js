// What scripts import as url: the classes that are global here.
if (typeof URL !== 'function' || typeof URLSearchParams !== 'function') {
  throw new Error('the url library needs the globals URL and URLSearchParams');
}
module.exports = { URL, URLSearchParams };
