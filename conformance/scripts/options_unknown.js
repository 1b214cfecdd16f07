//! Options nobody knows: a warning.
export const options = { iterations: 1, foo: 'bar', linger: true };

export default function () {}
