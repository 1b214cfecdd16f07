//! randomSeed makes Math.random repeatable.
import { randomSeed } from 'k6';

export default function () {
  randomSeed(42);
  const first = [Math.random(), Math.random()];
  randomSeed(42);
  const second = [Math.random(), Math.random()];
  console.log(first.join() === second.join(), first[0] !== first[1], first.every((x) => x >= 0 && x < 1));
}
