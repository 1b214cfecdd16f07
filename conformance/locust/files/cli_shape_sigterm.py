#: SIGTERM while a shape runs headless.
#: order: any
#: interrupt: TERM 4
#: Compared: exit code, log, counts.
from locust import HttpUser, LoadTestShape, constant, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")
        self.client.get("/get?delay=60s", name="under way")

    def on_stop(self):
        print("on_stop")


class Endless(LoadTestShape):
    def tick(self):
        return (2, 10)
