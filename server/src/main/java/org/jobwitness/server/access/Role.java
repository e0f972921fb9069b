package org.jobwitness.server.access;

import io.javalin.security.RouteRole;

/** Who may call a route. An operator may call all of them. */
public enum Role implements RouteRole {
    /** No token required: liveness, readiness, the API's documentation. */
    OPEN,
    /** Agents and hook scripts: write only. */
    AGENT,
    /** Prometheus. */
    SCRAPE,
    /** Administrators. */
    OPERATOR
}
