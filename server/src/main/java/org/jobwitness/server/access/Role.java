package org.jobwitness.server.access;

import io.javalin.security.RouteRole;

/** Who a route is for. An operator may call everything. */
public enum Role implements RouteRole {
    /** Anybody: liveness, readiness, the API's documents. */
    OPEN,
    /** Agents and hook scripts: they report, and read nothing. */
    AGENT,
    /** Prometheus. */
    SCRAPE,
    /** Administrators. */
    OPERATOR
}
