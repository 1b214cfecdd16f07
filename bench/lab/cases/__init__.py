"""The cases, by the name that selects them."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ..report import CaseResult
from ..rounds import Bench
from . import (
    accuracy,
    cost,
    grpc,
    instructions,
    kernels,
    locustfiles,
    memory,
    openloop,
    selfcheck,
    start,
    throughput,
    watching,
    websocket,
)


class Case(NamedTuple):
    """A case: what it needs, whether it runs unasked, roughly how long five rounds take."""

    run: Callable[[Bench], CaseResult]
    needs: set[str]
    minutes: float
    is_opt_in: bool = False


CASES: dict[str, Case] = {
    "http": Case(throughput.http, {"squall", "k6", "wrk", "nginx", "openssl"}, 2),
    "burst": Case(throughput.burst, {"squall", "wrk", "hey", "nginx", "openssl"}, 2),
    "tls": Case(throughput.tls, {"squall", "k6", "wrk", "nginx", "openssl"}, 2),
    "http2": Case(throughput.http2, {"squall", "k6", "nginx", "openssl"}, 1),
    "tls-new": Case(throughput.tls_new, {"squall", "k6", "nginx", "openssl"}, 1),
    "plain-new": Case(throughput.plain_new, {"squall", "k6", "nginx", "openssl"}, 1),
    "ws": Case(websocket.blocking, {"squall", "k6", "target"}, 1),
    "websockets": Case(websocket.events, {"squall", "k6", "target"}, 1),
    "grpc": Case(grpc.grpc, {"squall", "k6", "target"}, 1),
    "grpc-new": Case(grpc.grpc_new, {"squall", "k6", "target"}, 1),
    "js": Case(kernels.js, {"squall", "k6"}, 4),
    "memory": Case(memory.memory, {"squall", "k6", "nginx", "openssl"}, 6),
    "init": Case(start.init, {"squall", "k6", "nginx", "openssl"}, 2),
    "startup": Case(start.startup, {"squall", "k6", "target"}, 1),
    "rate": Case(openloop.rate, {"squall", "k6", "target"}, 3),
    "lateness": Case(openloop.lateness, {"squall", "k6", "target", "nginx", "openssl"}, 5),
    "stall": Case(openloop.stall, {"squall", "k6", "target"}, 4),
    "accuracy": Case(accuracy.accuracy, {"squall", "k6", "target"}, 4),
    "accuracy-busy": Case(accuracy.busy, {"squall", "k6", "target"}, 4),
    "locust-http": Case(locustfiles.http, {"squall", "locust", "nginx", "openssl"}, 3),
    "locust-fast": Case(locustfiles.fast, {"squall", "locust", "nginx", "openssl"}, 3),
    "locust-memory": Case(locustfiles.memory, {"squall", "locust", "nginx", "openssl"}, 10),
    "locust-truth": Case(locustfiles.truth, {"squall", "locust", "target"}, 6),
    "locust-load": Case(locustfiles.load, {"squall", "locust", "target"}, 2),
    "observe": Case(watching.observe, {"squall", "target"}, 2),
    "urls": Case(memory.urls, {"squall", "nginx", "openssl"}, 1),
    "instructions": Case(
        instructions.instructions, {"squall", "k6", "wrk", "nginx", "openssl", "perf"}, 1, is_opt_in=True
    ),
    "cost": Case(cost.cost, {"squall", "nginx", "openssl", "valgrind"}, 1, is_opt_in=True),
    "memory-growth": Case(memory.growth, {"squall", "nginx", "openssl"}, 11, is_opt_in=True),
    "selfcheck": Case(selfcheck.selfcheck, {"squall", "nginx", "openssl"}, 12, is_opt_in=True),
}
