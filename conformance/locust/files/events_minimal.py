#: The fewest arguments that a custom client may fire `request` with.
#: Compared: counts.
from support.bounded import finish

from locust import User, events, task


class Bare(User):
    @task
    def fire(self):
        events.request.fire(request_type="RPC", name="least", response_time=1.5, response_length=3)
        events.request.fire(request_type="RPC", name="failed", response_time=2, response_length=0, exception=OSError("gone"))
        events.request.fire(request_type="", name="no type", response_time=2, response_length=0)
        events.request.fire(request_type="RPC", name="", response_time=2, response_length=0)
        for wrong in ({"name": "x"}, {"request_type": "RPC", "name": "x", "response_time": 1}):
            events.request.fire(**wrong)
        finish(self)
