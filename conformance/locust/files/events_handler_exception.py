#: Exceptions in listeners are told; the run goes on and ends with 2.
#: Compared: log, exit code, counts.
from support.bounded import finish

from locust import HttpUser, events, task


@events.test_start.add_listener
def broken_start(**_kwargs):
    raise ValueError("at the start")


@events.request.add_listener
def broken_request(name, **_kwargs):
    if name == "/get":
        raise KeyError("in request")


@events.quitting.add_listener
def broken_quitting(environment, **_kwargs):
    raise RuntimeError("while quitting")


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        self.client.get("/json")
        finish(self)
