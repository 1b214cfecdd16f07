#: Arguments of the `request` event: of both clients, of failures, of what users fire themselves.
#: Compared: printed lines, counts (by `--json`).
#: args: --json
from support.bounded import finish

from locust import FastHttpUser, HttpUser, events, task


@events.request.add_listener
def seen(request_type, name, response_time, response_length, response, context, exception, start_time, url, **more):
    time = "None" if response_time is None else f"{type(response_time).__name__} {0 <= response_time < 5000}"
    print(request_type, name, time, response_length, type(response).__name__, context, repr(exception))
    print("   ", type(start_time).__name__, url and url.split("/")[-1], sorted(more))


class Firing(HttpUser):
    @task
    def fire(self):
        self.client.get("/bytes/10")
        self.client.post("/status/500", "x", name="failed")
        self.client.get("/get?close=before", name="closed")
        self.client.get("/redirect/1")
        Fast.host = self.host
        fast = Fast(self.environment).client
        fast.get("/bytes/10", name="fast")
        fast.get("/status/404", name="fast failed")
        fast.get("/get?close=before", name="fast closed")
        common = {"response": None, "context": {}, "start_time": 0.0, "url": None}
        for time, exception in ((12.5, None), (None, None), (3, ValueError("own")), (0, "a text")):
            events.request.fire(
                request_type="OWN", name="fired", response_time=time, response_length=7, exception=exception, **common
            )
        self.environment.events.request.fire(
            request_type="OWN", name="more", response_time=1, response_length=0, exception=None, colour="red", **common
        )
        finish(self)


class Fast(FastHttpUser):
    abstract = True
