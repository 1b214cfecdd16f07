#: `log_request`, `log_error`, `clear_all` and `reset_all` of `environment.stats`, called by a locustfile.
#: Compared: counts, errors.
from support.bounded import finish

from locust import HttpUser, task


class Keeper(HttpUser):
    @task
    def keep(self):
        stats = self.environment.stats
        self.client.get("/get", name="forgotten")
        stats.clear_all()
        self.client.get("/get", name="zeroed")
        self.client.get("/status/500", name="zeroed 500")
        stats.reset_all()
        print(sorted(stats.entries), stats.total.num_requests, len(stats.errors))
        stats.log_request("OWN", "logged", 12, 34)
        stats.log_request("OWN", "logged", None, 0)
        stats.log_error("OWN", "logged", "by hand")
        self.client.get("/get", name="kept")
        print(stats.total.num_requests, stats.total.num_failures, stats.num_none_requests)
        finish(self)
