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
                .help("Duration of calls to the scheduler, by call.").labelNames("call", "success")
                .classicOnly().classicUpperBounds(0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60).register(metrics);
        errors = Counter.builder().name("jobwitness_scheduler_call_errors_total")
                .help("Failed calls to the scheduler, by kind of failure.").labelNames("call", "trouble")
                .register(metrics);
        evidence = Counter.builder().name("jobwitness_scheduler_jobs_total")
                .help("Records of jobs from the scheduler, by result.").labelNames("status").register(metrics);
        unreadable = Counter.builder().name("jobwitness_scheduler_jobs_unreadable_total")
                .help("Jobs in the scheduler's lists that could not be read.").register(metrics);
        waiting = Gauge.builder().name("jobwitness_scheduler_jobs_waiting")
                .help("Jobs that have changed and have not been looked up yet, on the server that polls.")
                .register(metrics);
        lastAnswer = Gauge.builder().name("jobwitness_scheduler_last_answer_timestamp_seconds")
                .help("When the scheduler answered this server last, by part.").labelNames("part")
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
