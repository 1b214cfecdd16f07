#: `run_single_user` before the run: one user in the foreground, a line for each request.
#: Compared: printed lines (times apart), requests.
import re
import sys

from support.bounded import finish

from locust import HttpUser, run_single_user, task
from locust.exception import StopUser


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        self.client.get("/status/404")
        with self.client.get("/get", name="judged", catch_response=True) as response:
            response.failure("no")
        if self.environment.runner is None:
            raise StopUser()
        finish(self)


class Tee:
    """Standard output with the times taken out."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        self.stream.write("#\t" if re.fullmatch(r"\d+ *", text) else text)

    def flush(self):
        self.stream.flush()


sys.stdout = Tee(sys.stdout)
run_single_user(Visitor)
print("over")
