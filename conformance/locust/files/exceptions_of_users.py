#: What a run does with exceptions that are no `Exception`, and with `sys.exit` in `on_start`.
#: args: -t 5
#: order: any
#: Compared: log, exit code.
import sys

from locust import HttpUser, task


class Leaver(HttpUser):
    def on_start(self):
        self.client.get("/get", name="before it leaves")
        sys.exit(3)

    @task
    def never(self):
        pass
