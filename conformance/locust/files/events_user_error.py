#: Arguments of `user_error`, from a task, a task set, `on_start`.
#: args: -u 3 -r 3
#: order: any
#: Compared: printed lines, exceptions.
import traceback

from support.bounded import Party

from locust import HttpUser, TaskSet, User, events, task

party = Party(2)


@events.user_error.add_listener
def seen(user_instance, exception, tb, **more):
    is_user = isinstance(user_instance, User)
    print(type(user_instance).__name__, is_user, repr(exception), traceback.extract_tb(tb)[-1].name, sorted(more))


class InTask(HttpUser):
    n = 0

    @task
    def work(self):
        self.n += 1
        if self.n == 3:
            party.leave(self)
        raise ValueError("in a task")


class Steps(TaskSet):
    n = 0

    @task
    def work(self):
        Steps.n += 1
        if Steps.n == 2:
            party.leave(self)
        raise KeyError("in a task set")


class InTaskSet(HttpUser):
    tasks = [Steps]


class InStart(HttpUser):
    def on_start(self):
        raise OSError("in on_start")

    @task
    def never(self):
        pass
