package org.jobwitness.server.job;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;

/** Evidence as the case files spell it; resources/job/lifecycle/README.md has the words. */
public final class EventLine {
    private static final String CLUSTER = "c1";

    private EventLine() {
    }

    /** @param verb the source: {@code started} and {@code finished} are hooks, {@code reported} is the scheduler, {@code created} and {@code patched} are people */
    public static Evidence parse(String verb, Words words) {
        Evidence evidence = switch (verb) {
            case "started" -> started(words);
            case "finished" -> finished(words);
            case "released" -> released(words);
            case "observed" -> observed(words);
            case "reported" -> reported(words);
            case "lost" -> new Evidence.Lost(identity(words), words.take("at", Words::time));
            case "created" -> new Evidence.Created(identity(words), words.take("at", Words::time), attributes(words));
            case "patched" -> new Evidence.Patched(identity(words), words.take("at", Words::time),
                    words.take("state", EventLine::state));
            default -> throw new IllegalArgumentException("unknown verb " + verb);
        };
        words.noMore();
        return evidence;
    }

    private static Evidence.Reported reported(Words words) {
        return new Evidence.Reported(identity(words), words.take("at", Words::time), attributes(words).withNodesTold(),
                words.take("state", EventLine::state), words.take("reason", EventLine::reason),
                words.take("raw_state"), words.take("end", Words::time), null, List.of(),
                words.take("exit", EventLine::waitStatus), words.take("derived", Integer::valueOf),
                words.take("submit", Words::time));
    }

    private static Evidence.Observed observed(Words words) {
        Instant since = words.take("since", Words::time);
        Instant at = words.take("at", Words::time);
        String node = words.take("node");
        NodeAllocation onNode = new NodeAllocation(node, null, null, List.of(), words.take("cgroup"), false);
        JobAttributes attributes = JobAttributes.of(words.take("user"), words.take("uid", Long::valueOf),
                List.of(node));
        return new Evidence.Observed(identity(words), since == null ? at : since, since != null, onNode, attributes,
                words.take("oom_kills") != null);
    }

    private static JobAttributes attributes(Words words) {
        Map<String, Object> scheduler = new LinkedHashMap<>();
        take(words, "name", text -> text, "name", scheduler);
        take(words, "limit", Integer::valueOf, "time_limit_minutes", scheduler);
        take(words, "why", text -> text, "state_reason", scheduler);
        take(words, "array", text -> text, "array_job_id", scheduler);
        take(words, "list", text -> text, "array_tasks", scheduler);
        take(words, "tasks", Integer::valueOf, "array_task_count", scheduler);
        return JobAttributes.of(words.take("user"), words.take("uid", Long::valueOf), words.takeList("nodes"))
                .withPartition(words.take("partition"), words.take("account"))
                .withRun(null, words.take("restarts", Integer::valueOf), words.take("deadline", Words::time))
                .withScheduler(scheduler);
    }

    /** {@code none} says that there is no such thing, which is not the same as to say nothing. */
    private static void take(Words words, String key, Function<String, Object> value, String name,
            Map<String, Object> scheduler) {
        String text = words.take(key);
        if (text != null) {
            scheduler.put(name, text.equals("none") ? null : value.apply(text));
        }
    }

    private static Object shown(JobAttributes attributes, String name) {
        return attributes.scheduler().containsKey(name) && attributes.scheduler().get(name) == null
                ? "none"
                : attributes.scheduler().get(name);
    }

    private static JobState state(String text) {
        return JobState.valueOf(text.toUpperCase(Locale.ROOT));
    }

    private static Reason reason(String text) {
        return Reason.valueOf(text.toUpperCase(Locale.ROOT));
    }

