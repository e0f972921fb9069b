package org.jobwitness.server.metrics;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Set;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.http.Requests;

/** GET /metrics, in the text format or in OpenMetrics, as the Accept header asks. */
public final class MetricsEndpoint {
    private final JobMetrics jobs;
    private final PrometheusRegistry own;
    private final ExpositionFormatWriter text = PrometheusTextFormatWriter.create();
    private final ExpositionFormatWriter openMetrics = OpenMetricsTextFormatWriter.create();

    /**
     * Made of two sources.
     *
     * @param own what the server says of itself
     */
    public MetricsEndpoint(JobMetrics jobs, PrometheusRegistry own) {
        this.jobs = jobs;
        this.own = own;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/metrics", this::metrics, Role.SCRAPE);
    }

    private void metrics(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        String accept = ctx.header("Accept");
        boolean open = accept != null && accept.contains("application/openmetrics-text");
        ExpositionFormatWriter format = open ? openMetrics : text;
        ctx.contentType(format.getContentType());
        ctx.minSizeForCompression(0); // the first portion of what is streamed may be small, and it decides
        try (OutputStream out = ctx.outputStream()) {
            Exposition exposition = new Exposition(out, open);
            boolean up = writeJobs(exposition);
            exposition.gauge("jobwitness_database_up", "Whether the database answered this scrape.").sample(up ? 1 : 0);
            exposition.flush();
            format.write(out, own.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Without its database the server still says how it is; of jobs it says nothing then. */
    private boolean writeJobs(Exposition exposition) {
        try (JobMetrics.Collected collected = jobs.collect()) {
            collected.write(exposition);
            return true;
        } catch (DatabaseUnavailable e) {
            return false;
        }
    }
}
