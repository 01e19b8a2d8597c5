"""redis-server: under redis-benchmark, with all kinds of values, a forked save, a rewritten log, a clean end, a reload.

Debian's redis links jemalloc and asks its mallctl, which knows nothing of the malloc in use: what is checked is what
the server does, not the figures of INFO memory. On glibc's side of the comparison it therefore runs on jemalloc.
"""

import contextlib
import signal
import subprocess

from harness import ProgramTest, find_program, main, wait_until

COMMANDS = "set,get,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset"

# Values of every encoding, small and large; answers are noted. DEBUG DIGEST sums up the whole data set.
FILL = """
local function word(i) return string.rep('v', i % 300) .. i end
for i = 1, 4000 do
  redis.call('SET', 'string:' .. i, word(i))
  redis.call('HSET', 'hash:' .. i % 50, 'field' .. i, word(i * 7))
  redis.call('RPUSH', 'list:' .. i % 20, word(i * 3))
  redis.call('SADD', 'set:' .. i % 10, i * 31 % 5003)
  redis.call('ZADD', 'rank:' .. i % 5, i * 17 % 1009, word(i % 211))
  redis.call('XADD', 'stream', i .. '-1', 'n', word(i))
  redis.call('SETBIT', 'bits', i * 97 % 100000, 1)
end
redis.call('SET', 'huge', string.rep('0123456789', 500000))
for i = 1, 4000, 3 do redis.call('DEL', 'string:' .. i) end
for i = 1, 300 do redis.call('APPEND', 'grown', word(i)) end
return redis.call('DBSIZE')
"""
QUESTIONS = [
    ["GET", "string:299"], ["STRLEN", "huge"], ["STRLEN", "grown"], ["HLEN", "hash:7"], ["LRANGE", "list:3", "0", "9"],
    ["SINTERSTORE", "both", "set:1", "set:2"], ["SCARD", "both"], ["ZRANGE", "rank:2", "0", "20", "WITHSCORES"],
    ["XRANGE", "stream", "3998", "+"], ["BITCOUNT", "bits"], ["SORT", "set:4", "LIMIT", "0", "20", "DESC"],
    ["PFADD", "loglog", "a", "b", "c"], ["PFCOUNT", "loglog"], ["GEOADD", "places", "13.36", "38.11", "Palermo"],
    ["GEOPOS", "places", "Palermo"], ["OBJECT", "ENCODING", "hash:7"], ["COPY", "hash:7", "hash:copy"], ["DBSIZE"],
]


class Server:
    """A redis-server on a unix socket in the session's directory, and its client."""

    def __init__(self, session, process):
        self.session, self.process = session, process
        self.client = find_program("redis-cli", "redis-tools")

    def ask(self, *words):
        done = subprocess.run([self.client, "-s", self.session.path("socket"), *words], capture_output=True, timeout=200)
        return (done.stdout + done.stderr).decode().strip()

    def save(self, command, progress):
        """A command that forks a child to write the data set; waits for its success."""
        self.ask(command)
        wait_until(lambda: f"{progress}_in_progress:0" in self.ask("INFO", "persistence"), f"{command} ends", 200)

    def stop(self):
        self.ask("SHUTDOWN", "SAVE")
        self.process.wait(60)
        return self.process.outcome()


@contextlib.contextmanager
def server(session, log):
    """A running server; at the end it has been shut down cleanly and its log has been read."""
    redis = find_program("redis-server", "redis-server")
    options = ["--port", "0", "--unixsocket", "socket", "--dir", ".", "--dbfilename", "saved.rdb", "--save", "",
               "--appendonly", "no", "--logfile", log, "--enable-debug-command", "local", "--daemonize", "no",
               "--activedefrag", "no"]
    with session.start([redis, *options]) as process:
        running = Server(session, process)
        wait_until(lambda: running.ask("PING") == "PONG" or process.poll() is not None, "the server answers")
        session.prove(redis)
        yield running
        session.note("redis-server: end", running.stop().ending)
    text = session.path(log).read_text(errors="replace")
    for sign in ("crash", "BUG REPORT", "STACK TRACE", "Guru Meditation", "Assertion"):
        if sign.lower() in text.lower():
            raise AssertionError(f"{session.allocator}: {sign!r} in the server's log\n{text[-8000:]}")
    session.note("clean end in the log", "ready to exit, bye bye" in text)


class Redis(ProgramTest):
    def test_values_survive_save_and_restart(self):
        def scenario(session):
            with server(session, "first.log") as redis:
                session.note("filled", redis.ask("EVAL", FILL, "0"))
                for question in QUESTIONS:
                    session.note(" ".join(question), redis.ask(*question))
                session.note("digest", redis.ask("DEBUG", "DIGEST"))
                redis.save("BGSAVE", "rdb_bgsave")
                info = redis.ask("INFO", "persistence")
                session.note("BGSAVE", "rdb_last_bgsave_status:ok" in info and "rdb_saves:1" in info)
                session.note("saved file is there", session.path("saved.rdb").exists())
                redis.ask("DEBUG", "RELOAD")
                session.note("digest after reload", redis.ask("DEBUG", "DIGEST"))
                session.note("trim", redis.ask("MEMORY", "PURGE"))
            with server(session, "second.log") as redis:
                session.note("digest after restart", redis.ask("DEBUG", "DIGEST"))
                session.note("flush", redis.ask("FLUSHALL", "ASYNC"))
                session.note("size", redis.ask("DBSIZE"))

        self.same_under_both(scenario)

    def test_a_benchmark_with_forked_saves_ends_without_errors(self):
        benchmark = find_program("redis-benchmark", "redis-tools")

        def scenario(session):
            with server(session, "bench.log") as redis:
                for count, extra in ((12000, ["-P", "1"]), (40000, ["-P", "16", "-d", "700"])):
                    argv = [benchmark, "-s", session.path("socket"), "-q", "-n", str(count), "-r", "5000", "-c", "20"]
                    with session.start([*argv, *extra, "-t", COMMANDS]) as load:
                        redis.save("BGSAVE", "rdb_bgsave")
                        redis.save("BGREWRITEAOF", "aof_rewrite")
                        load.wait(300)
                        session.note("benchmark", load.outcome().ending)
                        session.note("its errors", load.outcome().stderr)
                info = redis.ask("INFO", "persistence")
                session.note("saves", [line for line in info.split() if line.startswith(("rdb_saves", "rdb_last_bgsave_st"))])
                session.note("counter", redis.ask("GET", "counter:000000000001") != "")
            session.prove(benchmark)

        self.same_under_both(scenario)

    def test_sigterm_ends_it_cleanly(self):
        def scenario(session):
            with server(session, "term.log") as redis:
                redis.ask("EVAL", FILL, "0")
                redis.process.send_signal(signal.SIGTERM)
                redis.process.wait(60)

        self.same_under_both(scenario)


if __name__ == "__main__":
    main()
