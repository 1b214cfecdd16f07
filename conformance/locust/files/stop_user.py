#: `StopUser` in a task, in a nested task set, in `on_start`: the user is gone, the others go on.
#: args: -u 4 -r 4
#: order: any
#: Compared: requests, users left.
import gevent

from locust import HttpUser, TaskSet, events, task
from locust.exception import StopUser


class InTask(HttpUser):
    @task
    def work(self):
        self.client.get("/get", name="in task")
        raise StopUser()


class InStart(HttpUser):
    def on_start(self):
        self.client.get("/get", name="in on_start")
        raise StopUser("with a word")

    @task
    def never(self):
        pass


class Nested(TaskSet):
    @task
    def work(self):
        self.client.get("/get", name="nested")
        raise StopUser()


class InNested(HttpUser):
    tasks = [Nested]


class Watcher(HttpUser):
    @task
    def watch(self):
        for _ in range(400):
            if self.environment.runner.user_count == 1:
                break
            gevent.sleep(0.01)
        print(sorted(self.environment.runner.user_classes_count.items()))
        self.client.get("/get", name="watcher")
        gevent.spawn(self.environment.runner.quit)
        raise StopUser()


@events.test_stop.add_listener
def stopped(environment, **_kwargs):
    print("left", environment.runner.user_count)
