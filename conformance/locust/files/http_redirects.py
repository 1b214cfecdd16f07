#: Redirects: followed, refused, relative and absolute, by status, too many of them.
#: Compared: requests, names (the first request's), errors.
from support.bounded import finish

from locust import HttpUser, task


class Follower(HttpUser):
    @task
    def follow(self):
        for target in ("/redirect/2", "/relative-redirect/2", "/absolute-redirect/2"):
            response = self.client.get(target)
            print(response.status_code, [r.status_code for r in response.history], response.url.split("/")[-1])
        response = self.client.get("/redirect/1", allow_redirects=False)
        print(response.status_code, response.is_redirect, response.headers["Location"], response.next.path_url)
        for status in (301, 302, 303, 307, 308):
            response = self.client.post(
                f"/redirect-to?url=/anything&status={status}", {"a": "1"}, name=f"by {status}"
            )
            print(status, response.json()["method"], response.json()["form"])
        response = self.client.head("/redirect/1")
        print(response.status_code)
        self.client.head("/redirect/1", allow_redirects=True)
        self.client.max_redirects = 3
        response = self.client.get("/redirect/5", name="too many")
        print(response.status_code, type(response.error).__name__)
        with self.client.get("/redirect/1", catch_response=True) as response:
            response.failure("seen")
        finish(self)
