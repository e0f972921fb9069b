package org.jobwitness.server.report;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.Csv;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Report;
import org.jspecify.annotations.Nullable;

/** GET /v1/reports. */
public final class ReportsEndpoint {
    private final Reports reports;
    private final Json json;
    private final Clock clock;

    public ReportsEndpoint(Reports reports, Json json, Clock clock) {
        this.reports = reports;
        this.json = json;
        this.clock = clock;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/reports", this::report, Role.USER);
    }

    private void report(Context ctx) {
        ReportRequest request = ReportRequest.of(ctx, LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC),
                Set.of("format"));
        boolean csv = Csv.isAskedFor(ctx);
        Report report = reports.of(Caller.of(ctx), request);
        if (csv) {
            ctx.contentType(Csv.CONTENT_TYPE).header("Content-Disposition", "attachment; filename=\"report-"
                    + request.from() + "-" + request.to() + ".csv\"").result(csv(report));
        } else {
            ctx.result(json.text(report));
        }
    }

    /** The rows, without the total, so that a sum over a column is right. */
    private static String csv(Report report) {
        StringBuilder csv = new StringBuilder(Csv.row("period", report.by(), "runs", "not_measured_runs", "failed_runs",
                "cancelled_runs", "node_hours", "coverage", "cpu_hours", "cpu_hours_used", "cpu_hours_wasted",
                "cpu_hours_lost", "gpu_hours", "gpu_hours_used", "gpu_hours_wasted", "gpu_hours_lost",
                "memory_gib_hours", "memory_gib_hours_used", "memory_gib_hours_wasted", "gpu_energy_kwh",
                "wait_hours"));
        for (Report.Row row : report.rows()) {
            csv.append(Csv.row(Csv.text(row.period()), Csv.text(row.key()), Long.toString(row.runs()),
                    Long.toString(row.notMeasuredRuns()), Long.toString(row.runs(JobState.FAILED)),
                    Long.toString(row.runs(JobState.CANCELLED)), Csv.number(row.nodeHours()), number(row.coverage()),
                    hours(row.cpu()), Csv.number(row.cpuHoursLost()), hours(row.gpu()),
                    Csv.number(row.gpuHoursLost()), hours(row.memory()), Csv.number(row.gpuEnergyKwh()),
                    Csv.number(row.waiting().hours())));
        }
        return csv.toString();
    }

    private static String hours(Report.Hours hours) {
        return Csv.row(Csv.number(hours.allocated()), Csv.number(hours.used()), Csv.number(hours.wasted())).strip();
    }

    private static String number(@Nullable Double number) {
        return number == null ? "" : Csv.number(number);
    }
}
