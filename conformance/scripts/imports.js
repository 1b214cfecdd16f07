//! Every form of importing what is built in.
import http, { get, post as send } from 'k6/http';
import * as httpAll from 'k6/http';
import request from 'k6/http';
import k6, { check as verify, sleep as pause, nope } from 'k6';
import * as k6All from 'k6';
import exec, { vu } from 'k6/execution';
import { Counter as Count } from 'k6/metrics';
import metrics from 'k6/metrics';
import data, { SharedArray } from 'k6/data';
import encoding from 'k6/encoding';
import timers from 'k6/timers';

const count = new Count('counted');
const own = new metrics.Trend('own_trend');

export default function () {
  console.log(get(`${__ENV.BASE}/get`).status, send(`${__ENV.BASE}/post`, 'x').status, request.get(`${__ENV.BASE}/get`).status, httpAll.get(`${__ENV.BASE}/get`).status, httpAll.default === http);
  console.log(verify(1, { ok: true }), k6.check(1, { ok: true }), k6All.check === verify, typeof nope, String(nope), typeof k6All.default);
  k6.group('g', () => pause(0.01));
  count.add(1);
  own.add(2);
  console.log(exec.vu.idInTest === vu.idInTest, typeof data.SharedArray, data.SharedArray === SharedArray, typeof encoding.b64encode, typeof timers.setTimeout);
  console.log(Object.keys(k6).sort().join(), Object.keys(k6All).sort().join());
}
