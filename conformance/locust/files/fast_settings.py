#: Class attributes of `FastHttpUser`, authentication, a shared pool, several requests of one user at once.
#: order: any
#: Compared: requests with all headers, connections used.
import os

import gevent.pool
from geventhttpclient.client import HTTPClientPool

from support.bounded import finish

from locust import FastHttpUser, task


class Shared(FastHttpUser):
    abstract = True
    host = "http://" + os.environ["TARGET"]
    client_pool = HTTPClientPool(concurrency=2)


class Set(FastHttpUser):
    default_headers = {"X-Default": "1", "User-Agent": "me/1"}
    concurrency = 3

    @task
    def use(self):
        self.client.get("/headers")
        self.client.get("/headers?2", headers={"X-Default": "2"})
        self.client.get("/basic-auth/me/secret", auth=("me", "secret"))
        self.client.get("/basic-auth/me/secret", auth=("me", "wrong"), name="wrong password")
        pool = gevent.pool.Pool(6)
        pool.map(lambda n: self.client.get(f"/get?delay=20ms&n={n}", name="at once"), range(6))
        one, other = Shared(self.environment), Shared(self.environment)
        one.client.get("/get?one", name="shared")
        other.client.get("/get?other", name="shared")
        finish(self)
