#: The four CSV files: heads, counts, forms of numbers, failures with quotes and commas.
#: csv
#: case plain:
#: case full_history: --csv-full-history
#: case into_folder: --csv results/of/run
#: Compared: files.
import gevent

from support.bounded import finish

from locust import HttpUser, events, task


class Visitor(HttpUser):
    @task
    def visit(self):
        for _ in range(3):
            self.client.get("/bytes/10")
        self.client.post("/post", json={"a": 1}, name="two, \"quoted\"")
        self.client.get("/status/404")
        self.client.get("/status/404")
        with self.client.get("/bytes/10", catch_response=True, name="judged") as response:
            response.failure("bad, \"very\" bad\nindeed")
        common = {"response_length": 5, "exception": None, "context": {}, "response": None}
        events.request.fire(request_type="OWN", name="untimed", response_time=None, **common)
        events.request.fire(request_type="OWN", name="integers", response_time=40, **common)
        # Locust writes the files once a second and not at the end.
        gevent.sleep(2.5)
        finish(self)
