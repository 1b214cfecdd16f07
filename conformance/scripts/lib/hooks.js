export function teardown() { console.log('teardown from a module'); }
