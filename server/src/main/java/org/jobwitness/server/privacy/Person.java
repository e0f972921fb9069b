package org.jobwitness.server.privacy;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.access.User;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.query.Visibility;
import org.jspecify.annotations.Nullable;

/** One person by a user's name, which may be several people's: on clusters that number users differently, or one after another. */
public record Person(User user) {

    /** There is more than one person of that name. */
    public static final class Ambiguous extends Exception {
        private static final long serialVersionUID = 1L;

        Ambiguous(String message) {
            super(message);
        }
    }

    private record Known(String cluster, @Nullable Long uid) {
    }

    /**
     * The only person of a name.
     *
     * @param cluster null if the name is known on one only
     * @param uid null if the name has one only there
     */
    public static Person find(Database database, String name, @Nullable String cluster, @Nullable Long uid)
            throws Ambiguous {
        List<Known> known = database.read("person_find", handle -> handle.createQuery("""
                select distinct cluster, uid from job where user_name = :name
                union select distinct cluster, uid from report_owner where user_name = :name""").bind("name", name)
                .map((row, _) -> new Known(row.getString("cluster"), row.getObject("uid", Long.class))).list());
        Set<String> clusters = known.stream().map(Known::cluster).collect(Collectors.toCollection(TreeSet::new));
        if (cluster == null && clusters.size() > 1) {
            throw new Ambiguous("the user is known on the clusters " + String.join(", ", clusters)
                    + "; name one with --cluster, and repeat it for each if it is one person");
        }
        Set<Long> uids = known.stream().filter(one -> cluster == null || one.cluster.equals(cluster)).map(Known::uid)
                .filter(Objects::nonNull).collect(Collectors.toCollection(TreeSet::new));
        if (uid == null && uids.size() > 1) {
            throw new Ambiguous(
                    "the user has the uids " + uids + "; name one with --uid, and repeat it for each if it is"
                            + " one person");
        }
        String only = clusters.size() == 1 ? clusters.iterator().next() : null;
        Long onlyUid = uids.isEmpty() ? null : uids.iterator().next();
        return new Person(new User(name, uid == null ? onlyUid : uid, cluster == null ? only : cluster));
    }

    String name() {
        return Objects.requireNonNull(user.name());
    }

    /** On the columns of a job, or of an owner in reports. */
    Condition owned() {
        return Visibility.of(new Scope.JobsOf(user, Set.of()));
    }
}
