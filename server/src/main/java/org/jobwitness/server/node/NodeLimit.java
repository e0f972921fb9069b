package org.jobwitness.server.node;

import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How many nodes may have agents: each costs rows and series. Nodes that Slurm lists are always taken. Called by the threads of requests. */
public final class NodeLimit {
    private static final Logger log = LoggerFactory.getLogger(NodeLimit.class);
    private static final Duration RELOAD_INTERVAL = Duration.ofMinutes(1);
    private static final Duration REMEMBERED = Duration.ofMinutes(10);

    private final Database database;
    private final int max;
    private final String defaultCluster;
    private final Clock clock;
    private final Set<Name> known = new HashSet<>();
    private @Nullable Instant loadedAt;
    private @Nullable Instant refusedAt;

    private record Name(String cluster, String node) {
    }

    /**
     * Of one server.
     *
     * @param defaultCluster of batches that name none
     */
    public NodeLimit(Database database, int max, String defaultCluster, Clock clock, PrometheusRegistry metrics) {
        this.database = database;
        this.max = max;
        this.defaultCluster = defaultCluster;
        this.clock = clock;
        GaugeWithCallback.builder().name("jobwitness_nodes").help("Nodes whose agents or states this server knows.")
                .callback(gauge -> gauge.call(count())).register(metrics);
        GaugeWithCallback.builder().name("jobwitness_nodes_max").help("How many of them there may be: MAX_NODES.")
                .callback(gauge -> gauge.call(max)).register(metrics);
    }

    private synchronized int count() {
        return known.size();
    }

    /**
     * Refuses a batch of a new node where there are too many.
     *
     * @param cluster null for the default one
     * @throws ApiException 403; agents keep what they have
     */
    public void check(@Nullable String cluster, String node) {
        if (!isTaken(new Name(cluster == null ? defaultCluster : cluster, node))) {
            throw ApiException.forbidden("there are " + max + " nodes already, which is MAX_NODES; raise it if "
                    + node + " is one of yours");
        }
    }

    private synchronized boolean isTaken(Name name) {
        if (known.contains(name)) {
            return true;
        }
        Instant now = clock.instant();
        if (loadedAt == null || (known.size() >= max && loadedAt.plus(RELOAD_INTERVAL).isBefore(now))) {
            load();
            loadedAt = now;
        }
        if (known.contains(name) || known.size() < max) {
            known.add(name);
            return true;
        }
        if (problem().isEmpty()) {
            log.warn("too_many_nodes max={} refused={} cluster={}", max, name.node, name.cluster);
        }
        refusedAt = now;
        return false;
    }

    /** Others may have been stored by another server, or by Slurm. */
    private void load() {
        known.addAll(database.read("nodes_known", handle -> handle.createQuery("select cluster, node from node")
                .map((row, _) -> new Name(row.getString("cluster"), row.getString("node"))).list()));
    }

    /** Why not all batches are taken; empty if all were within ten minutes. */
    public synchronized Optional<String> problem() {
        return refusedAt == null || refusedAt.plus(REMEMBERED).isBefore(clock.instant())
                ? Optional.empty()
                : Optional.of(
                        "batches of nodes beyond the first " + max + " are refused; raise MAX_NODES, or see who sends"
                                + " them (requests_refused in the log)");
    }
}
