package org.jobwitness.server.access;

import java.util.List;
import java.util.stream.Stream;

/**
 * Which users are operators, and which are of the helpdesk: by name, or as members of a group with {@code @} before it.
 */
public final class Privileged {
    private final List<String> operators;
    private final List<String> helpdesk;
    private final NameService names;

    /** @param operators, helpdesk names of users, and of groups behind {@code @} */
    public Privileged(List<String> operators, List<String> helpdesk) {
        this.operators = List.copyOf(operators);
        this.helpdesk = List.copyOf(helpdesk);
        this.names = new NameService();
    }

    /** Those of these groups that make an operator or the helpdesk of somebody. */
    List<String> groupsAmong(List<String> groups) {
        return Stream.concat(operators.stream(), helpdesk.stream()).filter(entry -> entry.startsWith("@"))
                .map(entry -> entry.substring(1)).distinct().filter(groups::contains).toList();
    }

    /**
     * A user of one cluster only is never more than a user: the names here are those of this machine.
     *
     * @param groups of the user, beside those that this machine knows
     */
    Role roleOf(User user, List<String> groups) {
        if (user.name() == null || user.cluster() != null) {
            return Role.USER;
        }
        if (isIn(operators, user.name(), groups)) {
            return Role.OPERATOR;
        }
        return isIn(helpdesk, user.name(), groups) ? Role.HELPDESK : Role.USER;
    }

    private boolean isIn(List<String> entries, String name, List<String> groups) {
        return entries.stream().anyMatch(entry -> entry.startsWith("@")
                ? groups.contains(entry.substring(1)) || names.isMember(name, entry.substring(1))
                : entry.equals(name));
    }
}
