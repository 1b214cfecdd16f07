#: `--processes 2`: a master and two workers; users are dealt out, counts come together.
#: args: --processes 2 --master-port {PORT} --master-bind-port {PORT} -u 6 -r 6 -t 8
#: tries: 3
#: order: any
#: Compared: requests, counts, failures, exceptions, exit code.
#: unlogged: lines of three processes, in their order and with names that change
from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")
        self.client.get("/status/404")
        raise ValueError("in a worker")


class Other(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/json")
