#: An exception in a listener of `init` ends everything with 1.
#: Compared: log, exit code.
from locust import HttpUser, events, task


@events.init.add_listener
def broken(**_kwargs):
    raise ValueError("not ready")


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
