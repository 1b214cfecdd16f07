#: The host of the class, and the command line's or the environment's over it.
#: bare
#: args: -f cli_host_of_class.py --headless --only-summary
#: case class:
#: case flag: --host http://{TARGET}/anything
#: case short: -H http://{TARGET}/anything/
#: Compared: requests, names.
import os

from support.bounded import finish

from locust import HttpUser, task


class Own(HttpUser):
    host = "http://" + os.environ["TARGET"]

    @task
    def visit(self):
        self.client.get("/get" if self.environment.host is None else "/x")
        print(self.environment.host == self.host)
        finish(self)