    private static Evidence.Started started(Words words) {
        String node = words.take("node");
        List<String> gpus = words.takeList("gpus");
        Integer gpuCount = gpus.isEmpty() ? null : Integer.valueOf(gpus.equals(List.of("none")) ? 0 : gpus.size());
        List<String> devices = gpus.equals(List.of("none")) ? List.of() : gpus;
        GpuVendor vendor = words.take("vendor", text -> GpuVendor.valueOf(text.toUpperCase(Locale.ROOT)));
        String cgroup = words.take("cgroup");
        boolean ofNode = node != null;
        Map<String, Object> scheduler = new LinkedHashMap<>();
        take(words, "array", text -> text, "array_job_id", scheduler);
        take(words, "task", Integer::valueOf, "array_task_id", scheduler);
        take(words, "offset", Integer::valueOf, "het_job_offset", scheduler);
        return new Evidence.Started(identity(words), words.take("at", Words::time),
                ofNode ? new NodeAllocation(node, gpuCount, vendor, devices, cgroup, false) : null,
                JobAttributes.of(words.take("user"), words.take("uid", Long::valueOf), words.takeList("nodes"))
                        .withNodesTold().withPartition(words.take("partition"), words.take("account"))
                        .withRun(words.take("het"), words.take("restarts", Integer::valueOf),
                                words.take("deadline", Words::time))
                        .withAllocated(new Resources(words.take("cpus", Integer::valueOf),
                                words.take("memory_mb", Long::valueOf), ofNode ? null : gpuCount))
                        .withDevices(ofNode ? null : vendor, ofNode ? List.of() : devices, ofNode ? null : cgroup)
                        .withScheduler(scheduler),
                List.of(), null);
    }

    private static Evidence.Ended finished(Words words) {
        String node = words.take("node");
        Long oomKills = words.take("oom_kills", Long::valueOf);
        WaitStatus exit = words.take("exit", EventLine::waitStatus);
        WaitStatus raw = words.take("raw", text -> WaitStatus.ofRaw(Integer.parseInt(text)));
        var at = words.take("at", Words::time);
        return new Evidence.Ended(identity(words), at,
                node == null ? null : new NodeAllocation(node, null, null, List.of(), null, true),
                JobAttributes.of(words.take("user"), words.take("uid", Long::valueOf), words.takeList("nodes"))
                        .withNodesTold().withPartition(words.take("partition"), words.take("account"))
                        .withAllocated(new Resources(words.take("cpus", Integer::valueOf), null, null)),
                List.of(), null,
                EndEvidence.reported(at).withFinalState(words.take("state", EventLine::state))
                        .withExit(raw == null ? exit : raw, words.take("derived", Integer::valueOf))
                        .withRestartCount(words.take("restarts", Integer::valueOf))
                        .withOomKilled(oomKills != null && oomKills > 0),
                oomKills == null ? null : new EpilogReading(null, null, oomKills));
    }

    private static Evidence.NodeReleased released(Words words) {
        return new Evidence.NodeReleased(identity(words), words.take("at", Words::time),
                new NodeAllocation(words.take("node"), null, null, List.of(), null, true),
                JobAttributes.of(words.take("user"), words.take("uid", Long::valueOf), words.takeList("nodes"))
                        .withNodesTold(),
                words.take("left", Integer::valueOf), null, null);
    }

    private static Identity identity(Words words) {
        String cluster = words.take("cluster");
        return new Identity(cluster == null ? CLUSTER : cluster, words.take("job"), words.take("sluid"),
                words.take("start", Words::time));
    }

    private static WaitStatus waitStatus(String text) {
        String[] halves = text.split(":", -1);
        return new WaitStatus(Integer.parseInt(halves[0]), Integer.parseInt(halves[1]));
    }

