"""Runs a test as `locust.main` does, from Locust's own parser, environment, runners and web UI.

What differs: the console, CSV, HTML and JSON are the Rust side's, which also has the last word on the exit code; signals
end the test in order whatever it is doing; and what was measured reaches the Rust side before the process ends.
"""

import atexit
import itertools
import logging
import os
import sys
import time
import webbrowser

import gevent
import locust
import locust.main
from gevent.event import AsyncResult
from locust import log, runners, stats
from locust.argument_parser import get_locustfiles_locally, get_parser, parse_locustfile_option
from locust.exception import StopTest
from locust.html import process_html_filename
from locust.input_events import input_listener
from locust.log import greenlet_exception_logger, setup_logging
from locust.opentelemetry import setup_opentelemetry
from locust.runners import MasterRunner, WorkerRunner
from locust.user.inspectuser import get_ratio, print_task_ratio, print_task_ratio_json

from squall_locust import behind, forks, overlay, stopping
from squall_locust.link import Link
from squall_locust.reporter import LineKeeper, Reporter, versions

logger = logging.getLogger("locust.main")

# How long the Rust side may take to answer or to read. Seconds.
PATIENCE = 10
# How long the other processes of a start may take to tell what they have measured.
SYNC_PATIENCE = 3
# Fewest open files a test should be able to have.
OPEN_FILES = 10_000


class Refused(Exception):
    """The Rust side can't go on: a file that can't be written, a port that is taken."""


def main(socket_path):
    """The whole life of a `locust` process."""
    stopping.install()
    locustfiles = get_locustfiles_locally(parse_locustfile_option())
    user_classes, shapes, tasks, shape = locust.main.merge_locustfiles_content(locustfiles)
    options = read_options()
    start_logging(options)
    family = forks.divide(options)
    if options.list_commands:
        print("Available Users:")
        for name in user_classes:
            print("    " + name)
        sys.exit(0)
    chosen = choose_users(options, user_classes)
    if not shape and options.num_users:
        warn_of_fixed_users(options, chosen)
    raise_file_limit()
    environment = locust.main.create_environment(
        chosen,
        options,
        events=locust.events,
        shape_class=shape,
        locustfile=os.path.basename(locustfiles[0]),
        parsed_locustfiles=locustfiles,
        available_user_classes=user_classes,
        available_shape_classes=shapes,
        available_user_tasks=tasks,
    )
    configure_users(options, environment)
    warn_of_ignored_options(options, shape)
    if options.show_task_ratio:
        for title, is_total in (("Task ratio per User class", False), ("Total task ratio", True)):
            print(f"\n {title}")
            print("-" * 80)
            print_task_ratio(chosen, options.num_users, is_total)
        sys.exit(0)
    if options.show_task_ratio_json:
        print_task_ratio_json(chosen, options.num_users)
        sys.exit(0)
    Session(options, environment, Link(socket_path), family).run()


def read_options():
    parser = get_parser()
    options = parser.parse_args()
    if options.stats_history_enabled and options.csv_prefix is None:
        parser.error("'--csv-full-history' requires '--csv'.")
    stats.validate_stats_configuration()
    if options.headful:
        options.headless = False
    if options.autoquit != -1 and not options.autostart:
        sys.stderr.write("--autoquit is only meaningful in combination with --autostart\n")
        sys.exit(1)
    return options


def start_logging(options):
    if not options.skip_log_setup:
        setup_logging(options.loglevel, options.logfile)
    message = f"Starting Locust {locust.__version__}"
    if options.otel and setup_opentelemetry(options.locustfile, options.profile):
        message += ", OpenTelemetry enabled"
    logger.info(message)


def keep_lines(options):
    """A handler that sees every log line Locust's own log reader sees."""
    keeper = LineKeeper()
    if options.skip_log_setup:
        # The log is the user's: with a handler of ours the standard library would not set up its own.
        return keeper
    form = f"[%(asctime)s] {log.HOSTNAME}/%(levelname)s/%(name)s: %(message)s"
    keeper.setFormatter(logging.Formatter(form))
    logging.getLogger().addHandler(keeper)
    logging.getLogger("locust").addHandler(keeper)
    return keeper


