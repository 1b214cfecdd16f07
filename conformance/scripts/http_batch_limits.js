//! batchPerHost bounds the requests in flight: one at a time leaves an order.
import http from 'k6/http';

export const options = { batchPerHost: 1 };

export default function () {
  const urls = [1, 2, 3, 4, 5].map((n) => `${__ENV.BASE}/get?n=${n}`);
  console.log(http.batch(urls).length);
}
