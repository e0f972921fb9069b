package org.jobwitness.server.event;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.wire.InvalidFieldException;
import org.jspecify.annotations.Nullable;

/** SLURM_JOB_CPUS_PER_NODE: {@code 72(x3),36} is 72 CPUs on each of three nodes and 36 on the fourth. */
final class CpusPerNode {
    private static final Pattern GROUP = Pattern.compile("([0-9]{1,6})(?:\\(x([0-9]{1,6})\\))?");

    private CpusPerNode() {
    }

    /**
     * CPUs of each node, in the order of the node list; empty if unknown.
     *
     * @throws InvalidFieldException if it is not such an expression, or has another number of nodes than the list
     */
    static List<Integer> expand(@Nullable String expression, int nodes) {
        if (expression == null) {
            return List.of();
        }
        List<Integer> cpus = new ArrayList<>();
        for (String group : expression.split(",", -1)) {
            Matcher form = GROUP.matcher(group);
            if (!form.matches()) {
                throw new InvalidFieldException("cpus_per_node", "must look like 72(x3),36");
            }
            int times = form.group(2) == null ? 1 : Integer.parseInt(form.group(2));
            if (times > nodes - cpus.size()) {
                throw new InvalidFieldException("cpus_per_node",
                        "has more nodes than node_list, which has " + nodes);
            }
            cpus.addAll(Collections.nCopies(times, Integer.valueOf(form.group(1))));
        }
        if (cpus.size() != nodes) {
            throw new InvalidFieldException("cpus_per_node",
                    "has " + cpus.size() + " nodes, but node_list has " + nodes);
        }
        return cpus;
    }

    /** How many nodes an expression is about; 0 if it is none. */
    static long countNodes(@Nullable String expression) {
        long nodes = 0;
        for (String group : expression == null ? new String[0] : expression.split(",", -1)) {
            Matcher form = GROUP.matcher(group);
            if (!form.matches()) {
                return 0;
            }
            nodes += form.group(2) == null ? 1 : Integer.parseInt(form.group(2));
        }
        return nodes;
    }

    /** The CPUs of all its nodes but some; null if nodes differ, so that it does not show which ones are meant. */
    static @Nullable Integer cpusOfOthers(@Nullable String expression, int nodes) {
        Matcher form = GROUP.matcher(expression == null ? "" : expression);
        if (!form.matches() || form.group(2) == null) {
            return null;
        }
        long cpus = Long.parseLong(form.group(1)) * (Long.parseLong(form.group(2)) - nodes);
        return cpus < 0 || cpus > Integer.MAX_VALUE ? null : Integer.valueOf((int) cpus);
    }
}