def choose_users(options, available):
    if not available:
        logger.error("No User class found!")
        sys.exit(1)
    if not options.user_classes:
        return list(available.values())
    missing = set(options.user_classes) - set(available)
    if missing:
        logger.error(f"Unknown User(s): {', '.join(missing)}\n")
        sys.exit(1)
    return [available[name] for name in available if name in options.user_classes]


def warn_of_fixed_users(options, chosen):
    fixed = sum(user_class.fixed_count for user_class in chosen)
    if fixed > options.num_users:
        logger.info(
            f"Total fixed_count of User classes ({fixed}) is greater than the specified number of users "
            f"({options.num_users}), so not all will be spawned."
        )


def raise_file_limit():
    if os.name == "nt":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))
        except (ValueError, OSError):
            logger.warning(
                f"System open file limit '{soft}' is below minimum setting '{OPEN_FILES}'.\n"
                "It's not high enough for load testing, and the OS didn't allow locust to increase it by itself.\n"
                "See https://github.com/locustio/locust/wiki/Installation#increasing-maximum-number-of-open-files-limit"
                " for more info."
            )


def configure_users(options, environment):
    if not options.config_users:
        return
    try:
        for settings in itertools.chain(*options.config_users):
            environment.update_user_class(settings)
    except KeyError as error:
        logger.error(
            "Error applying user config, probably you tried to specify config for a User not present in your "
            f"locustfile: {error}"
        )
        sys.exit(-1)
    except Exception as error:
        logger.exception(error)
        sys.exit(-1)


def warn_of_ignored_options(options, shape):
    if not shape or shape.use_common_options:
        return
    names = {"num_users": "users", "spawn_rate": "spawn-rate", "run_time": "run-time"}
    ignored = [f"--{flag}" for dest, flag in names.items() if getattr(options, dest, None)]
    if ignored:
        logger.warning(
            "--run-time, --users or --spawn-rate have no impact on LoadShapes unless the shape class explicitly reads "
            "them. See: docs.locust.io/en/stable/custom-load-shape.html#use-common-options"
        )
        logger.warning(f"The following option(s) will be ignored: {', '.join(ignored)}")


class FilesElsewhere(stats.StatsCSVFileWriter):
    """Stands where Locust's writer of CSV files stands: the web UI asks it. The files are the Rust side's."""

    def __init__(self, environment, percentiles, base_filepath, full_history):
        stats.StatsCSV.__init__(self, environment, percentiles)
        self.base_filepath = base_filepath
        self.full_history = full_history

    def stats_writer(self):
        pass

    def close_files(self):
        pass


