package org.jobwitness.server.job;

import java.util.HashSet;
import java.util.Set;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/**
 * The clusters whose reports are taken: those that are configured, or else the first ones that report, up to a number. Each
 * costs series of its own. Called by the threads of requests.
 */
public final class KnownClusters {
    /** Without a list; a site has a few. */
    public static final int MAX_UNLISTED = 50;
    private static final String RECORDED = """
            with recursive known as (
                (select cluster from job where newest order by cluster limit 1)
                union all
                select (select cluster from job where newest and cluster > known.cluster order by cluster limit 1)
                from known where known.cluster is not null)
            select cluster from known where cluster is not null limit :max""";

    private final Database database;
    private final Set<String> listed;
    private final Set<String> known = new HashSet<>();
    private boolean isLoaded;

    /**
     * Of one server.
     *
     * @param listed empty for any clusters
     * @param defaultCluster which is always taken
     */
    public KnownClusters(Database database, Set<String> listed, String defaultCluster) {
        this.database = database;
        this.listed = Set.copyOf(listed);
        known.addAll(listed);
        known.add(defaultCluster);
        isLoaded = !listed.isEmpty();
    }

    /**
     * Refuses a report of a cluster that is not taken.
     *
     * @param cluster null for the default one
     * @throws ApiException 403
     */
    public void check(@Nullable String cluster) {
        if (cluster != null && !isTaken(cluster)) {
            throw ApiException.forbidden("the cluster " + Printable.shown(cluster) + (listed.isEmpty()
                    ? " would be one more than the " + MAX_UNLISTED + " that are taken without the setting CLUSTERS"
                    : " is not in the setting CLUSTERS"));
        }
    }

    private synchronized boolean isTaken(String cluster) {
        if (known.contains(cluster)) {
            return true;
        }
        if (!isLoaded) {
            known.addAll(database.read("clusters", handle -> handle.createQuery(RECORDED).bind("max", MAX_UNLISTED)
                    .mapTo(String.class).list()));
            isLoaded = true;
        }
        return known.contains(cluster) || (listed.isEmpty() && known.size() < MAX_UNLISTED && known.add(cluster));
    }
}
