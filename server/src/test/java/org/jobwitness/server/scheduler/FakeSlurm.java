package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * A cluster that answers as slurmrestd does, in the shapes of any version from v0.0.39 to v0.0.45: what slurmctld has in its
 * memory, what slurmdbd has in its books, and its nodes. A test moves its jobs.
 */
final class FakeSlurm {
    final Map<String, FakeJob> controller = new ConcurrentSkipListMap<>();
    final List<FakeJob> books = new CopyOnWriteArrayList<>();
    final Map<String, String> nodes = new ConcurrentSkipListMap<>();
    /** Of a user, the accounts: one with a {@code *} is of slurmdbd's own making, since it is below another. */
    final Map<String, List<String>> coordinators = new ConcurrentSkipListMap<>();
    /** Each as {@code cluster account parent}. */
    final List<String> accounts = new CopyOnWriteArrayList<>();
    volatile boolean keepsBooks = true;
    /** Whether slurmctld is there. */
    volatile boolean controls = true;
    volatile int priority = 100;

    private static String ping(int version) {
        return version < 42
                ? "{\"hostname\": \"ctl\", \"pinged\": \"DOWN\", \"mode\": \"primary\"}"
                : "{\"hostname\": \"ctl\", \"responding\": false, \"primary\": true, \"status\": \"Connection refused\"}";
    }

    /** A job, or one run of it; what it has not, is empty or null, a limit among it. */
    record FakeJob(String id, String state, String user, String name, Instant submit, Instant start, Instant end,
            String nodes, int code, int signal, int restarts, String array, String gres, String killedBy,
            Integer limit, String reason) {
        static FakeJob waiting(String id, Instant submit) {
            return new FakeJob(id, "PENDING", "alice", "lammps", submit, null, null, "", 0, 0, 0, null, null, "", 60,
                    "None");
        }

        FakeJob is(String words) {
            return new FakeJob(id, words, user, name, submit, start, end, nodes, code, signal, restarts, array, gres,
                    killedBy, limit, reason);
        }

        FakeJob runs(String on, Instant since) {
            return new FakeJob(id, "RUNNING", user, name, submit, since, null, on, code, signal, restarts, array, gres,
                    killedBy, limit, reason);
        }

        FakeJob ended(String words, Instant at, int code, int signal) {
            return new FakeJob(id, words, user, name, submit, start, at, nodes, code, signal, restarts, array, gres,
                    killedBy, limit, reason);
        }

        FakeJob requeued(Instant at) {
            return new FakeJob(id, "PENDING", user, name, at, null, null, "", 0, 0, restarts + 1, array, gres,
                    killedBy, limit, reason);
        }

        FakeJob named(String other) {
            return new FakeJob(id, state, user, other, submit, start, end, nodes, code, signal, restarts, array, gres,
                    killedBy, limit, reason);
        }

        FakeJob killedBy(String whom) {
            return new FakeJob(id, state, user, name, submit, start, end, nodes, code, signal, restarts, array, gres,
                    whom, limit, reason);
        }

        FakeJob with(String gpus) {
            return new FakeJob(id, state, user, name, submit, start, end, nodes, code, signal, restarts, array, gpus,
                    killedBy, limit, reason);
        }

        FakeJob limitedTo(Integer minutes) {
            return new FakeJob(id, state, user, name, submit, start, end, nodes, code, signal, restarts, array, gres,
                    killedBy, minutes, reason);
        }

        FakeJob because(String why) {
            return new FakeJob(id, state, user, name, submit, start, end, nodes, code, signal, restarts, array, gres,
                    killedBy, limit, why);
        }

        /** @param task {@code 100_3} */
        FakeJob of(String task) {
            return new FakeJob(id, state, user, name, submit, start, end, nodes, code, signal, restarts, task, gres,
                    killedBy, limit, reason);
        }

        /** As the list of states calls it: by its own id and, of an array, its task's number. */
        String listedName() {
            return array == null ? id : id + array.substring(array.indexOf('_'));
        }
    }

    void put(FakeJob job) {
        controller.put(job.id(), job);
    }

    /** It leaves the memory of slurmctld, as it does some minutes after its end. */
    void forget(String id) {
        controller.remove(id);
    }

