#: Connections: one for each user, kept; `Connection: close`; one pool for all.
#: connections
#: Compared: requests with the number of their connection.
import os

from urllib3 import PoolManager

from support.bounded import finish

from locust import HttpUser, task


class Keeper(HttpUser):
    @task
    def keep(self):
        self.client.get("/get?1")
        self.client.get("/get?2")
        self.client.get("/get?3", headers={"Connection": "close"})
        self.client.get("/get?4")
        self.client.get("/status/500?5")
        self.client.get("/get?6")
        self.client.get("/bytes/70000?7", name="long")
        self.client.head("/get?8")
        self.client.get("/get?9")
        first, second = Sharing(self.environment), Sharing(self.environment)
        first.client.get("/get?10")
        second.client.get("/get?11")
        finish(self)


class Sharing(HttpUser):
    abstract = True
    host = "http://" + os.environ["TARGET"]
    pool_manager = PoolManager(maxsize=10)
