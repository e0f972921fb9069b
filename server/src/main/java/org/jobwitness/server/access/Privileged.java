package org.jobwitness.server.access;

import java.util.List;

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

    /** A user of one cluster only is never more than a user: the names here are those of this machine. */
    Role roleOf(User user) {
        if (user.name() == null || user.cluster() != null) {
            return Role.USER;
        }
        if (isIn(operators, user.name())) {
            return Role.OPERATOR;
        }
        return isIn(helpdesk, user.name()) ? Role.HELPDESK : Role.USER;
    }

    private boolean isIn(List<String> entries, String name) {
        return entries.stream().anyMatch(entry -> entry.startsWith("@")
                ? names.isMember(name, entry.substring(1))
                : entry.equals(name));
    }
}
