//! A name that an own module doesn't export.
import { nothing } from './lib/math.js';

export default function () {}
