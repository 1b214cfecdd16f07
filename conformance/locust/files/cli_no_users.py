#: A locustfile without a user class, or with none that may run.
#: Compared: log, exit code.
from locust import HttpUser, task


class Abstract(HttpUser):
    abstract = True

    @task
    def visit(self):
        self.client.get("/get")
