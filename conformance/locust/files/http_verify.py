#: TLS: a certificate that nobody knows is refused, unless `verify` says otherwise.
#: secure
#: Compared: requests, failures with their texts.
import os

from support.bounded import finish

from locust import FastHttpUser, HttpUser, task

SECURE = "https://" + os.environ["SECURE"]


class Careful(HttpUser):
    @task
    def verify(self):
        self.client.get(SECURE + "/get?1", name="unknown")
        self.client.get(SECURE + "/get?2", name="not verified", verify=False)
        self.client.get(SECURE + "/get?3", name="known", verify="ca.pem")
        self.client.verify = False
        self.client.get(SECURE + "/get?5", name="session, not verified")
        self.client.verify = "ca.pem"
        self.client.post(SECURE + "/post", json={"a": 1}, name="session, known")
        fast = Trusting(self.environment)
        fast.client.get(SECURE + "/get?6", name="fast, not verified")
        fast = Distrusting(self.environment)
        fast.client.get(SECURE + "/get?7", name="fast, verified")
        finish(self)


class Trusting(FastHttpUser):
    abstract = True
    host = SECURE


class Distrusting(FastHttpUser):
    abstract = True
    host = SECURE
    insecure = False
