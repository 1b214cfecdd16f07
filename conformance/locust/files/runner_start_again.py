#: A locustfile that changes the number of users, stops the test and starts it anew: counts begin again.
#: Compared: printed lines, log, counts.
import gevent

from locust import HttpUser, constant, events, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")


def until(condition):
    for _ in range(500):
        if condition():
            return
        gevent.sleep(0.01)
    print("never came true")


@events.test_start.add_listener
def started(**_kwargs):
    print("test_start")


@events.test_stop.add_listener
def stopped(environment, **_kwargs):
    print("test_stop", environment.stats.num_requests)


@events.init.add_listener
def direct(environment, runner, **_kwargs):
    def steps():
        until(lambda: environment.stats.num_requests == 1)
        runner.start(3, spawn_rate=10)
        until(lambda: environment.stats.num_requests == 3)
        print("users", runner.user_count, runner.target_user_count)
        runner.start(1, spawn_rate=10)
        until(lambda: runner.user_count == 1)
        print("users", runner.user_count)
        runner.stop()
        print(runner.state, runner.user_count)
        runner.start(2, spawn_rate=10)
        until(lambda: environment.stats.num_requests == 2)
        print(runner.state, environment.stats.num_requests)
        runner.quit()

    gevent.spawn(steps)
