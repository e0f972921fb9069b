/**
 * Jobs as the kernel reports them: which cgroups (v2) are jobs, their figures, and changes in them. Asks no Slurm command and
 * sends nothing.
 */
@NullMarked
package org.jobwitness.agent.cgroup;

import org.jspecify.annotations.NullMarked;
