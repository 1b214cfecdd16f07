// What the scripts of gRPC share: the client with its definitions, and a way to print what comes out of Go's maps.
import grpc from 'k6/net/grpc';

export function echo() {
  const client = new grpc.Client();
  client.load(['proto'], 'echo.proto');
  return client;
}

// Statuses are objects that are numbers to operators.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.valueOf() === 'number') return Number(value);
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, plain(value[key])]));
}

export const sorted = (value) => JSON.stringify(plain(value));

export function show(what, f) {
  try {
    console.log(`${what}: ${sorted(f())}`);
  } catch (e) {
    console.log(`${what}: threw ${e}`);
  }
}

export const bytes = (...values) => new Uint8Array(values);
