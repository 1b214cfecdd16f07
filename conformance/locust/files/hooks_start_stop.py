#: `on_start` and `on_stop` of three users, with requests in them.
#: args: -u 3 -r 3
#: order: any
#: Compared: requests, counts.
from support.bounded import Party

from locust import HttpUser, task

party = Party(3)


class Caller(HttpUser):
    def on_start(self):
        self.client.post("/post", json={"hello": True}, name="on_start")

    def on_stop(self):
        self.client.post("/post", json={"bye": True}, name="on_stop")

    @task
    def work(self):
        self.client.get("/get")
        party.leave(self)
