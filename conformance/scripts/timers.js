//! Timers and promises: order of things, ends of iterations.
import { setTimeout as later, clearTimeout as stop, setInterval as every, clearInterval as unevery } from 'k6/timers';
import { sleep } from 'k6';

export const options = { iterations: 2 };

export default function () {
  console.log('start', __ITER);
  setTimeout(() => console.log('40'), 40);
  later((a, b) => console.log('20', a, b), 20, 'x', 5);
  stop(setTimeout(() => console.log('never'), 10));
  let n = 0;
  const id = every(() => {
    n += 1;
    console.log('tick', n);
    if (n === 3) unevery(id);
  }, 60);
  Promise.resolve().then(() => console.log('micro'));
  (async () => {
    await null;
    console.log('async');
    await new Promise((resolve) => setTimeout(resolve, 300));
    console.log('after 300');
  })();
  setTimeout(() => { setTimeout(() => console.log('nested'), 0); }, 0);
  console.log('end', typeof id);
  for (const bad of [() => setTimeout(), () => setTimeout('text'), () => clearTimeout(undefined), () => clearTimeout(99999)]) {
    try {
      console.log('fine', typeof bad());
    } catch (e) {
      console.log('threw', String(e));
    }
  }
}
