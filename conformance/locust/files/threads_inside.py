#: `time.sleep`, threads, locks, sockets and subprocesses of the standard library cooperate.
#: Compared: printed lines, requests.
#: order: any
import queue
import socket
import subprocess
import threading
import time
import urllib.request

from support.bounded import finish

from locust import HttpUser, task


class Threaded(HttpUser):
    @task
    def work(self):
        done = queue.Queue()

        def job(n):
            time.sleep(0.5)
            self.client.get(f"/get?{n}", name="in a thread")
            done.put(n)

        began = time.perf_counter()
        threads = [threading.Thread(target=job, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        print(sorted(done.get() for _ in threads), time.perf_counter() - began < 1.8)
        with urllib.request.urlopen(self.host + "/get?urllib") as response:
            print(response.status)
        host, port = self.host.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /get?socket HTTP/1.0\r\n\r\n")
            print(connection.recv(12))
        print(subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout.strip())
        finish(self)
