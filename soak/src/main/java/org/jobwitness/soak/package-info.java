/**
 * Fault injection: agents, a server with its PostgreSQL, and everything that may fail between them. Each reading that an agent
 * has queued must be stored, and only once. Started by {@code make soak-agent}; {@code AgentKillTest} is the short form.
 */
@NullMarked
package org.jobwitness.soak;

import org.jspecify.annotations.NullMarked;
