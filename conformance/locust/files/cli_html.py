#: `--html`: the report's data; its name with users, rate and run time in it.
#: case plain: --html report.html
#: case folder: --html results/report.html
#: case named: -u 1 -r 2 -t 60 --html report_{u}_{r}_{t}.html
#: Compared: keys and counts of the report's data.
import gevent

from support.bounded import finish

from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def visit(self):
        for _ in range(3):
            self.client.get("/bytes/10")
        self.client.get("/status/404")
        gevent.sleep(0.2)
        finish(self)
