#: Users with a fixed count come first, whatever is left goes by weight.
#: order: any
#: case enough: -u 8 -r 8
#: case scarce: -u 4 -r 4
#: Compared: how many of each class there are, log.
from support.bounded import Party

from locust import HttpUser, events, task

party = None


@events.test_start.add_listener
def invite(environment, **_kwargs):
    global party
    party = Party(environment.parsed_options.num_users)


class Base(HttpUser):
    abstract = True

    @task
    def once(self):
        self.client.get("/get", name=type(self).__name__)
        party.leave(self)


class Admin(Base):
    fixed_count = 2


class Auditor(Base):
    fixed_count = 1
    weight = 100


class Guest(Base):
    weight = 2


class Member(Base):
    weight = 1
