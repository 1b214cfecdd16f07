from _shared import leave

from locust import HttpUser, task


class Two(HttpUser):
    @task
    def visit(self):
        self.client.get("/get", name="two")
        leave(self)
