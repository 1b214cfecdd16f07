//! A module that is not there.
import { x } from './lib/not_there.js';

export default function () {}
