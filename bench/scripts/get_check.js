// The k6-style script of most cases: a GET and two checks, one of which parses the answer's JSON.
import http from 'k6/http';
import { check } from 'k6';

export const options = {
  vus: Number(__ENV.VUS || 50),
  duration: __ENV.DURATION || '5s',
  insecureSkipTLSVerify: true,
  noConnectionReuse: __ENV.NEW_CONNECTIONS === '1',
};

// New connections are spread over several addresses: one has only as many source ports as the ephemeral range.
const url = __ENV.SPREAD ? __ENV.TARGET.replace('127.0.0.1', `127.0.0.${1 + (__VU % Number(__ENV.SPREAD))}`) : __ENV.TARGET;

export default function () {
  const response = http.get(url);
  check(response, {
    'status is 200': (r) => r.status === 200,
    'total is a number': (r) => JSON.parse(r.body).total > 0,
  });
}
