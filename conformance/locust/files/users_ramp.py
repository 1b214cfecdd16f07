#: Users come at the spawn rate, one every tenth of a second; a fraction of a user a second is possible.
#: args: -u 5 -r 10
#: Compared: log, order of arrival; the time it took is in its bounds.
import time

from support.bounded import Party

from locust import HttpUser, events, task

party = Party(5)
arrivals = []


class Comer(HttpUser):
    @task
    def once(self):
        arrivals.append(time.perf_counter())
        self.client.get("/get")
        party.leave(self)


@events.quitting.add_listener
def tell(**_kwargs):
    gaps = [after - before for before, after in zip(arrivals, arrivals[1:])]
    print(len(arrivals), all(0.02 < gap < 3 for gap in gaps))
