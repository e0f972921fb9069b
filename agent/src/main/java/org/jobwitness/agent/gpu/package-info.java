/**
 * The GPUs of this node: which there are, how each has been used since it was last asked, and which processes are on it. A
 * {@link org.jobwitness.agent.gpu.GpuSource} asks one driver, {@link org.jobwitness.agent.gpu.Gpus} sees to it that a driver that
 * does not answer keeps nobody waiting. Whose job a GPU serves is not decided here.
 */
@NullMarked
package org.jobwitness.agent.gpu;

import org.jspecify.annotations.NullMarked;
