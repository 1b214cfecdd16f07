#: A run that its time ends: the log tells, what was done counts.
#: args: -t 5s -u 2 -r 2
#: order: any
#: about: GET /get 8..24
#: about: Aggregated 8..24
#: Compared: log, counts in their range (2 a second of each user; machines are busy).
from locust import HttpUser, constant_throughput, task


class Paced(HttpUser):
    wait_time = constant_throughput(2)

    @task
    def visit(self):
        self.client.get("/get")
