/**
 * The cluster's nodes: the newest state and reading of each. Agents and the scheduler report them; the nodes endpoints and
 * {@code metrics} show them. What a job used on a node belongs to {@code sample}.
 */
@NullMarked
package org.jobwitness.server.node;

import org.jspecify.annotations.NullMarked;