    /** The evidence as {@link #parse} reads it, so that what a test prints can become a case. */
    static String show(Evidence evidence) {
        Line line = new Line(switch (evidence) {
            case Evidence.Started _ -> "started ";
            case Evidence.Ended _ -> "finished";
            case Evidence.NodeReleased _ -> "released";
            case Evidence.Observed _ -> "observed";
            case Evidence.Reported _ -> "reported";
            case Evidence.Lost _ -> "lost    ";
            case Evidence.Created _ -> "created";
            case Evidence.Patched _ -> "patched ";
        });
        Identity identity = evidence.identity();
        JobAttributes attributes = evidence.attributes();
        NodeAllocation node = evidence.onNode();
        line.add("job", identity.jobId()).add("cluster", identity.cluster()).add("sluid", identity.sluid())
                .add("start", identity.startTime() == null ? null : Words.show(identity.startTime()))
                .add("node", node == null ? null : node.node())
                .add(evidence instanceof Evidence.Observed observed && observed.isStart() ? "since" : "at",
                        evidence.at() == null ? null : Words.show(evidence.at()))
                .add("user", attributes.user()).add("uid", attributes.uid())
                .add("nodes", evidence instanceof Evidence.Observed ? null : joined(attributes.nodes()))
                .add("partition", attributes.partition()).add("account", attributes.account())
                .add("cpus", attributes.allocated().cpus());
        switch (evidence) {
            case Evidence.Started _ -> {
                line.add("het", attributes.hetJobId()).add("restarts", attributes.restartCount())
                        .add("deadline", attributes.deadline() == null ? null : Words.show(attributes.deadline()))
                        .add("memory_mb", attributes.allocated().memoryMb());
                if (node == null) {
                    line.add("gpus", gpus(attributes.allocated().gpus(), attributes.gpuDevices()))
                            .add("vendor", attributes.gpuVendor())
                            .add("cgroup", attributes.cgroupPath());
                } else {
                    line.add("gpus", gpus(node.gpus(), node.gpuDevices())).add("vendor", node.gpuVendor())
                            .add("cgroup", node.cgroupPath());
                }
            }
            case Evidence.Ended ended -> {
                EndEvidence end = ended.end();
                line.add("restarts", end.restartCount()).add("state", end.finalState())
                        .add("exit", end.exit() == null ? null : show(end.exit())).add("derived", end.derivedExitCode())
                        .add("oom_kills", ended.reading() == null ? null : ended.reading().oomKills());
            }
            case Evidence.NodeReleased released -> line.add("left", released.cpusLeft());
            case Evidence.Observed observed -> line.add("cgroup", node == null ? null : node.cgroupPath())
                    .add("oom_kills", observed.oomKilled() ? 1 : null);
            case Evidence.Reported reported -> line.add("name", attributes.scheduler().get("name"))
                    .add("limit", shown(attributes, "time_limit_minutes")).add("why", shown(attributes, "state_reason"))
                    .add("state", reported.state()).add("reason", reported.reason())
                    .add("raw_state", reported.rawState())
                    .add("end", reported.endTime() == null ? null : Words.show(reported.endTime()))
                    .add("restarts", attributes.restartCount())
                    .add("deadline", attributes.deadline() == null ? null : Words.show(attributes.deadline()))
                    .add("exit", reported.exit() == null ? null : show(reported.exit()))
                    .add("derived", reported.derivedExitCode())
                    .add("submit", reported.submittedAt() == null ? null : Words.show(reported.submittedAt()));
            case Evidence.Lost _ -> {
                // no more than that
            }
            case Evidence.Created _ -> line.add("name", attributes.scheduler().get("name"));
            case Evidence.Patched amended -> line.add("state", amended.state());
        }
        return line.text();
    }

    static String show(WaitStatus status) {
        return status.exitCode() + ":" + status.signal();
    }

    static String joined(List<String> names) {
        return names.isEmpty() ? null : String.join(",", names);
    }

    /** The devices; {@code none} where it is known that there are none. */
    static String gpus(Integer count, List<String> devices) {
        return count != null && count == 0 ? "none" : joined(devices);
    }

    private static final class Line {
        private final List<String> words = new ArrayList<>();

        Line(String verb) {
            words.add(verb);
        }

        Line add(String key, Object value) {
            if (value != null) {
                words.add(key + "=" + value);
            }
            return this;
        }

        String text() {
            return String.join(" ", words);
        }
    }
}
