#: A shape that says which user classes come.
#: order: any
#: Compared: requests, log.
from locust import HttpUser, LoadTestShape, constant, task


class First(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get", name=type(self).__name__)


class Second(First):
    pass


class ByClass(LoadTestShape):
    n_ticks = 0

    def tick(self):
        self.n_ticks += 1
        if self.n_ticks == 1:
            return (2, 10, [First])
        if self.n_ticks == 2:
            return (5, 10, [Second])
        return None
