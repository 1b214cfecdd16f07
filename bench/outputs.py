#!/usr/bin/env python3
"""A long run with outputs: memory must stay flat and no sample may be lost unreported.

Starts the bundled target and a real Prometheus (where installed; else a receiver that takes everything), then runs
`squall run` at a constant rate with `--out json=….json.gz` and `--out experimental-prometheus-rw`, reads the process's
resident memory once a second, and compares: the requests in the summary, the points in the file, the counter in
Prometheus.

    python3 bench/outputs.py --squall target/release/squall --minutes 2
    python3 bench/outputs.py --squall target/release/squall --minutes 30   # the promise of SPEC.md

Needs Python 3.9 and some 100 MB of disk a minute. Ends after the run's time plus two minutes at most, with code 1 when
something is not as promised.
"""

import argparse
import gzip
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

SCRIPT = """
import http from 'k6/http';
import { check } from 'k6';
export const options = {
  scenarios: { steady: { executor: 'constant-arrival-rate', rate: %(rate)d, timeUnit: '1s', duration: '%(seconds)ds',
                         preAllocatedVUs: 200, maxVUs: 1000 } },
};
export default function () {
  const res = http.get('http://%(target)s/health', { tags: { name: 'health' } });
  check(res, { 'is 200': (r) => r.status === 200 });
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, seconds):
    until = time.time() + seconds
    while time.time() < until:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


class Taker(http.server.BaseHTTPRequestHandler):
    """Takes every body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def start_prometheus(folder, children):
    port = free_port()
    if not shutil.which("prometheus"):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Taker)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return port, False
    with open(os.path.join(folder, "prometheus.yml"), "w") as config:
        config.write("scrape_configs: []\n")
    children.append(
        subprocess.Popen(
            [
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver",
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    wait_for(f"http://127.0.0.1:{port}/-/ready", 60)
    return port, True


def resident_mib(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def watch(process, limit_s):
    """Memory once a second until the process ends."""
    seen, begun = [], time.time()
    while process.poll() is None:
        if time.time() - begun > limit_s:
            process.kill()
            sys.exit(f"no end within {limit_s} s")
        value = resident_mib(process.pid)
        if value is not None:
            seen.append(value)
        time.sleep(1)
    return seen


def count_points(path):
    """Points by metric in the packed file."""
    counts = {}
    pattern = re.compile(rb'^\{"metric":"([^"]+)","type":"Point"')
    with gzip.open(path, "rb") as lines:
        for line in lines:
            found = pattern.match(line)
            if found:
                counts[found[1].decode()] = counts.get(found[1].decode(), 0) + 1
    return counts


def counter_in(port, metric):
    query = urllib.parse.quote(f"sum({metric})")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={query}") as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--squall", default="target/release/squall")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--rate", type=int, default=5000, help="requests a second")
    parser.add_argument("--growth", type=float, default=5.0, help="percent of memory that it may grow by after warm-up")
    args = parser.parse_args()
    squall = os.path.abspath(args.squall)
    seconds = int(args.minutes * 60)
    children = []
    with tempfile.TemporaryDirectory(prefix="squall-outputs-") as folder:
        try:
            return run(args, squall, seconds, folder, children)
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
            for child in children:
                child.wait(timeout=30)


def run(args, squall, seconds, folder, children):
    target = free_port()
    children.append(
        subprocess.Popen([squall, "demo-target", "--listen", str(target)], stdout=subprocess.DEVNULL)
    )
    wait_for(f"http://127.0.0.1:{target}/health", 30)
    prometheus, is_real = start_prometheus(folder, children)
    values = {"rate": args.rate, "seconds": seconds, "target": f"127.0.0.1:{target}"}
    with open(os.path.join(folder, "t.js"), "w") as script:
        script.write(SCRIPT % values)
    env = dict(os.environ, K6_PROMETHEUS_RW_SERVER_URL=f"http://127.0.0.1:{prometheus}/api/v1/write", HOME=folder)
    process = subprocess.Popen(
        [squall, "run", "-q", "--out", "json=x.json.gz", "--out", "experimental-prometheus-rw"]
        + ["--summary-export", "summary.json", "t.js"],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    memory = watch(process, seconds + 120)
    said = process.stderr.read()
    usage = os.times()
    with open(os.path.join(folder, "summary.json")) as summary:
        metrics = json.load(summary)["metrics"]
    requests = int(metrics["http_reqs"]["count"])
    points = count_points(os.path.join(folder, "x.json.gz"))
    lost = [int(n) for n in re.findall(r"(?:overflowed|undelivered)=(\d+)", said)]
    # The first third is warm-up: buffers, the allocator, histograms.
    steady = memory[len(memory) // 3 :]
    quarter = max(1, len(steady) // 4)
    first, last = sum(steady[:quarter]) / quarter, sum(steady[-quarter:]) / quarter
    growth = (last / first - 1) * 100
    print(f"requests            {requests} ({requests / seconds:.0f}/s asked for {args.rate}/s)")
    print(f"points in json.gz   {points.get('http_reqs', 0)} of http_reqs, {sum(points.values())} in all")
    print(f"in Prometheus       {counter_in(prometheus, 'k6_http_reqs_total'):.0f}" if is_real else "in Prometheus       not installed")
    print(f"resident memory     {first:.1f} MiB after warm-up, {last:.1f} MiB at the end ({growth:+.1f} %), most {max(memory):.1f} MiB")
    print(f"lost, as reported   {sum(lost)}")
    print(f"CPU of the run      {usage.children_user + usage.children_system:.0f} s so far of children")
    faults = []
    if points.get("http_reqs", 0) + sum(lost) < requests:
        faults.append("samples are missing in the file and were not reported")
    if is_real and not sum(lost) and counter_in(prometheus, "k6_http_reqs_total") != requests:
        faults.append("the counter in Prometheus is not the number of requests")
    if growth > args.growth:
        faults.append(f"memory grew by {growth:.1f} % after warm-up")
    if process.returncode != 0:
        faults.append(f"exit code {process.returncode}: {said[-500:]}")
    for fault in faults:
        print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
