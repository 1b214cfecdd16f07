#: A client of one's own that is no HTTP client: a user class with calls that are timed and counted.
#: args: --json
#: Compared: counts, failures, exceptions.
import time

from support.bounded import finish

from locust import User, task


class Calculator:
    """Adds, and fails where a network would."""

    def __init__(self, request_event):
        self.request_event = request_event

    def __getattr__(self, name):
        def call(*args):
            meta = {
                "request_type": "calc",
                "name": name,
                "start_time": time.time(),
                "response_length": 0,
                "response": None,
                "context": {},
                "exception": None,
            }
            began = time.perf_counter()
            try:
                meta["response"] = {"add": sum, "divide": lambda pair: pair[0] / pair[1]}[name](args)
                meta["response_length"] = len(str(meta["response"]))
            except ArithmeticError as error:
                meta["exception"] = error
            meta["response_time"] = (time.perf_counter() - began) * 1000
            self.request_event.fire(**meta)
            return meta["response"]

        return call


class CalculatorUser(User):
    abstract = True

    def __init__(self, environment):
        super().__init__(environment)
        self.client = Calculator(environment.events.request)


class Pupil(CalculatorUser):
    @task
    def calculate(self):
        print(self.client.add(1, 2), self.client.add(30, 4), self.client.divide(6, 3), self.client.divide(1, 0))
        finish(self)
