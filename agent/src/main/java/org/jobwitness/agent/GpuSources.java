package org.jobwitness.agent;

import java.util.List;
import org.jobwitness.agent.gpu.Amd;
import org.jobwitness.agent.gpu.GpuSource;

/** Who is asked of the GPUs of this node. */
final class GpuSources {
    private GpuSources() {
    }

    static List<GpuSource> of(AgentConfig config) {
        return config.readsGpus() ? List.of(new Amd(config.sysRoot())) : List.of();
    }
}
