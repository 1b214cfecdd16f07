#: A user's name and password in the host: sent as basic authentication, and not part of any URL.
#: bare
#: args: -f http_auth_in_host.py --headless --only-summary
#: case plain: --host http://me:secret@{TARGET}
#: case escaped: --host http://me%40home:s%3Acret@{TARGET}
from support.bounded import finish

from locust import FastHttpUser, HttpUser, task


class Member(HttpUser):
    @task
    def enter(self):
        print(self.client.base_url.split("@")[-1].count(":"), "@" in self.client.base_url)
        self.client.get("/headers")
        FastMember.host = self.host
        fast = FastMember(self.environment)
        fast.client.get("/headers", name="fast")
        fast.client.get("/headers", auth=("other", "one"))
        finish(self)


class FastMember(FastHttpUser):
    abstract = True
