#: A proxy for a request and for a session; the environment's is not asked.
#: env: http_proxy=http://127.0.0.1:9
#: env: HTTP_PROXY=http://127.0.0.1:9
#: Compared: requests (a proxy gets the whole URL), failures.
import os

from support.bounded import finish

from locust import HttpUser, task

PROXY = "http://" + os.environ["TARGET"]


class Behind(HttpUser):
    @task
    def ask(self):
        self.client.get("/get?direct")
        self.client.get("http://shop.test/get?by-proxy", proxies={"http": PROXY})
        self.client.get("http://shop.test/get?nobody", name="refused", proxies={"http": "http://127.0.0.1:9"})
        self.client.proxies = {"http": PROXY.replace("http://", "http://user:pass@")}
        self.client.get("http://shop.test/get?by-session")
        self.client.get("/get?all")
        finish(self)