    /** What is answered to a GET in the shapes of a version; null if there is no such thing. */
    Answer answer(int version, String target) {
        String path = target.replaceFirst("\\?.*", "");
        Map<String, List<String>> query = query(target);
        if (path.endsWith("/ping/")) {
            return ok(version, "\"pings\": [" + (controls ? "" : ping(version)) + "]");
        }
        if (path.endsWith("/diag/") && controls) {
            return ok(version, "\"statistics\": {}");
        }
        if (path.endsWith("/licenses/") && controls) {
            return ok(version, "\"licenses\": []");
        }
        if (!controls && path.startsWith("/slurm/")) {
            return new Answer(500, body(version, "\"jobs\": []", """
                    {"error_number": -1, "error": "Unspecified error", "source": "slurm_load_job_state()"}"""));
        }
        if (path.startsWith("/slurmdb/")) {
            if (keepsBooks && path.endsWith("/users/")) {
                return ok(version,
                        "\"users\": " + list(List.copyOf(coordinators.entrySet()), user -> user(user.getKey(),
                                query.containsKey("with_coords") ? user.getValue() : List.of(), version)));
            }
            if (keepsBooks && path.endsWith("/associations/")) {
                return ok(version, "\"associations\": " + list(accounts, account -> """
                        {"cluster": "%s", "account": "%s", "parent_account": "%s", "user": ""},
                        {"cluster": "%1$s", "account": "%2$s", "parent_account": "", "user": "alice"}"""
                        .formatted((Object[]) (account + " ").split(" ", -1))));
            }
            return keepsBooks
                    ? ok(version, "\"jobs\": " + list(books.stream().filter(asked(version, query)).toList(),
                            job -> accounted(job, version)))
                    : new Answer(502, body(version, "\"jobs\": []", """
                            {"error_number": 7000, "error": "Unable to connect to database"}"""));
        }
        if (path.endsWith("/jobs/state/")) {
            return version < 40
                    ? null
                    : ok(version, "\"jobs\": " + list(List.copyOf(controller.values()),
                            job -> "{\"job_id\": \"%s\", \"state\": %s}".formatted(job.listedName(),
                                    words(job.state(), version))));
        }
        if (path.endsWith("/jobs/")) {
            return ok(version, "\"last_update\": " + number(1_800_000_000L, version) + ", \"jobs\": "
                    + list(List.copyOf(controller.values()), job -> controlled(job, version)));
        }
        if (path.contains("/job/")) {
            String id = path.substring(path.lastIndexOf('/') + 1);
            List<FakeJob> found = controller.values().stream()
                    .filter(job -> job.id().equals(id)).toList();
            return found.isEmpty()
                    ? new Answer(404, body(version, "\"jobs\": []", """
                            {"error_number": 2017, "error": "Invalid job id specified"}"""))
                    : ok(version, "\"jobs\": " + list(found, job -> controlled(job, version)));
        }
        return path.endsWith("/nodes/")
                ? ok(version, "\"nodes\": [" + nodes.entrySet().stream().map(node -> """
                        {"name": "%s", "state": ["%s"], "reason": "%s", "cpus": 64, "real_memory": 257000,
                         "gres": "gpu:a100:4(S:0-1)", "tres": "cpu=64,mem=257000M,billing=64,gres/gpu=4"}"""
                        .formatted(node.getKey(), node.getValue().split(" ", 2)[0].replace("+", "\", \""),
                                node.getValue().contains(" ") ? node.getValue().split(" ", 2)[1] : ""))
                        .collect(Collectors.joining(",")) + "]")
                : null;
    }

    private static String user(String name, List<String> accounts, int version) {
        return "{\"name\": \"%s\", \"administrator_level\": [\"None\"], \"coordinators\": %s}".formatted(name,
                list(accounts, account -> "{\"name\": \"%s\", \"direct\": %s}".formatted(account.replace("*", ""),
                        account.endsWith("*") ? version < 40 ? "0" : "false" : version < 40 ? "1" : "true")));
    }

    record Answer(int status, String body) {
    }

    private static Answer ok(int version, String field) {
        return new Answer(200, body(version, field, ""));
    }

    static String body(int version, String field, String error) {
        String meta = version < 40
                ? "\"meta\": {\"plugin\": {\"data_parser\": \"v0.0.39\"}, \"Slurm\": {\"release\": \"23.02.8\"}}"
                : "\"meta\": {\"slurm\": {\"release\": \"24.11.5\", \"cluster\": \"rig\"}}";
        return "{%s, %s, \"errors\": [%s], \"warnings\": []}".formatted(field, meta, error);
    }

    private static Map<String, List<String>> query(String target) {
        Map<String, List<String>> query = new TreeMap<>();
        int mark = target.indexOf('?');
        if (mark > 0) {
            assertThat(target).as("slurmrestd refuses a comma").doesNotContain(",", "%2C");
            Arrays.stream(target.substring(mark + 1).split("&")).map(part -> part.split("=", 2))
                    .forEach(part -> query.computeIfAbsent(part[0], _ -> new ArrayList<>()).add(part[1]));
        }
        return query;
    }

    /** As slurmdbd: of given jobs, or those that ended in a time in one of the given states. */
    private static Predicate<FakeJob> asked(int version, Map<String, List<String>> query) {
        if (version < 40 && query.containsKey("show_duplicates")) {
            throw new IllegalArgumentException("v0.0.39 refuses show_duplicates");
        }
        if (query.containsKey("step")) {
            return job -> query.get("step").contains(job.id());
        }
        Instant from = Instant.ofEpochSecond(Long.parseLong(query.get("start_time").getFirst().substring(3)));
        Instant to = Instant.ofEpochSecond(Long.parseLong(query.get("end_time").getFirst().substring(3)));
        List<String> states = query.get("state");
        return job -> job.end() != null && !job.end().isBefore(from) && !job.end().isAfter(to)
                && states.contains(job.state().replaceFirst(".*\\+", ""));
    }

