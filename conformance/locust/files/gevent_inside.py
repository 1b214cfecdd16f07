#: gevent in user code: pools, events, semaphores, queues, time-outs, greenlets beside the users.
#: Compared: printed lines, requests.
#: order: any
import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue

from support.bounded import finish

from locust import HttpUser, task


class Green(HttpUser):
    @task
    def work(self):
        pool = gevent.pool.Pool(4)
        statuses = pool.map(lambda n: self.client.get(f"/get?delay=10ms&n={n}", name="pool").status_code, range(8))
        print(statuses)
        jobs = [gevent.spawn(self.client.get, f"/get?job={n}", name="spawned") for n in range(3)]
        gevent.joinall(jobs, timeout=10)
        print([job.value.status_code for job in jobs])
        ready = gevent.event.Event()
        gevent.spawn_later(0.02, ready.set)
        print(ready.wait(timeout=5))
        semaphore = gevent.lock.BoundedSemaphore(1)
        with semaphore:
            self.client.get("/get", name="in a semaphore")
        queue = gevent.queue.Queue()
        gevent.spawn(lambda: [queue.put(n) for n in range(3)])
        print([queue.get(timeout=5) for _ in range(3)])
        ticks = []
        ticker = gevent.spawn(lambda: [(ticks.append(1), gevent.sleep(0.01)) for _ in range(50)])
        self.client.get("/get?delay=300ms", name="slow")
        print("ticks while waiting", len(ticks) > 10)
        ticker.kill()
        finish(self)
