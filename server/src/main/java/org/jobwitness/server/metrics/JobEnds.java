package org.jobwitness.server.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.Run;
import org.jobwitness.wire.Reason;

/** Counts the ends of runs by cause, each as it was known when it was first reported. */
public final class JobEnds {
    private final Counter ended;

    public JobEnds(PrometheusRegistry metrics) {
        ended = Counter.builder().name("hpc_job_ended_total")
                .help("Runs whose end this server has recorded since it started, by state and reason as first reported.")
                .labelNames("cluster", "state", "reason").register(metrics);
    }

    /** A listener of {@code JobTable}. */
    public void changed(JobChange change) {
        Run after = change.after();
        boolean wasOpen = change.before() == null || !change.before().outcome().state().isFinal();
        if (after != null && wasOpen && after.outcome().state().isFinal()) {
            Reason reason = after.outcome().reason();
            ended.labelValues(after.identity().cluster(), after.outcome().state().toString(),
                    reason == null ? "none" : reason.toString()).inc();
        }
    }
}
