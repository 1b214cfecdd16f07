#: Where the log goes and how much of it: levels, a file, no set-up.
#: case warning: --loglevel WARNING
#: case error: -L ERROR
#: case file: --logfile run.log
#: case file_in_folder: --logfile logs/run.log --loglevel WARNING
#: case skip: --skip-log-setup
#: Compared: log, file.
import logging

from support.bounded import finish

from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def visit(self):
        logging.info("an information")
        logging.getLogger("mine").warning("a warning of %s", "mine")
        logging.error("an error")
        logging.debug("never seen")
        self.client.get("/get")
        finish(self)