class Session:
    """One process's part of a test, from its runner to its exit."""

    def __init__(self, options, environment, link, family):
        self.options = options
        self.environment = environment
        self.link = link
        self.family = family
        self.runner = None
        self.web_ui = None
        self.url = None
        self.shape_watch = None
        self.is_signalled = False
        # Why the test ends: set once, by whoever is first.
        self.ended = AsyncResult()
        # The reports are written.
        self.reported = AsyncResult()
        # What a user's `StopTest` outside a task said, such as that there is no host.
        self.stop_test = None
        self.lines = keep_lines(options)
        self.exception_handler = greenlet_exception_logger(logger)
        self.reporter = Reporter(link, environment, self.lines, overlay.slow_requests)
        self.csv_writer = None

    def run(self):
        """Runs the test and ends the process."""
        gevent.signal_handler(forks.SIGINT, self.on_interrupt)
        gevent.signal_handler(forks.SIGTERM, self.on_terminate)
        self.link.on_close = self.on_link_lost
        self.note_stop_tests()
        self.create_runner()
        try:
            welcome = self.introduce()
        except Refused as refusal:
            logger.error(str(refusal))
            sys.exit(1)
        self.reporter.report()
        self.listen()
        self.create_csv_writer()
        if not self.options.headless and not self.options.worker:
            self.create_web_ui(welcome)
        self.fire_init()
        ends = self.runner.greenlet
        if self.web_ui:
            self.web_ui.start()
            ends = self.web_ui.greenlet
            if isinstance(self.web_ui, behind.WebUIBehind):
                self.link.tell("web", port=self.web_ui.own_port(), wants_all=self.web_ui.is_changed())
        if self.options.class_picker:
            logger.debug("Locust is running with the UserClass Picker Enabled")
        gevent.spawn(stats.stats_history, self.runner)
        self.reporter.start()
        try:
            if self.options.headless or self.options.autostart:
                self.start_by_itself()
            if not self.options.worker:
                self.listen_to_keys()
            gevent.spawn(self.wait_for, ends)
            self.ended.get()
        except SystemExit:
            # Somebody called `sys.exit`: as in Locust no listener hears of it, but nothing measured is lost.
            self.reporter.report(last=True)
            self.link.flush(PATIENCE)
            raise
        self.shut_down()

    # Before the test.

    def create_runner(self):
        options, environment = self.options, self.environment
        if options.master:
            if options.worker:
                logger.error("The --master argument cannot be combined with --worker")
                sys.exit(-1)
            if options.expect_workers < 1:
                logger.error(
                    f"Invalid --expect-workers argument ({options.expect_workers}), must be a positive number"
                )
                sys.exit(-1)
            # Its listeners run in reverse: this comes after the workers were told to quit, and before the Locust file's own.
            environment.events.quitting.add_listener(self.wait_for_last_numbers)
            self.runner = environment.create_master_runner(options.master_bind_host, options.master_bind_port)
            environment.events.test_stop._handlers.insert(0, self.wait_for_numbers)
        elif options.worker:
            try:
                self.runner = environment.create_worker_runner(options.master_host, options.master_port)
            except OSError as error:
                logger.error("Failed to connect to the Locust master: %s", error)
                sys.exit(-1)
            if options.run_time:
                logger.debug("--run-time specified for a worker node will be ignored.")
        else:
            self.runner = environment.create_local_runner()
        self.reporter.recorder = forks.recorder(environment)
        self.follow_resets()
        if options.master:
            self.reporter.take_from_workers()
        elif options.worker:
            self.reporter.send_to_master(self.family.is_forked_worker)

    def wait_for_numbers(self, environment, **_kwargs):
        """Waits until `environment.stats` has what every worker of this start has measured so far."""
        self.merge(SYNC_PATIENCE, is_last=False)

    def wait_for_last_numbers(self, environment, **_kwargs):
        """The same, once the workers have stopped."""
        self.merge(SYNC_PATIENCE + self.environment.stop_timeout, is_last=True)

    def merge(self, patience, is_last):
        if not self.link.is_open:
            return
        answer = AsyncResult()
        self.link.handlers["merged"] = answer.set
        self.link.tell("merge", last=is_last)
        answer.wait(patience)

    def follow_resets(self):
        """Tells the Rust side when statistics start anew, after what was measured before."""
        session = self
        request_stats = self.environment.stats
        # One of the two calls the other.
        under_way = []

        def following(name):
            original = getattr(request_stats, name)

            def start_anew():
                if under_way:
                    original()
                    return
                under_way.append(name)
                try:
                    session.reporter.tell_measurements()
                    original()
                    session.reporter.generation += 1
                    session.link.tell("reset", kind=name, time=time.time())
                finally:
                    under_way.clear()

            return start_anew

        request_stats.clear_all = following("clear_all")
        request_stats.reset_all = following("reset_all")

    def note_stop_tests(self):
        """Locust ends such a test with code 0; the Rust side has to know of it to do otherwise."""
        session = self
        original = runners.locust_exception_handler

        def noting(environment):
            handler = original(environment)

            def handle(greenlet):
                if greenlet.exc_info[0] is StopTest:
                    session.stop_test = str(greenlet.exc_info[1])
                handler(greenlet)

            return handle

        runners.locust_exception_handler = noting

    def introduce(self):
        """Says who this is and waits for what the Rust side wants of it."""
        options = {
            name: value
            for name, value in vars(self.options).items()
            if isinstance(value, (str, int, float, bool, list, type(None)))
        }
        answer = AsyncResult()
        self.link.handlers["welcome"] = answer.set
        self.link.handlers["refuse"] = answer.set
        self.reporter.tell_settings()
        self.link.tell(
            "hello",
            pid=os.getpid(),
            role=self.role(),
            options=options,
            host=self.environment.host,
            shape=self.environment.shape_class is not None,
            locustfile=self.environment.locustfile,
            user_classes=[self.describe(user_class) for user_class in self.environment.user_classes],
            package=os.path.dirname(locust.__file__),
            utc_offset_s=time.localtime().tm_gmtoff,
            **versions(),
        )
        message = answer.get(timeout=PATIENCE)
        if message["type"] == "refuse":
            raise Refused(message["message"])
        return message

    def role(self):
        if isinstance(self.runner, MasterRunner):
            return "master"
        if isinstance(self.runner, WorkerRunner):
            return "worker"
        return "local"

    @staticmethod
    def describe(user_class):
        return {
            "name": user_class.__name__,
            "host": user_class.host,
            "weight": user_class.weight,
            "fixed_count": user_class.fixed_count,
        }

    def listen(self):
        """What the Rust side may ask of this process."""

        def start(message):
            self.runner.start(message["user_count"], message["spawn_rate"])

        self.link.handlers["start"] = start
        self.link.handlers["stop"] = lambda message: self.runner.stop()
        self.link.handlers["quit"] = lambda message: self.end("quit")
        self.link.handlers["reset_stats"] = lambda message: self.reset_stats()
        self.link.handlers["sync"] = self.sync
        self.link.handlers["tables"] = self.log_tables
        self.link.handlers["reported"] = self.reported.set

    def sync(self, message):
        """Tells how everything is now, then that it was told."""
        self.reporter.report()
        if self.web_ui:
            self.tell_tasks()
        self.link.tell("synced", id=message["id"])

    @staticmethod
    def log_tables(message):
        """Tables go to the log where that is the user's own."""
        for line in message["text"].splitlines():
            stats.console_logger.info(line)

    def reset_stats(self):
        self.environment.events.reset_stats.fire()
        self.environment.stats.reset_all()
        self.runner.exceptions = {}

    def create_csv_writer(self):
        options = self.options
        if options.csv_prefix:
            self.csv_writer = FilesElsewhere(
                self.environment, stats.PERCENTILES_TO_REPORT, options.csv_prefix, options.stats_history_enabled
            )
        else:
            self.csv_writer = stats.StatsCSV(self.environment, stats.PERCENTILES_TO_REPORT)

    def create_web_ui(self, welcome):
        options = self.options
        if options.web_base_path and options.web_base_path[0] != "/":
            logger.error(
                f"Invalid format for --web-base-path argument ({options.web_base_path}): the url path must start with "
                "a slash."
            )
            sys.exit(1)
        protocol = "https" if options.tls_cert and options.tls_key else "http"
        host = welcome.get("web_host", options.web_host)
        place = f"{protocol}://{host or '0.0.0.0'}:{options.web_port}{options.web_base_path}"
        self.url = place if host else (options.web_host_display_name or place)
        logger.info(f"Starting web interface at {self.url}, press enter to open your default browser.")
        arguments = {
            "host": host,
            "port": options.web_port,
            "web_base_path": options.web_base_path,
            "web_login": options.web_login,
            "tls_cert": options.tls_cert,
            "tls_key": options.tls_key,
            "stats_csv_writer": self.csv_writer,
            "delayed_start": True,
            "userclass_picker_is_active": options.class_picker,
            "build_path": options.build_path,
        }
        if welcome.get("is_fronted"):
            self.web_ui = behind.create(self.environment, arguments)
        else:
            self.web_ui = self.environment.create_web_ui(**arguments)

    def fire_init(self):
        options, environment = self.options, self.environment
        if options.autostart and options.headless:
            logger.info("The --autostart argument is implied by --headless, no need to set both.")
        if options.autostart and options.worker:
            logger.debug("The --autostart argument has no meaning on a worker.")
        if options.equal_weights:
            environment.events.init.add_listener(lambda environment, **_: environment.assign_equal_weights())
        environment.events.init.fire(environment=environment, runner=self.runner, web_ui=self.web_ui)
        if log.unhandled_greenlet_exception:
            # What an `init` listener raised is logged already, and fatal.
            sys.exit(1)

    # The test.

    def start_by_itself(self):
        options, runner = self.options, self.runner
        if options.worker:
            return
        if options.master and not self.wait_for_workers():
            return
        if options.num_users is None:
            options.num_users = 1
        if options.spawn_rate is None:
            options.spawn_rate = 1
        if self.environment.shape_class:
            runner.start_shape()
            self.shape_watch = gevent.spawn(self.watch_shape, runner.shape_greenlet)
        else:
            gevent.spawn(runner.start, options.num_users, options.spawn_rate).link_exception(self.exception_handler)
        if self.environment.shape_class:
            # The shape says when it is over; one that uses the common options reads the limit itself.
            if options.run_time and self.environment.shape_class.use_common_options:
                logger.info(f"Run time limit set to {options.run_time} seconds")
        elif options.run_time:
            logger.info(f"Run time limit set to {options.run_time} seconds")
            limit = gevent.spawn_later(options.run_time, self.stop_and_maybe_quit, "--run-time limit reached")
            limit.link_exception(self.exception_handler)
        else:
            logger.info("No run time limit set, use CTRL+C to interrupt")

    def wait_for_workers(self):
        """Waits for `--expect-workers`; whether they came."""
        options, clients = self.options, self.runner.clients
        started = time.monotonic()
        while len(clients.ready) < options.expect_workers:
            if self.ended.ready():
                return False
            waited = time.monotonic() - started
            if options.expect_workers_max_wait and waited > options.expect_workers_max_wait:
                logger.error("Gave up waiting for workers to connect")
                self.runner.quit()
                sys.exit(1)
            level = logging.INFO if waited > 5 else logging.DEBUG
            logging.log(
                level,
                "Waiting for workers to be ready, %s of %s connected",
                len(clients.ready),
                options.expect_workers,
            )
            gevent.sleep(1)
        return True

    def watch_shape(self, shape_greenlet):
        shape_greenlet.join()
        if not self.is_signalled:
            self.stop_and_maybe_quit("Shape test completed")

    def stop_and_maybe_quit(self, reason):
        options, runner = self.options, self.runner
        if options.headless or not options.autostart:
            logger.info(f"{reason}, shutting down")
            runner.quit()
            return
        logger.info(f"{reason}, stopping test")
        runner.stop()
        if options.autoquit == -1:
            logger.info("--autoquit not specified, leaving web ui running indefinitely")
            return
        logger.debug(f"Autoquit time limit set to {options.autoquit} seconds")
        gevent.sleep(options.autoquit)
        logger.info("--autoquit time reached, shutting down")
        runner.quit()
        if self.web_ui:
            self.web_ui.stop()

    def listen_to_keys(self):
        def change(by):
            if self.runner.state == runners.STATE_SPAWNING:
                doing = "spawn more" if by > 0 else "stop"
                logging.warning(f"Already spawning users, can't {doing} right now")
                return
            self.runner.start(max(0, self.runner.user_count + by), 100)

        def open_browser():
            if self.url:
                webbrowser.open_new_tab(self.url)

        keys = {
            "w": lambda: change(1),
            "W": lambda: change(10),
            "s": lambda: change(-1),
            "S": lambda: change(-10),
            "\r": open_browser,
            "\n": open_browser,
        }
        listener = gevent.spawn(input_listener(keys))
        listener.link_exception(self.exception_handler)
        # The terminal gets its mode back whatever ends the process.
        atexit.register(listener.kill, block=True)

    # The end.

    def wait_for(self, greenlet):
        greenlet.join()
        if self.shape_watch is not None and self.options.headless:
            self.shape_watch.join()
        self.end("done")

    def end(self, reason):
        if not self.ended.ready():
            self.ended.set(reason)

    def on_interrupt(self):
        if self.family.is_forked_worker or self.is_signalled:
            # The master of the family tells its workers when to end; and one signal may come twice, from the terminal
            # and from the Rust side.
            return
        self.is_signalled = True
        if self.runner is None:
            # A worker that waits for its master: there is nothing to tell.
            os._exit(1)
        if self.shape_watch is not None and not self.shape_watch.ready():
            logging.info("Exiting due to CTRL+C interruption")
        self.end("interrupt")

    def on_terminate(self):
        if self.is_signalled:
            return
        self.is_signalled = True
        logger.info("Got SIGTERM signal")
        self.end("terminate")

    def on_link_lost(self):
        self.reported.set(None)
        if self.ended.ready():
            return
        logger.error("lost the connection to squall, shutting down")
        self.is_signalled = True
        self.end("lost")

    def shut_down(self):
        """Tells everybody, hands over what is left, and exits."""
        environment, runner = self.environment, self.runner
        logger.debug("Running teardowns...")
        environment.events.quitting.fire(environment=environment, reverse=True)
        code = self.exit_code()
        logger.info(f"Shutting down (exit code {code})")
        logger.debug("Cleaning up runner...")
        runner.quit()
        self.reporter.report(last=True)
        if self.role() == "local":
            self.reporter.tell_entry_times()
        if self.role() != "worker":
            self.tell_tasks()
        if self.options.html_file:
            process_html_filename(self.options)
            logger.debug("Writing html report to file: %s", self.options.html_file)
        # What was printed stands before the reports.
        sys.stdout.flush()
        self.link.tell("finished", html_file=self.options.html_file, host=self.host())
        self.link.flush(PATIENCE)
        if self.role() != "worker" and self.link.is_open:
            self.reported.wait(PATIENCE)
        environment.events.quit.fire(exit_code=code)
        sys.exit(code)

    def exit_code(self):
        """By Locust's rule, but from the numbers of all processes: the Rust side has those."""
        environment, runner = self.environment, self.runner
        if environment.process_exit_code is not None:
            code = environment.process_exit_code
        elif runner.errors or runner.exceptions:
            code = self.options.exit_code_on_error
        elif log.unhandled_greenlet_exception:
            code = 2
        else:
            code = 0
        if self.role() == "worker" or environment.process_exit_code is not None:
            return code
        answer = AsyncResult()
        self.link.handlers["exit_code"] = lambda message: answer.set(message["code"])
        self.reporter.report()
        self.link.tell(
            "quitting",
            exceptions=len(runner.exceptions),
            unhandled=log.unhandled_greenlet_exception,
            stop_test=self.stop_test,
        )
        try:
            return answer.get(timeout=PATIENCE if self.link.is_open else 0)
        except gevent.Timeout:
            return code

    def host(self):
        """The host as the report names it."""
        if self.environment.host:
            return self.environment.host
        hosts = {user_class.host for user_class in self.environment.user_classes}
        return next(iter(hosts)) if len(hosts) == 1 else None

    def tell_tasks(self):
        """How users and tasks were distributed: of the test as it ran, once it is over."""
        runner = self.runner
        if runner.state in (runners.STATE_STOPPED, runners.STATE_STOPPING):
            spawned = runner.final_user_classes_count
        elif isinstance(runner, MasterRunner):
            spawned = runner.reported_user_classes_count
        else:
            spawned = runner.user_classes_count
        classes = self.environment.user_classes
        self.link.tell("tasks", per_class=get_ratio(classes, spawned, False), total=get_ratio(classes, spawned, True))
