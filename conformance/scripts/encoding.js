//! k6/encoding.
import encoding from 'k6/encoding';
import { b64encode, b64decode } from 'k6/encoding';

export default function () {
  const text = 'hällo?>>~ world';
  for (const form of [undefined, 'std', 'rawstd', 'url', 'rawurl']) {
    const coded = b64encode(text, form);
    console.log(form, coded, b64decode(coded, form, 's') === text, b64decode(coded, form).byteLength);
  }
  console.log(b64encode(new Uint8Array([0, 255, 62]).buffer), encoding.b64encode(''), encoding.b64decode('', 'std', 's') === '');
  for (const bad of [() => b64decode('***', 'std', 's'), () => b64decode('YQ', 'std', 's'), () => b64encode('a', 'nope'), () => b64encode(5), () => b64encode(null), () => b64decode(undefined, 'std', 's')]) {
    try {
      console.log('fine', bad());
    } catch (e) {
      console.log('threw', String(e));
    }
  }
  console.log(new TextEncoder().encode('ü€').join(), new TextDecoder().decode(new Uint8Array([195, 188])));
}
