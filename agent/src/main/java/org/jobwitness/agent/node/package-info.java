/**
 * The node itself, from /proc: CPUs, memory, load, and the owners of processes.
 */
@NullMarked
package org.jobwitness.agent.node;

import org.jspecify.annotations.NullMarked;
