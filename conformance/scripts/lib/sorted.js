// k6's objects from Go maps have their keys in random order.
export function sorted(value) {
  return JSON.stringify(value, (key, inner) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    const out = {};
    for (const name of Object.keys(inner).sort()) out[name] = inner[name];
    return out;
  });
}
