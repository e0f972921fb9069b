/**
 * NVIDIA GPUs: by NVML, the library of the driver, or by {@code nvidia-smi}.
 */
@NullMarked
package org.jobwitness.agent.gpu.nvidia;

import org.jspecify.annotations.NullMarked;
