#: `--reset-stats`: counts begin anew when all users are there.
#: args: -u 2 -r 2 --reset-stats
#: order: any
#: Compared: counts, log.
import gevent

from support.bounded import Party

from locust import HttpUser, events, task

party = Party(2)


@events.test_start.add_listener
def early(environment, **_kwargs):
    environment.events.request.fire(request_type="GET", name="early", response_time=1, response_length=1)


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        self.client.get("/status/500")
        party.leave(self)
