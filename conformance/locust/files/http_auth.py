#: Authentication: basic by tuple, by session, digest, bearer.
#: Compared: requests (nonces are left out), names, failures.
from requests.auth import AuthBase, HTTPDigestAuth

from support.bounded import finish

from locust import HttpUser, task


class Token(AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = "Bearer of mine"
        return request


class Member(HttpUser):
    @task
    def enter(self):
        self.client.get("/basic-auth/me/secret", auth=("me", "secret"))
        self.client.get("/basic-auth/me/secret", auth=("me", "wrong"))
        self.client.get("/basic-auth/me/secret")
        self.client.get("/digest-auth/auth/me/secret", auth=HTTPDigestAuth("me", "secret"))
        self.client.get("/headers", auth=Token())
        self.client.auth = ("session", "pass")
        self.client.get("/basic-auth/session/pass")
        self.client.get("/headers", auth=Token())
        finish(self)
