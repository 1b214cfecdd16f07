from locust import HttpUser, task


class One(HttpUser):
    @task
    def visit(self):
        self.client.get("/get", name="another one")
