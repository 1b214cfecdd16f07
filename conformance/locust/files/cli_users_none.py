#: No users at all: `-u 0` runs until its time is over.
#: args: -u 0 -t 1
#: Compared: log, exit code.
from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
