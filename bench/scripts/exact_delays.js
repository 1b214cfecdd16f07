// Requests with exactly known delays in turn, and script work of about 100 us after each: is what is reported the truth?
import http from 'k6/http';
import exec from 'k6/execution';

const delays = __ENV.DELAYS_MS.split(',');
const workUs = Number(__ENV.WORK_US);

export const options = {
  scenarios: {
    arrivals: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE),
      timeUnit: '1s',
      duration: __ENV.DURATION,
      preAllocatedVUs: Number(__ENV.VUS),
      maxVUs: Number(__ENV.VUS),
    },
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
  thresholds: Object.fromEntries(delays.map((ms) => [`http_req_duration{delay:${ms}}`, ['max>=0']])),
};

function work(loops) {
  let x = 1;
  for (let i = 0; i < loops; i++) {
    x = (x * 31 + i) % 1000003;
  }
  return x;
}

// How many loops take workUs: the fastest of several tries, since a disturbed one only is slower.
export function setup() {
  const tries = 50000;
  let best = Infinity;
  for (let i = 0; i < 15; i++) {
    const start = Date.now();
    let loops = 0;
    while (Date.now() - start < 10) {
      work(tries / 10);
      loops += tries / 10;
    }
    best = Math.min(best, ((Date.now() - start) * 1000) / loops);
  }
  return { loops: Math.round(workUs / best) };
}

export default function (data) {
  const ms = delays[exec.scenario.iterationInTest % delays.length];
  http.get(`${__ENV.TARGET}?delay=${ms}ms`, { tags: { delay: ms, name: `delay ${ms} ms` } });
  work(data.loops);
}
