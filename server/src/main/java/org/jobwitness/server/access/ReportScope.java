package org.jobwitness.server.access;

import java.util.Collection;
import java.util.Collections;
import java.util.Set;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;

/** The nodes whose events and batches a caller may send. */
public sealed interface ReportScope {

    /** All nodes of all clusters. */
    record Everything() implements ReportScope {
    }

    /** All nodes of one cluster, and what slurmctld reports there. */
    record Cluster(String cluster) implements ReportScope {
    }

    /** Some nodes of one cluster. */
    record Nodes(String cluster, Set<String> nodes) implements ReportScope {
    }

    /**
     * Refuses a report that is not of these nodes.
     *
     * @param reporting the node that sends it, or where none is named, all that it is about
     * @throws ApiException 403
     */
    default void check(String cluster, Collection<String> reporting) {
        boolean isAllowed = switch (this) {
            case Everything _ -> true;
            case Cluster allowed -> allowed.cluster.equals(cluster);
            case Nodes allowed -> allowed.cluster.equals(cluster) && !reporting.isEmpty()
                    && allowed.nodes.containsAll(reporting);
        };
        if (!isAllowed) {
            throw ApiException.forbidden("the agent token " + described() + ", and this is a report "
                    + (reporting.isEmpty() ? "" : "of " + Printable.shown(String.join(",", reporting)) + " ")
                    + "in the cluster " + Printable.shown(cluster)
                    + "; jobwitness-server token agent makes one for it");
        }
    }

    /** Whether one of a job's nodes is among these. */
    default boolean includesAny(Collection<String> nodesOfJob) {
        return !(this instanceof Nodes allowed) || !Collections.disjoint(nodesOfJob, allowed.nodes);
    }

    private String described() {
        return switch (this) {
            case Everything _ -> "is for all nodes";
            case Cluster allowed -> "is for the nodes of the cluster " + allowed.cluster;
            case Nodes allowed -> "is for " + allowed.nodes.size() + " other nodes, or another cluster";
        };
    }
}
