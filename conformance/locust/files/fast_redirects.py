#: Redirects with `FastHttpUser`.
#: Compared: requests, names, failures.
from support.bounded import finish

from locust import FastHttpUser, task


class Follower(FastHttpUser):
    max_redirects = 3

    @task
    def follow(self):
        for target in ("/redirect/2", "/relative-redirect/2", "/absolute-redirect/2"):
            response = self.client.get(target)
            print(response.status_code, len(response.history), response.url.split("/")[-1])
        response = self.client.get("/redirect/1", allow_redirects=False)
        print(response.status_code, response.headers["location"])
        for status in (301, 302, 303, 307, 308):
            response = self.client.post(f"/redirect-to?url=/anything&status={status}", "body", name=f"by {status}")
            print(status, response.json()["method"], response.json()["data"])
        response = self.client.get("/redirect/5", name="too many")
        print(response.status_code, type(response.error).__name__)
        finish(self)
