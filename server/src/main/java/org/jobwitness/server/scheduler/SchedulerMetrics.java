package org.jobwitness.server.scheduler;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** The cost of polling Slurm, and its results. */
final class SchedulerMetrics {
    private final Histogram calls;
    private final Counter errors;
    final Counter evidence;
    final Counter unreadable;
    final Gauge waiting;
    final Gauge lastAnswer;

    SchedulerMetrics(PrometheusRegistry metrics) {
        calls = Histogram.builder().name("jobwitness_scheduler_call_duration_seconds")
                .help("Time that calls to the scheduler took, by what was asked.").labelNames("call", "success")
                .classicOnly().classicUpperBounds(0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60).register(metrics);
        errors = Counter.builder().name("jobwitness_scheduler_call_errors_total")
                .help("Calls to the scheduler that failed, by what was wrong.").labelNames("call", "trouble")
                .register(metrics);
        evidence = Counter.builder().name("jobwitness_scheduler_jobs_total")
                .help("What the scheduler said of jobs, by what became of it.").labelNames("status").register(metrics);
        unreadable = Counter.builder().name("jobwitness_scheduler_jobs_unreadable_total")
                .help("Jobs in the scheduler's lists that could not be understood.").register(metrics);
        waiting = Gauge.builder().name("jobwitness_scheduler_jobs_waiting")
                .help("Jobs that have changed and have not been looked up yet, on the server that asks.")
                .register(metrics);
        lastAnswer = Gauge.builder().name("jobwitness_scheduler_last_answer_timestamp_seconds")
                .help("When the scheduler answered this server last, by who was asked.").labelNames("part")
                .register(metrics);
    }

    @FunctionalInterface
    interface Call<T> {
        T run() throws SlurmException, InterruptedException;
    }

    <T> T timed(String name, Call<T> call) throws SlurmException, InterruptedException {
        long began = System.nanoTime();
        boolean success = false;
        try {
            T answer = call.run();
            success = true;
            return answer;
        } catch (SlurmException e) {
            errors.labelValues(name, e.problem().toString()).inc();
            throw e;
        } finally {
            calls.labelValues(name, String.valueOf(success)).observe((System.nanoTime() - began) / 1e9);
        }
    }
}
