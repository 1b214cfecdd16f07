#: Data of a locustfile: a CSV file beside it, numpy, a queue that users share, a module of its own.
#: args: -u 2 -r 2
#: order: any
#: Compared: requests.
import csv
import pathlib
import queue

import numpy as np

from support.bounded import Party

from locust import HttpUser, task

with (pathlib.Path(__file__).parent / "data" / "rows.csv").open() as file:
    ROWS = list(csv.DictReader(file))
PEOPLE = queue.Queue()
for row in ROWS:
    PEOPLE.put(row)
NUMBERS = np.random.default_rng(1)
party = Party(2)


class Reader(HttpUser):
    @task
    def read(self):
        person = PEOPLE.get_nowait()
        self.client.post("/post", json={**person, "mean": float(np.mean([1, 2, 3]))})
        party.leave(self)


print(__name__, pathlib.Path(__file__).name, len(ROWS), NUMBERS.integers(0, 10, 3).tolist())
