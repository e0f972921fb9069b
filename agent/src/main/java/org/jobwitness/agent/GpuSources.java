package org.jobwitness.agent;

import java.util.List;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.amd.Amd;
import org.jobwitness.agent.gpu.nvidia.Nvidia;

/** Who is asked of the GPUs of this node. */
final class GpuSources {
    private GpuSources() {
    }

    static List<GpuSource> of(AgentConfig config) {
        return config.readsGpus() ? List.of(new Nvidia(), new Amd(config.sysRoot())) : List.of();
    }
}
