#: What events and runners are in master and workers, and messages between them.
#: args: --processes 2 --master-port {PORT} --master-bind-port {PORT} -u 4 -r 4 -t 8
#: tries: 3
#: order: any
#: Compared: printed lines of all three processes, requests, exit code.
#: unlogged: lines of three processes, in their order and with names that change
import sys

from locust import HttpUser, constant, events, task
from locust.runners import MasterRunner, WorkerRunner


def tell(*words):
    # One write, so that lines of several processes do not mix.
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def role(runner):
    return "master" if isinstance(runner, MasterRunner) else f"worker {runner.worker_index}"


@events.init.add_listener
def init(environment, runner, **_kwargs):
    tell("init", "master" if isinstance(runner, MasterRunner) else "worker", isinstance(runner, WorkerRunner))
    if isinstance(runner, MasterRunner):
        runner.register_message("answer", lambda environment, msg, **_kw: tell("master got", msg.data))
    else:
        runner.register_message(
            "question", lambda environment, msg, **_kw: environment.runner.send_message("answer", msg.data + 1)
        )


@events.test_start.add_listener
def test_start(environment, **_kwargs):
    tell("test_start", role(environment.runner))
    if isinstance(environment.runner, MasterRunner):
        tell("workers", environment.runner.worker_count)
        environment.runner.send_message("question", 41)


@events.test_stop.add_listener
def test_stop(environment, **_kwargs):
    if isinstance(environment.runner, MasterRunner):
        tell("test_stop, master", sorted(environment.stats.entries), environment.stats.total.num_requests)
    else:
        tell("test_stop, worker")


@events.worker_connect.add_listener
def connected(client_id, **_kwargs):
    tell("worker_connect")


@events.quitting.add_listener
def quitting(environment, **_kwargs):
    tell("quitting", "master" if isinstance(environment.runner, MasterRunner) else "worker")


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")
