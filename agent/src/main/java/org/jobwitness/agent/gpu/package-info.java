/**
 * The GPUs of this node: their state since the last reading, and the processes on them. A
 * {@link org.jobwitness.agent.gpu.GpuSource} asks one driver; {@link org.jobwitness.agent.gpu.Gpus} keeps a driver that hangs from
 * blocking anything else. Assignment to jobs is not decided here.
 */
@NullMarked
package org.jobwitness.agent.gpu;

import org.jspecify.annotations.NullMarked;
