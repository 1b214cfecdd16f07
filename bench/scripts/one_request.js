// One request: how long until the server sees it.
import http from 'k6/http';

export const options = { vus: 1, iterations: 1 };

export default function () {
  http.get(__ENV.TARGET);
}
