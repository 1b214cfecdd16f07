#: `--json` on standard output, `--json-file` in a file.
#: case stdout: --json
#: case file: --json-file report
#: case folder: --json-file results/report
#: case both: --json --json-file report
#: Compared: the JSON's entries by what they count, keys, what else is printed.
from support.bounded import finish

from locust import HttpUser, events, task


class Visitor(HttpUser):
    @task
    def visit(self):
        for _ in range(3):
            self.client.get("/bytes/10")
        self.client.get("/status/404")
        common = {"response_length": 5, "exception": None, "context": {}, "response": None}
        events.request.fire(request_type="OWN", name="untimed", response_time=None, **common)
        finish(self)
