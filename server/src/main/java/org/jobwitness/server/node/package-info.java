/**
 * The cluster's nodes: the last that is known of each, whoever told it. Readings come in from those who see nodes, and go
 * out through the nodes endpoints and {@code metrics}. What a job used on a node is the business of {@code sample}.
 */
@NullMarked
package org.jobwitness.server.node;

import org.jspecify.annotations.NullMarked;
