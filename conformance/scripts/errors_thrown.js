//! What is thrown in iterations: the log, and that the test goes on.
export const options = { iterations: 12 };

function inner(kind) {
  switch (kind) {
    case 0: throw new Error('an error');
    case 1: throw 'a text';
    case 2: throw { a: 1 };
    case 3: throw null;
    case 4: throw undefined;
    case 5: throw new TypeError('a type error');
    case 6: return undefined.property;
    case 7: return missing;
    case 8: return (5)();
    case 9: throw 42;
    case 10: throw new Error('outer', { cause: new Error('cause') });
    case 11: return JSON.parse('{');
  }
}

export default function () {
  inner(__ITER);
}
