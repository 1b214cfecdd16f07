"""Locust's web UI behind Squall's: it listens on a port of its own, which only the Rust side talks to.

The Rust side answers the pages that are made of merged numbers, so that a browser costs the load no time, and passes
everything else on. A Locust file that changes those pages, or protects them, gets all requests.
"""

import logging

from gevent import pywsgi, socket
from locust import env
from locust.web import WebUI

logger = logging.getLogger("locust.web")

# Flask's names of the pages that the Rust side answers.
FRONTED = ("request_stats", "request_stats_csv", "failures_stats_csv", "exceptions", "exceptions_csv", "stats_report")


class WebUIBehind(WebUI):
    """The web UI on a port of its own. `host` and `port` stay those the user knows."""

    def prepare(self):
        """Takes a port, and notes how the application is before anybody changes it."""
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._before = self._changeable()

    def own_port(self):
        return self._listener.getsockname()[1]

    def is_changed(self):
        """Whether pages may say something else than Locust's own."""
        return self.web_login or self._changeable() != self._before

    def _changeable(self):
        app = self.app

        def hooks(of):
            return {scope: list(functions) for scope, functions in of.items() if functions}

        return (
            hooks(app.before_request_funcs),
            hooks(app.after_request_funcs),
            [app.view_functions.get(f"locust.{name}") for name in FRONTED],
            self.stats_csv_writer,
        )

    def start_server(self):
        self.server = pywsgi.WSGIServer(self._listener, self.app, log=None, error_log=logger)
        self.server.serve_forever()


def create(environment, arguments):
    """Makes the environment's web UI one that is behind."""
    original = env.WebUI
    env.WebUI = WebUIBehind
    try:
        web_ui = environment.create_web_ui(**arguments)
    finally:
        env.WebUI = original
    web_ui.prepare()
    return web_ui
