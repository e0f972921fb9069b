/** What the node itself tells: its CPUs, its memory, its load, and whose processes are whose. From /proc, and nothing else. */
@NullMarked
package org.jobwitness.agent.node;

import org.jspecify.annotations.NullMarked;
