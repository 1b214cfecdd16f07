#: Without `--only-summary` tables are printed while it runs; the last one is the whole run's.
#: loud
#: Compared: the last table, errors, log.
import gevent

from support.bounded import finish

from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        self.client.get("/a/rather/long/path/that/is/longer/than/what/the/column/of/names/has/room/for/in/the/table/of/requests")
        with self.client.get("/get", name="judged", catch_response=True) as response:
            response.failure("a text")
        gevent.sleep(2.2)
        finish(self)
