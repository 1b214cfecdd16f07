#: Exit codes: failures and exceptions give 1 or what `--exit-code-on-error` says.
#: case fine: --do fine --exit-code-on-error 5
#: case failed: --do failed
#: case failed_told: --do failed --exit-code-on-error 5
#: case failed_forgiven: --do failed --exit-code-on-error 0
#: case raised: --do raised
#: case raised_told: --do raised --exit-code-on-error 6
#: case exit: --do exit
#: Compared: exit code, log.
import sys

import gevent

from support.bounded import finish

from locust import HttpUser, events, task


@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--do")


class Doer(HttpUser):
    n = 0

    @task
    def work(self):
        self.n += 1
        if self.n == 2:
            finish(self)
        what = self.environment.parsed_options.do
        if what == "failed":
            self.client.get("/status/500")
        elif what == "raised":
            raise ValueError("raised")
        elif what == "exit":
            self.client.get("/get")
            gevent.sleep(0.1)
            sys.exit(9)
        else:
            self.client.get("/get")
