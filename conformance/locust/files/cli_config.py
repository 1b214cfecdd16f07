#: Options from files: `locust.conf`, `--config` in both formats, and who beats whom.
#: bare
#: case conf: --config data/run.conf
#: case toml: --config data/run.toml
#: case flag_over_conf: --config data/run.conf -u 1
#: case missing: --config data/nothing.conf -f cli_config.py
#: env: LOCUST_HOST=http://{TARGET}
#: order: any
#: Compared: requests, log, exit code.
import sys

from support.bounded import Party

from locust import HttpUser, events, task

party = None


@events.test_start.add_listener
def invite(environment, **_kwargs):
    global party
    options = environment.parsed_options
    party = Party(options.num_users)
    print(options.num_users, options.spawn_rate, options.host.startswith("http://"), options.tags, sys.argv[0].endswith("locust"))


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
        party.leave(self)
