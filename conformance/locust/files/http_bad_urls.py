#: URLs that no request can be made of: exceptions in the task, nothing is counted.
#: Compared: exceptions with their texts, exit code.
from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, task


class Steps(SequentialTaskSet):
    @task
    def no_schema(self):
        self.user.client.base_url = ""
        self.client.get("/path-only")

    @task
    def wrong_schema(self):
        self.user.client.base_url = "ftp://example.test"
        self.client.get("/file")

    @task
    def no_host(self):
        self.client.get("http:///path")

    @task
    def wrong_header(self):
        self.client.get("http://127.0.0.1:9/", headers={"X": "line\nbreak"})

    @task
    def end(self):
        finish(self)


class Wrong(HttpUser):
    tasks = [Steps]
