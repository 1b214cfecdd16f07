"""Lays the engine under Locust's classes, in place, so that whoever has imported them has ours."""

from squall_locust import _engine, clients, fasthttp, hub, pacing, stats


def install():
    """To be called once, after `import locust` and before an Environment is made. ImportError: there is no engine."""
    try:
        _engine.descriptor()
    except OSError as error:
        raise ImportError(str(error)) from error
    stats.install()
    clients.install()
    fasthttp.install()
    pacing.install()


def slow_requests():
    """How many requests took Locust's own way, at its speed, and why."""
    return hub.slow_requests()
