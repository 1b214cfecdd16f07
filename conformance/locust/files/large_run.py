#: Fifty users, both clients, many requests of a few kinds: nothing is lost or counted twice.
#: args: -u 50 -r 50
#: order: any
#: Compared: exact counts.
from support.bounded import Party

from locust import FastHttpUser, HttpUser, task

party = Party(50)


class Slow(HttpUser):
    @task
    def rounds(self):
        for _ in range(10):
            self.client.get("/get", name="http get")
            self.client.post("/post", json={"a": 1}, name="http post")
        self.client.get("/status/500", name="http 500")
        party.leave(self)


class Fast(FastHttpUser):
    @task
    def rounds(self):
        for _ in range(20):
            self.client.get("/get", name="fast get")
            self.client.post("/post", json={"a": 1}, name="fast post")
        with self.client.get("/get", name="fast judged", catch_response=True) as response:
            response.failure("judged")
        party.leave(self)
