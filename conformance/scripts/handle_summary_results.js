//! What handleSummary may give or do wrong.
//! case nothing: -e GIVE=nothing
//! case empty: -e GIVE=empty
//! case number: -e GIVE=number
//! case text: -e GIVE=text
//! case wrong_value: -e GIVE=wrong
//! case throws: -e GIVE=throw
//! case async: -e GIVE=async
//! case disabled: -e GIVE=empty --summary-mode disabled
export default function () {}

export function handleSummary() {
  switch (__ENV.GIVE) {
    case 'nothing': return undefined;
    case 'empty': return {};
    case 'number': return 5;
    case 'text': return 'text';
    case 'wrong': return { stdout: { a: 1 }, 'other.txt': 'fine' };
    case 'throw': throw new Error('in handleSummary');
    case 'async': return Promise.resolve({ stdout: 'later\n' });
  }
}
