#: A shape of two steps that ends by itself, about a second each.
#: Compared: log, users of each step, requests.
#: order: any
from locust import HttpUser, LoadTestShape, constant, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")


class Steps(LoadTestShape):
    n_ticks = 0

    def tick(self):
        self.n_ticks += 1
        print("tick", self.n_ticks, self.get_current_user_count() if self.n_ticks != 2 else "")
        if self.n_ticks == 1:
            return (2, 10)
        if self.n_ticks == 2:
            return (5, 10)
        print(self.get_run_time() < 10, type(self.runner).__name__)
        return None
