//! The JSON log format, without its time.
//! args: --log-format json --log-output file=log.json --console-output console.json
export default function () {
  console.log('plain');
}

export function handleSummary() {
  return {};
}
