#: Status codes and what of them is a failure, grouped by name.
#: Compared: failures with their texts and counts.
from support.bounded import finish

from locust import HttpUser, task


class Coder(HttpUser):
    @task
    def statuses(self):
        for status in (200, 201, 204, 304, 400, 401, 403, 404, 418, 429, 500, 502, 503, 599):
            response = self.client.get(f"/status/{status}")
            print(status, response.ok, response.reason, bool(response), len(response.content))
        for n in range(3):
            self.client.get(f"/status/404?{n}", name="/status/[404]")
            self.client.get(f"/status/500?{n}", name="/status/[500]")
        finish(self)
