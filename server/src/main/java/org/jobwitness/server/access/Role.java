package org.jobwitness.server.access;

import io.javalin.security.RouteRole;
import java.util.Locale;
import java.util.Set;

/** Who may call a route. An operator may call all of them, and the helpdesk those of users. */
public enum Role implements RouteRole {
    /** No token required: liveness, readiness, the API's documentation, signing in. */
    OPEN,
    /** Agents and hook scripts: write only. */
    AGENT,
    /** Prometheus. */
    SCRAPE,
    /** Whoever has a link to one run. */
    SHARED,
    /** People who have signed in: they see the jobs of their scope. */
    USER,
    /** People who see all jobs, and change none. */
    HELPDESK,
    /** Administrators. */
    OPERATOR;

    boolean mayCall(Set<RouteRole> allowed) {
        return this == OPERATOR || allowed.contains(this) || (this == HELPDESK && allowed.contains(USER));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
