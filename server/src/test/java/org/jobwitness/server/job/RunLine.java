package org.jobwitness.server.job;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A run as the case files spell it; resources/job/lifecycle/README.md has the words. */
final class RunLine {
    /** What a case must say of a run, if there is something to say. */
    static final List<String> ALWAYS = List.of("state", "reason", "confirmed", "start", "end");
    /** All that must not depend on the order of events, but for what each node says. */
    static final List<String> EVERYTHING = List.of("job", "cluster", "sluid", "named_start", "state", "reason",
            "confirmed", "start", "end", "start_seen", "user", "uid", "nodes", "partition", "account", "het",
            "restarts", "deadline", "cpus", "memory_mb", "gpus", "vendor", "cgroup", "state_said", "exit", "derived",
            "end_restarts", "oom_killed", "ended_on");

    private RunLine() {
    }

    /** The run in the words of the given keys; after them, those that must always be said and are known. */
    static String show(Run run, Map<String, NodeAllocation> nodes, List<String> keys) {
        List<String> words = new ArrayList<>();
        for (String key : keys) {
            Object value = value(run, nodes, key);
            words.add(key + "=" + (value == null ? Words.UNKNOWN : value));
        }
        for (String key : ALWAYS) {
            Object value = value(run, nodes, key);
            if (value != null && !keys.contains(key)) {
                words.add(key + "=" + value);
            }
        }
        return String.join(" ", words);
    }

    private static Object value(Run run, Map<String, NodeAllocation> nodes, String key) {
        JobAttributes attributes = run.attributes();
        EndEvidence end = run.end();
        int at = key.indexOf('@');
        if (at >= 0) {
            return ofNode(nodes.get(key.substring(at + 1)), key.substring(0, at));
        }
        return switch (key) {
            case "job" -> run.identity().jobId();
            case "cluster" -> run.identity().cluster();
            case "sluid" -> run.identity().sluid();
            case "named_start" -> run.identity().startTime() == null ? null : Words.show(run.identity().startTime());
            case "state" -> run.outcome().state();
            case "reason" -> run.outcome().reason();
            case "confirmed" -> run.outcome().confirmed();
            case "start" -> run.startTime() == null ? null : Words.show(run.startTime());
            case "end" -> end.at() == null ? null : Words.show(end.at());
            case "start_seen" -> run.startSeen();
            case "user" -> attributes.user();
            case "uid" -> attributes.uid();
            case "nodes" -> EventLine.joined(attributes.nodes());
            case "partition" -> attributes.partition();
            case "account" -> attributes.account();
            case "het" -> attributes.hetJobId();
            case "restarts" -> attributes.restartCount();
            case "deadline" -> attributes.deadline() == null ? null : Words.show(attributes.deadline());
            case "cpus" -> attributes.allocated().cpus();
            case "memory_mb" -> attributes.allocated().memoryMb();
            case "gpus" -> EventLine.gpus(attributes.allocated().gpus(), attributes.gpuDevices());
            case "vendor" -> attributes.gpuVendor();
            case "cgroup" -> attributes.cgroupPath();
            case "name" -> attributes.scheduler().get("name");
            case "limit" -> attributes.scheduler().get("time_limit_minutes");
            case "why" -> attributes.scheduler().get("state_reason");
            case "raw_state" -> end.scheduler() == null ? null : end.scheduler().rawState();
            case "state_said" -> end.finalState();
            case "exit" -> end.exit() == null ? null : EventLine.show(end.exit());
            case "derived" -> end.derivedExitCode();
            case "end_restarts" -> end.restartCount();
            case "oom_killed" -> end.oomKilled();
            case "ended_on" -> EventLine.joined(
                    nodes.values().stream().filter(NodeAllocation::ended).map(NodeAllocation::node).toList());
            default -> throw new IllegalArgumentException("nothing that a run has: " + key);
        };
    }

    private static Object ofNode(NodeAllocation node, String key) {
        if (node == null) {
            return null;
        }
        return switch (key) {
            case "gpus" -> EventLine.gpus(node.gpus(), node.gpuDevices());
            case "vendor" -> node.gpuVendor();
            case "cgroup" -> node.cgroupPath();
            case "ended" -> node.ended();
            default -> throw new IllegalArgumentException("nothing that a node says: " + key);
        };
    }
}
