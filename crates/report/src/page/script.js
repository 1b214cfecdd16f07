"use strict";
// One cursor over all charts of a run: their legends show the values at its time.
(() => {
  const trim = (x, n) => String(Number(x.toFixed(n)));
  const group = (x) => Math.round(x).toLocaleString("en-US");
  const plain = (x) => (Math.abs(x) >= 100 ? group(x) : Math.abs(x) >= 10 ? trim(x, 1) : Math.abs(x) >= 1 ? trim(x, 2) : String(Number(x.toPrecision(3))));
  const time = (ms) => (ms === 0 ? "0s" : ms < 1 ? plain(ms * 1e3) + "µs" : ms < 1e3 ? ms.toPrecision(3) + "ms" : ms < 6e4 ? (ms / 1e3).toPrecision(3) + "s" : Math.floor(ms / 6e4) + "m" + Math.floor((ms % 6e4) / 1e3) + "s");
  const bytes = (x) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (Math.abs(x) >= 1024 && unit < units.length - 1) { x /= 1024; unit += 1; }
    return trim(x, unit && Math.abs(x) < 100 ? 1 : 0) + " " + units[unit];
  };
  const formats = {
    ms: time, s: (x) => time(x * 1e3), ratio: (x) => trim(x * 100, x < 0.1 || x > 0.9 ? 2 : 1) + "%",
    rate: (x) => (Math.abs(x) < 100 ? trim(x, 1) : group(x)) + "/s", count: (x) => trim(x, 1), bytes, number: plain,
  };
  const moment = (s) => {
    const whole = Math.max(0, Math.round(s)), h = Math.floor(whole / 3600), two = (n) => String(n).padStart(2, "0");
    const m = Math.floor(whole / 60) % 60;
    return h ? h + ":" + two(m) + ":" + two(whole % 60) : m + ":" + two(whole % 60);
  };
  // Places are kept as differences; a line is read when it is first looked at.
  const read = (path) => {
    let x = 0;
    const xs = (path.dataset.x || "").split(",").map((d) => (x += Number(d)));
    return { xs, values: (path.dataset.v || "").split(",").map(Number) };
  };
  const at = (line, x) => {
    let low = 0, high = line.xs.length;
    while (low < high) { const mid = (low + high) >> 1; if (line.xs[mid] <= x) low = mid + 1; else high = mid; }
    const a = low - 1, b = low;
    if (a < 0) return b < line.xs.length && line.xs[b] - x < 40 ? line.values[b] : null;
    if (line.steps || b >= line.xs.length) return x - line.xs[a] > 200 ? null : line.values[a];
    return x - line.xs[a] <= line.xs[b] - x ? line.values[a] : line.values[b];
  };
  for (const timeline of document.querySelectorAll(".timeline")) {
    const end = Number(timeline.dataset.end), cursor = timeline.querySelector(".cursor");
    const plot = timeline.querySelector(".plot");
    if (!plot || !cursor) continue;
    let charts = null;
    const open = () => [...timeline.querySelectorAll(".chart")].map((chart) => ({
      format: formats[chart.dataset.unit] || plain,
      lines: [...chart.querySelectorAll("path.line, path.limit")].map((path, i) => ({
        ...(path.dataset.v ? read(path) : { xs: [], values: [] }), out: chart.querySelectorAll("output")[i],
        steps: chart.classList.contains("steps"),
      })),
    }));
    const show = (event) => {
      const box = plot.getBoundingClientRect(), part = (event.clientX - box.left) / box.width;
      if (part < 0 || part > 1) return hide();
      charts = charts || open();
      cursor.hidden = false;
      cursor.style.left = box.left - timeline.getBoundingClientRect().left + part * box.width + "px";
      cursor.firstElementChild.textContent = moment(part * end);
      for (const chart of charts) for (const line of chart.lines) {
        if (!line.xs.length || !line.out) continue;
        const value = at(line, part * 2000);
        line.out.textContent = value === null ? "–" : chart.format(value);
      }
    };
    const hide = () => {
      cursor.hidden = true;
      for (const out of timeline.querySelectorAll("output")) out.textContent = out.dataset.rest;
    };
    timeline.addEventListener("pointermove", show, { passive: true });
    timeline.addEventListener("pointerleave", hide);
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
})();
