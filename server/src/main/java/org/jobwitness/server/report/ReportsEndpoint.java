package org.jobwitness.server.report;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Csv;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.server.report.ReportRequest.Dimension;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Report;
import org.jobwitness.wire.ReportTalk;
import org.jspecify.annotations.Nullable;

/** GET /v1/reports, /v1/reports/talk and /v1/reports/faults. */
public final class ReportsEndpoint {
    /** How many rows there are: a CSV has at most as many as were asked for, and no other place to say so. */
    private static final String ROWS = "X-Total-Rows";
    private static final int TOPICS = 5;
    private static final Set<String> OF_TALK = Set.of("cluster", "account", "user", "partition", "limit");

    private final AllReports reports;
    private final Json json;
    private final Clock clock;

    public ReportsEndpoint(AllReports reports, Json json, Clock clock) {
        this.reports = reports;
        this.json = json;
        this.clock = clock;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/reports", this::report, Role.USER);
        routes.get("/v1/reports/talk", ctx -> ctx.result(json.text(talk(ctx, reports.talks(), today()))), Role.USER);
        routes.get("/v1/reports/faults",
                ctx -> ctx.result(json.text(reports.faults().of(Period.of(ctx, today(), Set.of())))), Role.HELPDESK);
    }

    private LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    /**
     * As its query parameters ask for.
     *
     * @param today the day in UTC
     * @throws ApiException 400
     */
    public static ReportTalk talk(Context ctx, JobsToTalkAbout talks, LocalDate today) {
        Period period = Period.of(ctx, today, OF_TALK);
        Map<Dimension, String> filters = ReportRequest.filters(ctx);
        return talks.of(Caller.of(ctx), period, filters,
                Requests.number(ctx, "limit", TOPICS, 1, JobsToTalkAbout.MAX_TOPICS));
    }

    private void report(Context ctx) {
        ReportRequest request = ReportRequest.of(ctx, today(), Set.of("format", JobsEndpoint.MINE));
        boolean csv = Csv.isAskedFor(ctx);
        Report report = reports.sums().of(JobsEndpoint.asking(ctx), request);
        ctx.header(ROWS, Long.toString(report.groups()));
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
