#: The client is a `requests.Session`: headers, parameters, hooks, adapters, prepared requests of one's own.
#: Compared: requests, what counts (a request that is sent prepared does not).
import requests
from requests.adapters import HTTPAdapter

from support.bounded import finish

from locust import HttpUser, task


class Counting(HTTPAdapter):
    n_sent = 0

    def send(self, *args, **kwargs):
        Counting.n_sent += 1
        return super().send(*args, **kwargs)


class Owner(HttpUser):
    @task
    def own(self):
        print(isinstance(self.client, requests.Session), self.client.trust_env, type(self.client).__name__)
        self.client.headers["X-Session"] = "1"
        self.client.headers.update({"Accept": "application/json"})
        self.client.params = {"key": "value"}
        self.client.get("/headers")
        self.client.get("/headers", headers={"X-Session": None, "X-Own": "2"}, params={"more": "1"})
        self.client.params = {}
        seen = []
        self.client.hooks["response"].append(lambda response, **_kw: seen.append(response.status_code))
        self.client.get("/redirect/1")
        self.client.get("/get", hooks={"response": lambda response, **_kw: seen.append("own")})
        print(seen)
        self.client.hooks["response"].clear()
        prepared = self.client.prepare_request(requests.Request("GET", self.host + "/get?prepared"))
        print(self.client.send(prepared).status_code)
        self.client.mount("http://", Counting())
        self.client.get("/get?adapter", name="by adapter")
        print(Counting.n_sent)
        self.client.close()
        self.client.get("/get?after-close", name="after close")
        finish(self)
