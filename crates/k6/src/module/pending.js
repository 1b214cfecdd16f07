(function (native) {
  'use strict';
  return {
    // Runs a group's function; the group is over when its promise is settled.
    async group(run, path, started) {
      try {
        return await run();
      } finally {
        native.leave(path, started);
      }
    },
    // Whether all checks pass: `all` says it of those that are done, `conditions` are promises and their names.
    async check(all, conditions, tags, group) {
      const outcomes = await Promise.all(
        conditions.map(async ([condition, name]) => {
          let passed = false;
          try {
            passed = Boolean(await condition);
          } finally {
            native.record(name, passed, tags, group);
          }
          return passed;
        }),
      );
      return all && outcomes.every(Boolean);
    },
  };
});
