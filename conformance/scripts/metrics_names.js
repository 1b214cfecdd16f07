//! Names of metrics that are refused, and redeclarations.
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import * as metrics from 'k6/metrics';

for (const make of [() => new Counter('a'), () => new Counter(''), () => new Counter('with space'), () => new Counter('1digit'), () => new Counter('dash-ed'), () => new Counter('ok_name_1'), () => new Counter('x'.repeat(129)), () => new Counter('x'.repeat(130)), () => new Counter(), () => new Gauge('ok_name_1'), () => new Trend('http_req_duration', true), () => new Trend('http_reqs'), () => new Rate('checks'), () => new Trend('timed', true), () => new Trend('timed'), () => Counter('not_new'), () => new Counter('checks')]) {
  try {
    console.log(typeof make());
  } catch (e) {
    console.log('threw', String(e));
  }
}
console.log(Object.keys(metrics).sort().join());

export const options = { iterations: 1 };

export default function () {}
