/**
 * AMD GPUs: by amdgpu and KFD in /sys, or by {@code amd-smi} and {@code rocm-smi}.
 */
@NullMarked
package org.jobwitness.agent.gpu.amd;

import org.jspecify.annotations.NullMarked;
