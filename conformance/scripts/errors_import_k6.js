//! A built-in module that is none.
import nope from 'k6/nope';

export default function () {}
