//! Async functions in groups and checks, which k6 refuses.
import { check, group } from 'k6';

export const options = { iterations: 1 };

const attempts = {
  'a group': () => group('async', async () => 'its result'),
  'a check': () => check(1, { async: async (v) => v === 1 }),
};

export default async function () {
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      console.log(name, 'gives', await attempt());
    } catch (e) {
      console.log(name, 'threw', String(e));
    }
  }
  // As in k6, the group of an ordinary function ends when it returns.
  group('ordinary', () => {
    Promise.resolve().then(() => check(1, { 'after the group': true }));
  });
}
