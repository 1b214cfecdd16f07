#: What goes wrong with `FastHttpUser`: statuses, connections, time-outs.
#: Compared: failures with their texts.
from support.bounded import finish

from locust import FastHttpUser, task


class Unlucky(FastHttpUser):
    network_timeout = 0.5
    connection_timeout = 0.5

    @task
    def errors(self):
        for status in (200, 204, 304, 400, 404, 418, 429, 500, 503, 599):
            self.tell(self.client.get(f"/status/{status}"))
        for n in range(2):
            self.client.get(f"/status/404?{n}", name="grouped")
        self.tell(self.client.get("http://127.0.0.1:9/refused"))
        for close in ("before", "mid-head", "garbage", "mid-body", "reset"):
            self.tell(self.client.get(f"/get?close={close}", name=close))
        self.tell(self.client.get("/get?delay=5s", name="read time-out"))
        with self.client.get("/get?close=before", name="caught", catch_response=True) as response:
            print(response.status_code, response.content, response.text, response.error is not None)
        self.client.get("/get", name="afterwards")
        finish(self)

    def tell(self, response):
        print(response.status_code, response.ok, type(getattr(response, "error", None)).__name__)
