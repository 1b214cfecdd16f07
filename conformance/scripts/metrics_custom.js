//! Custom metrics of each type, their values, tags and mistakes.
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const counter = new Counter('my_counter');
const gauge = new Gauge('my_gauge');
const rate = new Rate('my_rate');
const trend = new Trend('my_trend');
const time = new Trend('my_time', true);
const timeCounter = new Counter('my_time_counter', true);
const unused = new Trend('unused_trend');
const again = new Counter('my_counter');

export const options = {
  iterations: 2,
  thresholds: {
    my_counter: ['count==8.5', 'rate>0'],
    'my_counter{kind:a}': ['count==2'],
    my_gauge: ['value>1'],
    my_rate: ['rate>0.2', 'rate<=1'],
    my_trend: ['avg>1', 'min==1', 'max==10', 'med>1', 'p(90)>1', 'p(99.9)<=10', 'p(0)==1'],
    my_time: ['p(95)<2000'],
    unused_trend: ['p(95)<1'],
  },
};

export default function () {
  console.log(counter.name, typeof counter.add, Object.keys(counter).join());
  console.log(counter.add(1), counter.add(1, { kind: 'a' }), counter.add(0.25), counter.add('2'), counter.add(true), again.add(0));
  gauge.add(5);
  gauge.add(-1.5);
  gauge.add(2, { kind: 'b' });
  rate.add(true);
  rate.add(false);
  rate.add(0);
  rate.add(3);
  for (let i = 1; i <= 10; i++) trend.add(i);
  time.add(1234.5);
  timeCounter.add(2500);
  for (const bad of [NaN, null, undefined, 'text', {}, [], Infinity, -1]) {
    try {
      console.log(String(bad), counter.add(bad, { bad: 'yes' }));
    } catch (e) {
      console.log(String(bad), 'threw', String(e));
    }
  }
  for (const tags of [null, 5, 'x', { a: 1, b: true }, { a: null }, { a: {} }]) {
    try {
      console.log(JSON.stringify(tags), trend.add(5, tags));
    } catch (e) {
      console.log(JSON.stringify(tags), 'threw', String(e));
    }
  }
  try {
    new Counter('too_late');
  } catch (e) {
    console.log('threw', String(e));
  }
}
