//! k6/experimental/csv: parse() and Parser with every option.
import * as csv from 'k6/experimental/csv';
import { parse, Parser } from 'k6/experimental/csv';
import { open } from 'k6/experimental/fs';
import { attempt } from './lib/attempt.js';

const sorted = (row) => (Array.isArray(row) ? row : Object.keys(row).sort().map((key) => [key, row[key]]));
const OPTIONS = [undefined, {}, { skipFirstLine: true }, { asObjects: true }, { fromLine: 2 }, { toLine: 2 }, { fromLine: 1, toLine: 3 }, { fromLine: 0, skipFirstLine: true }, { toLine: 0 }, { delimiter: ',', asObjects: false }];

const all = [];
for (const options of OPTIONS) {
  const rows = options === undefined ? await parse(await open('data/people.csv')) : await parse(await open('data/people.csv'), options);
  const parser = options === undefined ? new Parser(await open('data/people.csv')) : new csv.Parser(await open('data/people.csv'), options);
  all.push([options, rows, parser]);
}
const numbers = new Parser(await open('data/numbers.csv'), { delimiter: ';', asObjects: true });
const empty = await parse(await open('data/empty.csv'));

if (__VU === 0) {
  for (const [file, options] of [
    ['uneven', {}], ['quote', {}], ['empty', { asObjects: true }], ['empty', { skipFirstLine: true }], ['people', { asObjects: true, skipFirstLine: true }], ['people', { asObjects: true, fromLine: 1 }], ['people', { fromLine: -1 }], ['people', { toLine: -1 }], ['people', { fromLine: 3, toLine: 2 }], ['people', { fromLine: 2, toLine: 2 }], ['people', { delimiter: 'ab' }], ['people', { fromLine: 100 }],
  ]) {
    await attempt(`parse ${file} ${JSON.stringify(options)}`, async () => (await parse(await open(`data/${file}.csv`), options)).length);
    await attempt(`Parser ${file} ${JSON.stringify(options)}`, async () => typeof new Parser(await open(`data/${file}.csv`), options));
  }
  for (const value of [undefined, null]) await attempt(`Parser of ${value}`, () => typeof new Parser(value));
}
const bad = __VU === 0 ? undefined : [new Parser(await open('data/uneven.csv')), new Parser(await open('data/quote.csv'))];

export default async function () {
  for (const [options, rows, parser] of all) {
    await attempt(`rows ${JSON.stringify(options)}`, () => [rows.length, Array.isArray(rows), [...rows].map(sorted)]);
    await attempt(`parser ${JSON.stringify(options)}`, async () => {
      const seen = [];
      for (;;) {
        const { done, value } = await parser.next();
        if (done) return [seen, value];
        seen.push(sorted(value));
      }
    });
    await attempt('  again', () => parser.next());
  }
  await attempt('frozen', () => { all[0][1][0] = 1; });
  await attempt('frozen row', () => { try { all[0][1][0][0] = 1; } catch (e) { return e.name; } return 'written'; });
  await attempt('methods', () => all[1][1].map((row) => row.length).concat(all[1][1].find((row) => row[0] === 'Bob')));
  await attempt('out of range', () => [all[1][1][99] === undefined, all[1][1][-1] === undefined]);
  for (let i = 0; i < 6; i++) await attempt(`number ${i}`, async () => { const { done, value } = await numbers.next(); return [done, sorted(value)]; });
  await attempt('empty', () => [empty.length, [...empty]]);
  for (const parser of bad) for (let i = 0; i < 3; i++) await attempt('bad', () => parser.next());
  await attempt('late', () => new Parser(undefined));
}
