#: User classes named on the command line or in the environment, one of them unknown.
#: order: any
#: args: -u 4 -r 4
#: case one: Second
#: case two: Second Third
#: case all:
#: case unknown: Second Fourth
#: Compared: which classes run, log, exit code.
from support.bounded import Party

from locust import HttpUser, task

party = Party(4)


class First(HttpUser):
    @task
    def once(self):
        self.client.get("/get", name=type(self).__name__)
        party.leave(self)


class Second(First):
    pass


class Third(First):
    pass
