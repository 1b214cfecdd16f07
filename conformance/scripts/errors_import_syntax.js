//! A syntax error in a module.
import './lib/broken.js';

export default function () {}
