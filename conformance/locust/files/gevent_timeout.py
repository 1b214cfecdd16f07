#: A request that is given up by `gevent.Timeout`, one whose greenlet is killed: neither counts; the client goes on.
#: Compared: printed lines, counts, exit code.
#: order: any
import gevent

from support.bounded import finish

from locust import FastHttpUser, HttpUser, task


class Impatient(HttpUser):
    @task
    def work(self):
        Fast.host = self.host
        for client, of in ((self.client, "http"), (Fast(self.environment).client, "fast")):
            try:
                with gevent.Timeout(0.1):
                    client.get("/get?delay=3s", name=of + " given up")
                print("never printed")
            except gevent.Timeout as error:
                print(of, "timeout", error.seconds)
            victim = gevent.spawn(client.get, "/get?delay=3s", name=of + " killed")
            gevent.sleep(0.1)
            victim.kill()
            print(of, victim.successful(), type(victim.value).__name__)
            print(client.get("/anything/x?after", name=of + " afterwards").json()["args"])
        finish(self)


class Fast(FastHttpUser):
    abstract = True
