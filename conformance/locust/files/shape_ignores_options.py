#: A shape without `use_common_options`: users, rate and run time are ignored with a warning.
#: order: any
#: args: -u 50 -r 50 -t 1
#: Compared: log, requests.
from locust import HttpUser, LoadTestShape, constant, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")


class Own(LoadTestShape):
    n_ticks = 0

    def tick(self):
        self.n_ticks += 1
        return (2, 10) if self.n_ticks < 2 else None
