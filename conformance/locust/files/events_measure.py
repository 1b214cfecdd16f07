#: `events.request.measure`: time, length, failures by exception, fields that the block sets.
#: Compared: counts, failures, printed lines.
from support.bounded import finish

from locust import User, events, task


@events.request.add_listener
def seen(request_type, name, response_time, response_length, exception, context, **more):
    print(request_type, name, response_time >= 0, response_length, exception, context, sorted(more))


class Measurer(User):
    @task
    def measure(self):
        request = self.environment.events.request
        with request.measure("RPC", "plain") as meta:
            print(sorted(meta))
        with request.measure("RPC", "with length", response_length=12, context={"a": 1}):
            pass
        with request.measure("RPC", "set in the block") as meta:
            meta["response_length"] = 99
            meta["name"] = "renamed"
        with request.measure("RPC", "failed") as meta:
            raise ValueError("in the block")
        with request.measure("RPC", "failed by hand") as meta:
            meta["exception"] = OSError("by hand")
        finish(self)
