#: Tasks of base classes come first; abstract classes do not run; mixins add theirs.
#: Compared: the tasks in order, requests.
from support.bounded import finish

from locust import HttpUser, task


class Mixin:
    @task
    def of_mixin(self):
        pass


class Base(HttpUser):
    abstract = True

    @task(2)
    def of_base(self):
        self.client.get("/get", name="of base")


class Child(Base):
    @task
    def of_child(self):
        pass

    def on_start(self):
        print([t.__name__ for t in self.tasks], self.abstract, Base.abstract)
        self.of_base()
        finish(self)


class Grandchild(Mixin, Child):
    fixed_count = 0
    weight = 0
