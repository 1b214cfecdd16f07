#: `LOCUST_HOST`, `LOCUST_HEADLESS`, `LOCUST_ONLY_SUMMARY`, `LOCUST_USERS`, `LOCUST_SPAWN_RATE`, `LOCUST_LOCUSTFILE`.
#: bare
#: env: LOCUST_HOST=http://{TARGET}
#: env: LOCUST_HEADLESS=true
#: env: LOCUST_ONLY_SUMMARY=true
#: env: LOCUST_USERS=3
#: env: LOCUST_SPAWN_RATE=3
#: env: LOCUST_LOCUSTFILE=cli_host_from_environment.py
#: order: any
#: Compared: requests, log.
from support.bounded import Party

from locust import HttpUser, task

party = Party(3)


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        party.leave(self)
