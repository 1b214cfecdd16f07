export function thrower(text) {
  const error = new Error(text);
  throw error;
}
