// What scripts import as k6-summary: the text of a summary, values in readable units, thresholds as JUnit XML.
const { textSummary } = require('jslib:text-summary');

/** So many decimals, without zeros at the end. */
const rounded = (value, decimals) => String(parseFloat(value.toFixed(decimals)));

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];

const bytes = (value) => {
  if (value < 10) return `${value} B`;
  const power = Math.floor(Math.log(value) / Math.log(1000));
  const scaled = Math.floor((value / 1000 ** power) * 10 + 0.5) / 10;
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${UNITS[power]}`;
};

/** Milliseconds as the largest unit that fits. */
const duration = (ms) => {
  if (ms === 0) return '0s';
  if (ms < 0.001) return `${Math.trunc(ms * 1000000)}ns`;
  if (ms < 1) return `${rounded(Math.trunc(ms * 100000) / 100, 2)}µs`;
  if (ms < 1000) return `${rounded(Math.trunc(ms * 100) / 100, 2)}ms`;
  const hundredths = (value) => rounded(Math.trunc(value * 100) / 100, ms > 60000 ? 0 : 2);
  const seconds = hundredths((ms % 60000) / 1000);
  let minutes = Math.trunc(ms / 60000);
  if (minutes < 1) return `${seconds}s`;
  const hours = Math.trunc(minutes / 60);
  minutes %= 60;
  return hours < 1 ? `${minutes}m${seconds}s` : `${hours}h${minutes}m${seconds}s`;
};

const FIXED = { s: [0.001, 's'], ms: [1, 'ms'], us: [1000, 'µs'] };

/** A metric's value as the summary shows it. */
const humanizeValue = (value, metric, timeUnit) => {
  if (metric.type === 'rate') return `${(Math.trunc(value * 100 * 100) / 100).toFixed(2)}%`;
  if (metric.contains === 'data') return bytes(value);
  if (metric.contains === 'time') {
    if (!(timeUnit in FIXED)) return duration(value);
    const [factor, unit] = FIXED[timeUnit];
    return `${(value * factor).toFixed(2)}${unit}`;
  }
  return rounded(value, 6);
};

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&quot;' };
const escaped = (text) => String(text).replace(/[&<>'"]/g, (letter) => ENTITIES[letter]);

/** Thresholds as test cases. */
const jUnit = (data, options) => {
  const cases = [];
  let failures = 0;
  for (const [name, metric] of Object.entries(data.metrics)) {
    for (const [threshold, { ok }] of Object.entries(metric.thresholds || {})) {
      const title = `${escaped(name)} - ${escaped(threshold)}`;
      if (!ok) failures += 1;
      cases.push(ok ? `<testcase name="${title}" />` : `<testcase name="${title}"><failure message="failed" /></testcase>`);
    }
  }
  const suite = escaped((options && options.name) || 'k6 thresholds');
  const counts = `tests="${cases.length}" failures="${failures}"`;
  return [
    '<?xml version="1.0"?>',
    `<testsuites ${counts}>`,
    `<testsuite name="${suite}" ${counts}>${cases.join('\n')}`,
    '</testsuite >',
    '</testsuites >',
  ].join('\n');
};

module.exports = { humanizeValue, textSummary, jUnit };
