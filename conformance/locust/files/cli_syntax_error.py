#: A locustfile with a syntax error.
#: Compared: log, exit code.
from locust import HttpUser, task


class Broken(HttpUser)
    @task
    def visit(self):
        self.client.get("/get")
