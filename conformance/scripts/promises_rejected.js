//! Rejections nobody handles.
//! case error: -e KIND=error
//! case text: -e KIND=text
//! case async: -e KIND=async
//! case timer: -e KIND=timer
//! case handled: -e KIND=handled
export const options = { iterations: 2 };

export default function () {
  switch (__ENV.KIND) {
    case 'error': Promise.reject(new Error('rejected')); break;
    case 'text': Promise.reject('only text'); break;
    case 'async': return (async () => { throw new Error('in async'); })();
    case 'timer': setTimeout(() => { throw new Error('in a timer'); }, 10); break;
    case 'handled': {
      const p = Promise.reject(new Error('later'));
      p.catch((e) => console.log('handled', e.message));
    }
  }
  console.log('end');
}
