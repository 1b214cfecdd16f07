//! k6/execution.
import exec from 'k6/execution';
import { sorted } from './lib/sorted.js';
import { scenario, vu, test, instance } from 'k6/execution';
import { Counter } from 'k6/metrics';
import http from 'k6/http';

export const options = { vus: 1, iterations: 2, tags: { run: 'x' }, thresholds: { 'my_counter{added:yes}': ['count>0'] }, discardResponseBodies: true };
const counter = new Counter('my_counter');

function attempt(label, f) {
  try {
    console.log(label, f());
  } catch (e) {
    console.log(label, 'threw', String(e));
  }
}

attempt('init scenario', () => exec.scenario.name);
attempt('init vu', () => exec.vu.idInTest);
attempt('init test', () => JSON.stringify(exec.test.options));

export function setup() {
  attempt('setup scenario', () => exec.scenario.name);
  attempt('setup vu', () => exec.vu.idInTest);
  attempt('setup instance', () => exec.instance.vusInitialized);
  attempt('setup tags', () => sorted(exec.vu.tags));
}

export default function () {
  console.log(scenario.name, scenario.executor, scenario.iterationInInstance, scenario.iterationInTest, typeof scenario.startTime, typeof scenario.progress, scenario.progress >= 0 && scenario.progress <= 1);
  console.log(instance.iterationsInterrupted, instance.iterationsCompleted, instance.vusActive, instance.vusInitialized, typeof instance.currentTestRunDuration);
  console.log(vu.idInInstance, vu.idInTest, vu.iterationInInstance, vu.iterationInScenario, sorted(vu.tags), sorted(vu.metrics.metadata));
  console.log(Object.keys(exec).sort().join(), Object.keys(exec.vu).sort().join(), Object.keys(exec.scenario).sort().join(), Object.keys(exec.test).sort().join(), Object.keys(exec.instance).sort().join());
  exec.vu.metrics.tags.added = 'yes';
  exec.vu.metrics.tags['number'] = 5;
  exec.vu.metrics.metadata.trace = `t${__ITER}`;
  counter.add(1);
  http.get(`${__ENV.BASE}/get`);
  attempt('tags', () => JSON.stringify(Object.keys(exec.vu.metrics.tags).sort()));
  attempt('null tag', () => { exec.vu.metrics.tags.nothing = null; return 'fine'; });
  attempt('object tag', () => { exec.vu.metrics.tags.object = {}; return 'fine'; });
  attempt('delete', () => delete exec.vu.metrics.tags.number);
  attempt('after', () => sorted(exec.vu.metrics.tags));
  counter.add(1);
  attempt('write scenario', () => { exec.scenario.name = 'x'; return exec.scenario.name; });
  const all = exec.test.options;
  console.log(Object.keys(all).sort().join());
  console.log(sorted(all.scenarios), sorted(all.tags), all.discardResponseBodies, all.batch, sorted(all.thresholds), all.vus, Object.isFrozen(all));
}

export function teardown() {
  attempt('teardown scenario', () => exec.scenario.name);
  attempt('teardown instance', () => exec.instance.iterationsCompleted);
}
