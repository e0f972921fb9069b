package org.jobwitness.server.report;

import static org.jobwitness.server.http.Requests.onlyParameters;

import io.javalin.http.Context;
import java.time.LocalDate;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.http.ApiException;

/**
 * Some days, for reports that read single runs.
 *
 * @param from, to the days, of which {@code to} is not one
 */
public record Period(LocalDate from, LocalDate to) {
    /** The query parameters that it is read from. */
    public static final Set<String> PARAMETERS = Set.of("from", "to");
    /** Of a year, single runs are too many to read. */
    private static final int MAX_DAYS = 92;

    /**
     * Reads the query parameters, which may be missing: the last 30 days.
     *
     * @param today the day in UTC
     * @param others parameters that somebody else reads
     * @throws ApiException 400
     */
    public static Period of(Context ctx, LocalDate today, Set<String> others) {
        onlyParameters(ctx,
                Stream.concat(PARAMETERS.stream(), others.stream()).collect(Collectors.toUnmodifiableSet()));
        return ReportRequest.period(ctx, today, MAX_DAYS);
    }
}
