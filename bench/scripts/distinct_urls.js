// Every request has a URL of its own: what many time series cost.
import http from 'k6/http';
import exec from 'k6/execution';

export const options = {
  scenarios: { urls: { executor: 'shared-iterations', vus: 50, iterations: Number(__ENV.URLS), maxDuration: '300s' } },
};

export default function () {
  http.get(`${__ENV.TARGET}/${exec.scenario.iterationInTest}`);
}
