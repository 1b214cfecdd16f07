#: The wait functions as functions: constant, random with a seed, of one's own, of a task set.
#: Compared: their values.
import random

from support.bounded import finish

from locust import HttpUser, TaskSet, User, between, constant, constant_pacing, constant_throughput, poisson, task


class Between(User):
    wait_time = between(1, 3)


class Constant(User):
    wait_time = constant(2)


class Poisson(User):
    wait_time = poisson(4)


class Own(User):
    n = 0

    def wait_time(self):
        self.n += 1
        return self.n


class Lambda(User):
    wait_time = lambda self: 5


class Steps(TaskSet):
    wait_time = constant(0.25)


class Waiter(HttpUser):
    wait_time = constant(0)

    @task
    def wait_for_each(self):
        for kind in (Between, Constant, Poisson, Own, Lambda):
            random.seed(1)
            user = kind(self.environment)
            print(kind.__name__, [round(user.wait_time(), 6) for _ in range(3)])
        print(Steps(self).wait_time(), TaskSet(Constant(self.environment)).wait_time())
        for wrong in (lambda: constant_throughput(0), lambda: constant_throughput(-1)):
            try:
                wrong()
            except ValueError as error:
                print(error)
        print(callable(constant_pacing(1)), callable(constant_throughput(0.5)))
        self.client.get("/get")
        finish(self)


for other in (Between, Constant, Poisson, Own, Lambda):
    other.abstract = True
