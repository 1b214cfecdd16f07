#: Twelve users of four classes by weight, one of them without weight.
#: args: -u 12 -r 12
#: order: any
#: Compared: how many of each class there are, what they request.
from support.bounded import Party

from locust import HttpUser, task

party = Party(12)


class Base(HttpUser):
    abstract = True

    @task
    def once(self):
        self.client.get("/get", name=type(self).__name__)
        party.leave(self)


class Often(Base):
    weight = 3


class Half(Base):
    weight = 1.5


class Usual(Base):
    pass


class Never(Base):
    weight = 0
