// What a call came to, in one line; paths are shortened.
export async function attempt(label, f) {
  let line;
  try {
    line = JSON.stringify(await f());
  } catch (e) {
    line = `throws ${e}`;
  }
  console.log(`${label}: ${line}`.replace(/\/[^\s"]*\/(data|scripts)(?=[/"\s])/g, '…/$1'));
}
