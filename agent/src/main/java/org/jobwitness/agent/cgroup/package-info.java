/**
 * What the kernel tells of jobs: which cgroups (v2) are jobs, what they hold, and what befalls them. Nothing here asks
 * Slurm, and nothing here sends anything.
 */
@NullMarked
package org.jobwitness.agent.cgroup;

import org.jspecify.annotations.NullMarked;
