//! A script on standard input.
//! stdin
//! loud
import { check } from 'k6';

export default function () {
  check(1, { ok: true });
  throw new Error('from standard input');
}