    private static <T> String list(List<T> all, Function<T, String> text) {
        return all.stream().map(text).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String words(String state, int version) {
        return version < 40
                ? "\"" + state.replaceFirst(".*\\+", "") + "\""
                : "[\"" + state.replace("+", "\", \"") + "\"]";
    }

    private static String number(Long number, int version) {
        return version < 40
                ? String.valueOf(number == null ? 0 : number)
                : "{\"set\": true, \"infinite\": false, \"number\": " + (number == null ? 0 : number) + "}";
    }

    private static String set(Object number) {
        return "{\"set\": %s, \"infinite\": false, \"number\": %s}".formatted(number != null,
                number == null ? 0 : number);
    }

    private static String limit(FakeJob job) {
        return job.limit() == null ? "{\"set\": false, \"infinite\": true, \"number\": 0}" : set(job.limit());
    }

    private static Long seconds(Instant time) {
        return time == null ? null : time.getEpochSecond();
    }

    private static String exit(int code, int signal) {
        return "{\"status\": [\"%s\"], \"return_code\": %s, \"signal\": {\"id\": %s, \"name\": \"\"}}".formatted(
                signal != 0 ? "SIGNALED" : code != 0 ? "ERROR" : "SUCCESS", set(signal != 0 ? null : code),
                set(signal == 0 ? null : signal));
    }

    /**
     * JOB_INFO. A job that waits is told when Slurm thinks that it will start; one that runs, when its limit ends it, which
     * is in a year if it has none.
     */
    private String controlled(FakeJob job, int version) {
        Instant start = job.start() == null ? job.submit().plusSeconds(86_400) : job.start();
        Instant end = job.end() == null
                ? start.plusSeconds(60L * (job.limit() == null ? 525_600 : job.limit()))
                : job.end();
        String gpus = job.gres() == null ? "" : "\"" + job.gres().replace(";", "\", \"") + "\"";
        String[] task = job.array() == null ? new String[]{"0"} : job.array().split("_");
        return """
                {"job_id": %s, "cluster": "rig", "job_state": %s, "state_reason": "%s", "user_name": "%s",
                 "user_id": 1001, "name": %s, "partition": "batch", "account": "proj1", "qos": "normal",
                 "priority": %s, "nodes": "%s", "submit_time": %s, "start_time": %s, "end_time": %s,
                 "time_limit": %s, "exit_code": %s, "derived_exit_code": %s, "array_job_id": %s, "array_task_id": %s,
                 "array_task_string": "%s", "het_job_id": %s, "restart_cnt": %d, "tasks": {"set": true, "infinite": false, "number": 4},
                 "failed_node": "%s", "tres_req_str": "cpu=4,mem=8G,node=1,billing=4",
                 "tres_alloc_str": "%s", "gres_detail": [%s]}""".formatted(job.id(), words(job.state(), version),
                job.reason(), job.user(), job.name().startsWith("\"") ? job.name() : "\"" + job.name() + "\"",
                set(priority),
                job.nodes(), number(seconds(job.submit()), version), number(seconds(start), version),
                number(seconds(end), version), limit(job),
                version < 40 ? set(job.code() << 8 | job.signal()) : exit(job.code(), job.signal()),
                version < 40 ? set(0) : exit(0, 0), set(Integer.valueOf(task[0])),
                set(task.length > 1 && task[1].matches("[0-9]+") ? task[1] : null),
                task.length > 1 && task[1].startsWith("[") ? task[1].substring(1, task[1].length() - 1) : "", set(0),
                job.restarts(), job.restarts() > 0 || job.state().contains("NODE_FAIL") ? "n1" : "",
                job.nodes().isEmpty() ? "" : "cpu=4,mem=8G,node=1,billing=4", gpus);
    }

    /** JOB. Until v0.0.39 each exit code is a success. */
    private String accounted(FakeJob job, int version) {
        String exit = version < 40 ? "{\"status\": \"SUCCESS\", \"return_code\": 0}" : exit(job.code(), job.signal());
        return """
                {"job_id": %s, "cluster": "rig", "state": {"current": %s, "reason": "%s"}, "user": "%s",
                 "name": "%s", "partition": "batch", "account": "proj1", "qos": "normal", "priority": %s,
                 "nodes": "%s", "time": {"submission": %d, "start": %d, "end": %d, "limit": %s}, "exit_code": %s,
                 "derived_exit_code": %s, "array": {"job_id": 0, "task_id": %s}, "het": {"job_id": 0},
                 "tres": {"requested": [{"type": "cpu", "name": "", "count": 4}, {"type": "mem", "name": "", "count": 8192}],
                          "allocated": [{"type": "cpu", "name": "", "count": 4}, {"type": "energy", "name": "", "count": -2}]},
                 "kill_request_user": "%s"}"""
                .formatted(job.id(), words(job.state(), version), job.reason(), job.user(), job.name(), set(priority),
                        job.nodes().isEmpty() ? "None assigned" : job.nodes(), job.submit().getEpochSecond(),
                        job.start() == null ? 0 : job.start().getEpochSecond(),
                        job.end() == null ? 0 : job.end().getEpochSecond(), limit(job), exit, exit,
                        set(null),
                        job.killedBy());
    }
}
