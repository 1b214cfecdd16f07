//! JavaScript in a file of TypeScript: what is imported and not used is imported all the same.
import { unused } from './lib/noisy.js';

export default function () {
  console.log('ran');
}
