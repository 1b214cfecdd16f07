//! Log formats, levels and --console-output.
//! case raw: --log-format raw
//! case verbose_file: --console-output out.log
//! case file: --log-output file=log.txt
//! case none: --log-output none
console.log('in init', __VU);

export const options = { vus: 1, iterations: 1 };

export default function () {
  console.log('plain');
  console.info('key=value "quoted"');
  console.warn('two\nlines');
  console.error('error', { a: 1 });
  console.debug('hidden');
}
