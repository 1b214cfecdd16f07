#: `spawn_users` and `stop_users` by class.
#: order: any
#: Compared: requests, users by class.
import gevent

from locust import HttpUser, constant, events, task


class First(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get", name=type(self).__name__)


class Second(First):
    pass


@events.spawning_complete.add_listener
def complete(user_count, **_kwargs):
    print("complete", user_count)


@events.init.add_listener
def direct(environment, runner, **_kwargs):
    def until(condition):
        for _ in range(500):
            if condition():
                return
            gevent.sleep(0.01)
        print("never came true")

    def steps():
        until(lambda: environment.stats.num_requests == 1)
        before = dict(runner.user_classes_count)
        runner.spawn_users({"Second": 2})
        until(lambda: environment.stats.num_requests == 3)
        print(before, runner.user_classes_count)
        runner.stop_users({"Second": 1})
        print(runner.user_classes_count)
        runner.quit()

    gevent.spawn(steps)
