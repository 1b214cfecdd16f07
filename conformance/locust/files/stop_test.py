#: `StopTest` in a task ends that user only.
#: args: -u 2 -r 2
#: order: any
#: Compared: requests, users left, exit code, log.
import gevent

from locust import HttpUser, task
from locust.exception import StopTest, StopUser


class Stopper(HttpUser):
    @task
    def work(self):
        self.client.get("/get", name="stopper")
        raise StopTest("enough")


class Watcher(HttpUser):
    @task
    def watch(self):
        for _ in range(400):
            if self.environment.runner.user_count == 1:
                break
            gevent.sleep(0.01)
        self.client.get("/get", name="watcher")
        gevent.spawn(self.environment.runner.quit)
        raise StopUser()
