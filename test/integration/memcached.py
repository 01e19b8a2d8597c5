"""memcached: four worker threads, eight clients at once, values of all sizes, expiry by memory limit, a clean end."""

import concurrent.futures
import hashlib
import signal
import socket

from harness import ProgramTest, find_program, main, wait_until

CLIENTS = 8
ROUNDS = 150


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rwb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def command(self, line, data=None):
        """Sends one command and returns the lines of its answer, a value's data included."""
        self.stream.write(line.encode() + b"\r\n" + (data + b"\r\n" if data is not None else b""))
        self.stream.flush()
        answer = []
        while True:
            answer.append(self.stream.readline())
            if answer[-1].startswith(b"VALUE"):
                answer.append(self.stream.read(int(answer[-1].split()[3]) + 2))
            elif not answer[-1].startswith(b"STAT"):
                return answer


def value_of(client, n):
    return hashlib.sha256(f"{client} {n}".encode()).hexdigest().encode() * (1 + n * n % 700)


def converse(path, number):
    """One client's conversation; returns a checksum of all answers."""
    seen = hashlib.sha256()
    client = Client(path)
    for n in range(ROUNDS):
        key = f"key-{number}-{n}"
        value = value_of(number, n)
        for line, data in [(f"set {key} 7 0 {len(value)}", value), (f"append {key} 0 0 4", b"tail"), (f"get {key}", None),
                           (f"set count-{number} 0 0 1", b"1"), (f"incr count-{number} {n}", None)]:
            seen.update(b"".join(client.command(line, data)))
        if n % 3 == 0:
            seen.update(b"".join(client.command(f"delete {key}")))
        if n % 10 == 9:  # many keys in one answer, and another connection
            seen.update(b"".join(client.command("get " + " ".join(f"key-{number}-{k}" for k in range(max(0, n - 30), n)))))
            client.close()
            client = Client(path)
    client.close()
    return seen.hexdigest()


class Memcached(ProgramTest):
    def test_clients_get_back_what_they_stored(self):
        memcached = find_program("memcached", "memcached")

        def scenario(session):
            path = session.path("socket")
            argv = [memcached, "-s", path, "-a", "0777", "-t", "4", "-m", "1000", "-u", "root", "-I", "4m"]
            with session.start(argv) as process:
                wait_until(lambda: path.exists() or process.poll() is not None, "the server listens")
                session.prove(memcached)
                with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                    for number, seen in enumerate(pool.map(lambda n: converse(path, n), range(CLIENTS))):
                        session.note(f"client {number}", seen)
                client = Client(path)
                session.note("stats", [line for line in client.command("stats") if b" curr_items " in line])
                session.note("flush", client.command("flush_all"))
                client.close()
                process.send_signal(signal.SIGTERM)
                process.wait(60)
                session.note("memcached: end", process.outcome().ending)
                session.note("memcached: stderr", process.outcome().stderr)

        self.same_under_both(scenario)


if __name__ == "__main__":
    main()
