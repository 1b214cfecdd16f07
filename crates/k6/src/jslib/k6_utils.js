// What scripts import as k6-utils: random values, text between markers, stages.
const exec = require('k6/execution');
const k6 = require('k6');

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** A whole number from min to max, both included. */
exports.randomIntBetween = (min, max) => Math.floor(min + Math.random() * (max - min + 1));

/** One element of a list. */
exports.randomItem = (list) => list[Math.floor(Math.random() * list.length)];

/** So many characters of the charset. */
exports.randomString = (length, charset = LETTERS) => {
  let out = '';
  for (let left = length; left > 0; left -= 1) {
    out += charset[Math.floor(Math.random() * charset.length)];
  }
  return out;
};

/** A random UUID, version 4. */
exports.uuidv4 = () => {
  let out = '';
  for (let digit = 0; digit < 32; digit += 1) {
    if (digit === 8 || digit === 12 || digit === 16 || digit === 20) out += '-';
    let value = Math.floor(Math.random() * 16);
    if (digit === 12) value = 4;
    if (digit === 16) value = 8 + (value % 4);
    out += value.toString(16);
  }
  return out;
};

/** The text between two markers, empty where they are not; with `repeat` a list of all of them. */
exports.findBetween = (content, left, right, repeat = false) => {
  const found = [];
  let from = 0;
  for (;;) {
    const opened = content.indexOf(left, from);
    const closed = opened < 0 ? -1 : content.indexOf(right, opened + left.length);
    if (closed < 0) break;
    found.push(content.slice(opened + left.length, closed));
    if (!repeat) break;
    from = closed + right.length;
  }
  return repeat ? found : found[0] || '';
};

/** Stages that follow a bell curve of two standard deviations: a sixth of the time up, the curve, a sixth down. */
exports.normalDistributionStages = (maxVus, durationSeconds, numberOfStages = 10) => {
  const ends = `${Math.ceil(durationSeconds / 6)}s`;
  const between = `${Math.ceil((4 * durationSeconds) / (6 * numberOfStages))}s`;
  const stages = [];
  for (let i = 0; i <= numberOfStages; i += 1) {
    const deviations = -2 + (4 * i) / numberOfStages;
    // The peak lies at 0 only where the number of stages is even.
    const peak = numberOfStages % 2 === 0 ? 0 : 2 / numberOfStages;
    const height = Math.exp((peak * peak - deviations * deviations) / 2);
    stages.push({ duration: i === 0 ? ends : between, target: Math.round(height * maxVus) });
  }
  stages.push({ duration: ends, target: 0 });
  return stages;
};

const UNITS = { d: 86400000, h: 3600000, m: 60000, s: 1000, ms: 1 };

/** Milliseconds of a duration as `1d5h31m20s7ms`; a number without a unit is milliseconds. */
exports.parseDuration = (text) => {
  if (text === null || text === undefined || text.length < 1) throw new Error('str is empty');
  const seen = [];
  let total = 0;
  let rest = String(text);
  while (rest.length > 0) {
    const number = /^[0-9.]*/.exec(rest)[0];
    rest = rest.slice(number.length);
    if (rest.length === 0) return total + parseFloat(number);
    const unit = rest.startsWith('ms') ? 'ms' : rest[0];
    if (!(unit in UNITS)) throw new Error(`${unit} is an unsupported time unit`);
    if (seen.includes(unit)) throw new Error(`${unit} time unit is provided multiple times`);
    seen.push(unit);
    total += unit === 'ms' ? Math.trunc(parseFloat(number)) : parseFloat(number) * UNITS[unit];
    rest = rest.slice(unit.length);
  }
  return total;
};

/** The stages of the running scenario. */
function stages() {
  const { name } = exec.scenario;
  const scenario = (exec.test.options.scenarios || {})[name];
  if (!scenario) {
    throw new Error(`the exec.test.options object doesn't contain the current scenario ${name}`);
  }
  if (!scenario.stages) {
    throw new Error('only ramping-vus or ramping-arravial-rate supports stages, it is not possible to get a stage index on other executors.');
  }
  if (scenario.stages.length < 1) {
    throw new Error(`the current scenario ${name} doesn't contain any stage`);
  }
  return scenario.stages;
}

/** The number of the running stage, from 0. */
exports.getCurrentStageIndex = () => {
  const all = stages();
  const elapsed = Date.now() - exec.scenario.startTime;
  let end = 0;
  for (let i = 0; i < all.length; i += 1) {
    end += exports.parseDuration(all[i].duration);
    if (elapsed < end) return i;
  }
  return all.length - 1;
};

/** Tags what the VU does with the running stage's number, as `stage`. */
exports.tagWithCurrentStageIndex = () => {
  exec.vu.tags.stage = exports.getCurrentStageIndex();
};

/** The same with ramp-up, steady or ramp-down, as `stage_profile`. */
exports.tagWithCurrentStageProfile = () => {
  const index = exports.getCurrentStageIndex();
  let profile = 'ramp-up';
  if (index > 0) {
    const all = stages();
    const change = all[index].target - all[index - 1].target;
    if (change === 0) profile = 'steady';
    if (change < 0) profile = 'ramp-down';
  }
  exec.vu.tags.stage_profile = profile;
};

/** k6's `check` that also takes promises and async functions; then the result is a promise. */
exports.check = (value, sets, tags) => {
  const names = Object.keys(sets);
  const run = (resolved) => {
    const results = names.map((name) => (typeof sets[name] === 'function' ? sets[name](resolved) : sets[name]));
    const record = (list) => {
      const each = {};
      names.forEach((name, i) => {
        each[name] = () => list[i];
      });
      return k6.check(resolved, each, tags);
    };
    const isLater = results.some((result) => result && typeof result.then === 'function');
    return isLater ? Promise.all(results).then(record) : record(results);
  };
  return value && typeof value.then === 'function' ? value.then(run) : run(value);
};
