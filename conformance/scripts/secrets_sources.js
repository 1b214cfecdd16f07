//! k6/secrets with each kind of source, and what the log shows of them.
//! case mock: --secret-source=mock=cool=some-secret,other=second
//! case named: --secret-source=mock=name=one,default,cool=first-value --secret-source=mock=name=two,cool=second-value
//! case file: --secret-source=file=data/secrets.txt
//! case no_default: --secret-source=mock=name=one,cool=first-value --secret-source=mock=name=two,cool=second-value
//! case none: --no-setup
//! case unknown: --secret-source=nope=x
//! case empty: --secret-source=
//! case no_value: --secret-source=mock=x
//! case missing: --secret-source=file=missing.txt
//! case bad_key: --secret-source=file=a=b
//! case twice: --secret-source=mock=a=b --secret-source=mock=a=c
//! case two_defaults: --secret-source=mock=name=q,default,a=b --secret-source=mock=name=r,default,a=c
import secrets from 'k6/secrets';

const attempt = async (label, f) => {
  try {
    console.log(label, await f());
  } catch (e) {
    console.log(label, `throws ${e}`);
  }
};

export default async function () {
  console.log(Object.keys(secrets).sort().join());
  for (const key of ['cool', 'other', 'nope', '']) await attempt(key, () => secrets.get(key));
  await attempt('nothing', () => secrets.get());
  for (const name of ['default', 'mock', 'file', 'one', 'two', 'nope']) {
    await attempt(`source ${name}`, () => secrets.source(name).get('cool'));
    await attempt('  length', async () => (await secrets.source(name).get('cool')).length);
  }
}
