#: Constants of `locust.stats` that a locustfile sets: which percentiles there are, how wide the names, how times are
#: rounded.
#: csv
#: Compared: heads of tables and files.
import gevent

import locust.stats
from support.bounded import finish

from locust import HttpUser, task

locust.stats.PERCENTILES_TO_REPORT = [0.25, 0.5, 0.999]
locust.stats.STATS_NAME_WIDTH = 40
locust.stats.CSV_STATS_INTERVAL_SEC = 0.2


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        gevent.sleep(1)
        finish(self)
