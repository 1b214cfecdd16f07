#: No host anywhere: the run ends at once.
#: bare
#: args: -f cli_missing_host.py --headless --only-summary
#: Compared: log, exit code.
from locust import HttpUser, task


class Lost(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
